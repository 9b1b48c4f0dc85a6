"""The page that a training writes when it ends: what it holds, and that it changes nothing else."""

import json
import shutil

import pytest
import yaml

from mrcnn.datasets.images import ImageError
from mrcnn.evaluation import coco, outcome
from mrcnn.training import fingerprint
from mrcnn.training.metrics import read_metrics
from mrcnn.training.run import weights_in
from mrcnn.weights import best_score
from pumpkin import run_report
from pumpkin.commands import evaluate, train
from pumpkin.config import PumpkinConfig
from tests import browser
from tests.commands.test_train import TINY
from tests.reports.pages import Scenes, assert_sound
from tests.reports.pages import outcome as known_outcome
from tests.reports.test_in_a_browser import assert_quiet
from tests.scenes import write_dataset
from tests.sooner import eagerly

SETTINGS = {**{name: value for name, value in TINY.items() if name != "AP_EVERY"}, "VALIDATION_STEPS": None}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def soon():
    """The code may be edited while it is tested, and graphs are not traced."""
    with pytest.MonkeyPatch.context() as monkeypatch, eagerly():
        monkeypatch.setattr(fingerprint, "sources_hash", lambda packages: "c0de" * 16)
        yield


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    (folder / "tiny.yaml").write_text(yaml.safe_dump({**SETTINGS, "STEPS_PER_EPOCH": 1}))
    data = write_dataset(folder / "data", train=3, val=2)
    return [
        "--weights",
        "none",
        "--config",
        str(folder / "tiny.yaml"),
        "--dataset",
        str(data),
        "--epochs",
        "2",
    ]


@pytest.fixture(scope="module")
def run(words, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    assert train.main([*words, "--out", str(out)]) == 0
    (folder,) = out.iterdir()
    return folder


def test_the_page(run):
    page = assert_sound((run / "report.html").read_text())
    words = " ".join(page.texts)
    assert f"Training {run.name}" in words
    for title in (
        "Curves",
        "Settings that differ from the defaults",
        "Data",
        "What training sees",
        "Average precision",
    ):
        assert title in words
    assert "RPN_CHANNELS" in words and "side when scaled, px" in words and "2 of 2" in words
    assert f"Report: {run / 'report.html'}" in (run / "train.log").read_text().splitlines()


def test_the_best_epoch_is_by_ap_which_is_measured_by_default(run):
    stored = yaml.safe_load((run / "config.yaml").read_text())
    assert (stored["AP_EVERY"], stored["AP_IMAGES"], stored["BEST_BY"]) == (5, 100, "mask_ap")
    rows = read_metrics(run / "metrics.csv")
    assert [row["val_mask_ap"] != "" for row in rows] == [False, True]  # after the last
    assert json.loads((run / "run.json").read_text())["best"]["epochs"] == 2


def test_weights_and_numbers_are_those_of_a_run_without_a_page(run, words, tmp_path):
    assert train.main([*words, "--out", str(tmp_path), "--no-report"]) == 0
    (other,) = tmp_path.iterdir()
    name = "mask_rcnn_tiny_0002.h5"
    assert (other / name).read_bytes() == (run / name).read_bytes()
    facts, others = (json.loads((folder / "run.json").read_text()) for folder in (run, other))
    assert (facts["fingerprint"], facts["result"]) == (others["fingerprint"], others["result"])
    assert not (other / "report.html").exists() and not list(other.glob("*.best_score.json"))
    # One that was killed before the page gets it when it is resumed; one that has it keeps it.
    assert train.main(["--resume", str(other)]) == 0
    assert json.loads((other / "run.json").read_text())["best"] == others["best"] is not None
    before = (other / "report.html").stat().st_mtime_ns
    assert train.main(["--resume", str(other)]) == 0
    assert (other / "report.html").stat().st_mtime_ns == before
    assert (other / name).read_bytes() == (run / name).read_bytes()


def test_a_page_afterwards(run, tmp_path):
    assert evaluate.main(["--weights", str(run), "--report", str(tmp_path / "page"), "--limit", "1"]) == 0
    words = " ".join(assert_sound((tmp_path / "page" / "index.html").read_text()).texts)
    assert "Curves" in words and "RPN_CHANNELS" in words and "Average precision" in words


def test_without_validation_images(run, words, tmp_path, capsys):
    data = write_dataset(tmp_path / "data", train=3, val=0)
    own = [
        *words,
        "--out",
        str(tmp_path / "runs"),
        "--dataset",
        str(data),
        "--val-share",
        "0",
        "--epochs",
        "1",
    ]
    assert train.main(own) == 0
    (folder,) = (tmp_path / "runs").iterdir()
    assert "There are no validation images." in (folder / "report.html").read_text()
    assert "AP will not be measured because there are no validation images." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (
            ImageError("photo.jpg: is damaged."),
            0,
            "The training is complete, but has no report: photo.jpg: is damaged. ",
        ),
        (OSError(28, "No space left on device", "a"), 0, "has no report: a: no space left on device. "),
        (KeyboardInterrupt(), 130, "Stopped. The training is complete, but has no report yet: "),
    ],
    ids=["image", "disk", "stopped"],
)
def test_a_run_without_its_page_is_whole(run, monkeypatch, capsys, error, code, told):
    def fail(*_, **__):
        raise error

    page = (run / "report.html").read_bytes()
    monkeypatch.setattr(outcome, "measure", fail)
    (run / "report.html").unlink()
    try:
        assert train.main(["--resume", str(run)]) == code
        lines = capsys.readouterr().out.splitlines()
        assert told in lines[-1] and f"--weights {run} --report DIR writes one" in lines[-1]
        assert not (run / "report.html").exists()
    finally:
        (run / "report.html").write_bytes(page)


def test_no_ap_without_an_instance(run, monkeypatch):
    def nothing(*_, **__):
        raise coco.EvaluationError("None of the 2 images holds an instance to find, so there is no AP.")

    monkeypatch.setattr(outcome, "measure", nothing)
    (section,) = run_report._evaluated(weights_in(run), Scenes(), PumpkinConfig(), False, False)
    assert "None of the 2 images holds an instance to find" in section


def test_the_score_of_best_f1_is_kept_for_detection(run, monkeypatch):
    monkeypatch.setattr(outcome, "measure", lambda *_, **__: known_outcome())
    sections = run_report._evaluated(weights_in(run), Scenes(), PumpkinConfig(), False, False)
    kept = best_score.read(weights_in(run))
    assert (kept.score, kept.f1) == (pytest.approx(0.45), pytest.approx(0.4))
    assert (kept.split, kept.dataset, kept.images) == ("val", "data/pumpkin", 3)
    assert "Best F1 0.400" in "".join(sections)


def test_the_last_checkpoint_gets_its_score_too(run, tmp_path, monkeypatch):
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    shutil.copy(weights_in(run), copy / "mask_rcnn_tiny_0003.h5")  # after the best one
    monkeypatch.setattr(outcome, "measure", lambda *_, **__: known_outcome())
    run_report._evaluated(weights_in(copy), Scenes(), PumpkinConfig(), False, False)
    found = [best_score.read(path).f1 for path in sorted(copy.glob("*.h5"))]
    assert weights_in(copy).name == "mask_rcnn_tiny_0002.h5"
    assert found == [pytest.approx(0.4)] * 2


@browser.needed
def test_in_a_browser(run, tmp_path):
    with browser.running(tmp_path) as chromium:
        for width in (1200, 390):
            page = chromium.open(run / "report.html", width)
            assert_quiet(page, run / "report.html", 13)
