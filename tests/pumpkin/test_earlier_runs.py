"""Runs to resume: what their run.json must hold, and one sentence for each kind of damage."""

import json
import shutil

import pytest
import yaml

from mrcnn.training.errors import RunError
from pumpkin.config import PumpkinConfig
from pumpkin.earlier_runs import read_run

FACTS = {
    "options": {"skip_bad": False},
    "weights": {"name": "none", "file": None, "sha256": None},
    "versions": {"backend": "tensorflow"},
    "config": {"SEED": 0},
    "data": {"train": "0" * 64, "val": None},
    "started": "2026-01-01T00:00:00",
}


@pytest.fixture
def folder(tmp_path):
    """A run's folder as far as read_run looks at it."""
    made = tmp_path / "runs" / "pumpkin20260101T0000"
    made.mkdir(parents=True)
    (made / "config.yaml").write_text(yaml.safe_dump(PumpkinConfig().to_plain()))
    (made / "run.json").write_text(json.dumps(FACTS))
    return made


def test_a_whole_run_is_read(folder):
    found, config, facts = read_run("last", folder.parent, {"WORKERS": 3})
    assert (found, config.WORKERS, facts) == (folder, 3, FACTS)


def test_a_run_keeps_the_masks_that_it_began_with(folder):
    """Runs that are older than MASK_TARGET learned matterport's targets; newer ones say what they learn."""
    settings = yaml.safe_load((folder / "config.yaml").read_text())
    assert read_run("last", folder.parent, {})[1].MASK_TARGET == "aligned"
    del settings["MASK_TARGET"], settings["MASK_PASTE"]
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    config = read_run("last", folder.parent, {})[1]
    assert (config.MASK_TARGET, config.MASK_PASTE) == ("corner", "matterport")


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({**FACTS, "weights": {}}, "is damaged: it lacks weights.name"),
        ({**FACTS, "versions": ["keras"]}, "is damaged: it lacks versions.backend"),
        ({**FACTS, "options": []}, "was not started by scripts/train.py"),
        ({**FACTS, "options": {"skip_bad": "no"}}, "is damaged: it lacks options.skip_bad"),
        ({**FACTS, "result": "good"}, "is damaged: its result has no weights"),
        ({**FACTS, "changes": [1]}, "is damaged: its changes are not a list of changes"),
        (
            {**FACTS, "changes": [{"epoch": 1, "step": 0, "changed": 5}]},
            "its changes are not a list of changes",
        ),
        ({**FACTS, "weights": {"name": "a", "file": 5}}, "is damaged: the file of its weights is no path"),
        ({**FACTS, "reproduces": ["a"]}, "is damaged: what it reproduces is no folder"),
        ({key: value for key, value in FACTS.items() if key != "data"}, "is damaged: it lacks data.train"),
        ([FACTS], "is damaged: it holds a list instead of"),
        ({"options": {"skip_bad": False}, "weights": {}}, "is damaged: it lacks weights.name"),
    ],
)
def test_a_damaged_run_is_one_sentence(folder, facts, message):
    (folder / "run.json").write_text(json.dumps(facts))
    with pytest.raises(RunError) as caught:
        read_run(str(folder), folder.parent, {})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["[1]", "{", "", '{"a": "\\ud8', "[" * 5000, "{}", "NaN"])
def test_another_runs_damage_does_not_hide_the_last(folder, capsys, content):
    damaged = folder.with_name("pumpkin20270101T0000")
    shutil.copytree(folder, damaged)
    (damaged / "run.json").write_text(content)
    assert read_run("last", folder.parent, {})[0] == folder
    assert capsys.readouterr().out.count("Skipped: ") == (content != "{}")
