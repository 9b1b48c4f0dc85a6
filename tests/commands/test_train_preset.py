"""Training from a preset of keras-hub, and what needs the preset no more: detecting and resuming."""

import json
import shutil

import numpy as np
import pytest
import yaml

import mrcnn
from mrcnn.modeling.hub import keras_hub
from mrcnn.training.run import checkpoints
from mrcnn.weights import named
from mrcnn.weights.hdf5 import open_weights, read_groups
from pumpkin import models
from pumpkin.commands import train
from tests import presets
from tests.commands.test_train import TINY
from tests.scenes import write_dataset
from tests.tiny import picture

# keras-hub reads and writes Keras's variables in a way that NumPy 2 warns of.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
STAGES = [{"layers": "5+", "epochs": 1, "learning_rate": 0.001}]


@pytest.fixture(scope="module", autouse=True)
def steady(without_curves, without_report, tmp_path_factory):
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("MRCNN_CACHE", str(tmp_path_factory.mktemp("cache")))
        monkeypatch.setattr("mrcnn.training.fingerprint.sources_hash", lambda packages: "c0de" * 16)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the preset "small", the data and the runs of a training are, and its config."""
    folder = tmp_path_factory.mktemp("words")
    backbone = presets.save_preset(folder / "small", card="---\nlicense: mit\n---\n")
    settings = {**TINY, "BACKBONE": backbone, "TRAIN_BN": False, "STAGES": STAGES}
    (folder / "preset.yaml").write_text(yaml.safe_dump(settings))
    write_dataset(folder / "data", train=2, val=1)
    return folder


def words(folder, out):
    """The command line of a training, but for --weights."""
    return ["--config", str(folder / "preset.yaml"), "--dataset", str(folder / "data"), "--out", str(out)]


@pytest.fixture(scope="module")
def run(folder):
    """A run that began with the weights of the preset."""
    assert train.main(["--weights", "imagenet", *words(folder, folder / "runs")]) == 0
    (run,) = (folder / "runs").iterdir()
    return run


@pytest.fixture
def gone(run, folder):
    """The same run without its preset."""
    shutil.move(folder / "small", folder / "gone")
    yield run
    shutil.move(folder / "gone", folder / "small")


def backbone_weights(path):
    """The weights of a file's backbone by name."""
    with open_weights(path) as file:
        tensors = [tensor for _, own in read_groups(file) for tensor in own]
        return {name: data[()] for name, data in sorted(tensors) if name.startswith("stage")}


def test_the_log_names_the_preset_its_size_and_its_licence(run, folder):
    log = (run / "train.log").read_text().splitlines()
    small = folder / "small"
    assert log[0] == f"Backbone: keras_hub:{small}; 123,232 weights (0.5 MB), licence mit ({small})"
    assert any("_small.h5: loaded 60 of " in line for line in log if line.startswith("Weights: "))


def test_the_run_records_the_preset(run):
    facts = json.loads((run / "run.json").read_text())
    stored = yaml.safe_load((run / "config.yaml").read_text())["BACKBONE_PRESET"]
    assert facts["config"]["BACKBONE_PRESET"] == stored
    assert (stored["class_name"], stored["licence"], stored["scale"]) == (
        "ResNetBackbone",
        "mit",
        presets.SCALE,
    )
    assert facts["versions"]["keras-hub"] == keras_hub().__version__
    assert (facts["weights"]["name"], len(facts["weights"]["sha256"])) == ("imagenet", 64)
    assert named.read_metadata(checkpoints(run)[1])["config"]["BACKBONE_PRESET"] == stored


def test_only_stage_5_of_the_backbone_was_trained(run):
    start = backbone_weights(json.loads((run / "run.json").read_text())["weights"]["file"])
    end = backbone_weights(checkpoints(run)[1])
    assert start.keys() == end.keys() and len(start) == 60
    changed = [name for name in start if (start[name] != end[name]).any()]
    assert changed and all(name.startswith("stage5_") for name in changed)


def test_detecting_needs_no_preset(gone):
    predictor = mrcnn.load(gone, DETECTION_MIN_CONFIDENCE=0.0)
    assert predictor(picture(60, 80)).boxes.shape[1] == 4
    loaded = {tensor.name: tensor.numpy() for tensor in named.tensors_of(predictor.model.keras_model)}
    for name, value in backbone_weights(checkpoints(gone)[1]).items():
        np.testing.assert_array_equal(loaded[name], value)


def test_a_config_file_without_the_preset_takes_it_from_the_weights(gone, folder):
    config = models.config_of(checkpoints(gone)[1], folder / "preset.yaml")
    stored = named.read_metadata(checkpoints(gone)[1])["config"]["BACKBONE_PRESET"]
    assert stored == config.BACKBONE_PRESET


def test_resuming_needs_no_preset_and_finds_nothing_changed(gone, capsys):
    assert train.main(["--resume", str(gone)]) == 0
    out = capsys.readouterr().out
    assert "Nothing is left to train" in out and "Changed since" not in out


def test_a_repetition_ends_with_the_same_bits(run, tmp_path, capsys):
    assert train.main(["--reproduce", str(run), "--out", str(tmp_path)]) == 0
    assert f"Equal: the weights are those of {run} to the last bit" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("backbone", "sentence"),
    [
        ("keras_hub:resnet_50", "the nearest preset is resnet_50_imagenet."),
        ("keras_hub:", "BACKBONE must be"),
    ],
)
def test_mistakes_end_before_data_are_read(folder, tmp_path, capsys, backbone, sentence):
    given = [*words(folder, tmp_path), "--set", f"BACKBONE={backbone}"]
    assert train.main(["--weights", "none", *given]) == 1
    out, err = capsys.readouterr()
    assert sentence in err and "Read as" not in out
    assert not list(tmp_path.iterdir())
