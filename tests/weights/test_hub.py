"""Presets of keras-hub: what is read of them, their weights as files of ours, and what may be wrong."""

import json
import shutil

import numpy as np
import pytest
import requests

from mrcnn.backbones import BackboneError
from mrcnn.config import Config
from mrcnn.modeling.hub import PresetBackbone, extractor_of, keras_hub
from mrcnn.weights import hub, named
from mrcnn.weights.downloads import DownloadError
from tests import presets

# keras-hub reads and writes Keras's variables in a way that NumPy 2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
CARD = "---\nlibrary_name: keras-hub\nlicense: cc-by-4.0\n---\n# A small ResNet\n"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MRCNN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "keras_hub"


@pytest.fixture(scope="module")
def model():
    return presets.small_resnet()


@pytest.fixture(scope="module")
def small(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets") / "small"
    presets.save_preset(folder, model, CARD)
    return folder


@pytest.fixture
def copy(small, tmp_path):
    return shutil.copytree(small, tmp_path / "copy")


class OfPreset(Config):
    NAME = "small"


def config_of(folder):
    config = OfPreset()
    config.update({"BACKBONE": f"keras_hub:{folder}"})
    return config


def test_what_a_folder_says(small, model):
    of_small = {"preset": str(small), "source": str(small), "licence": "cc-by-4.0"}
    assert hub.read(str(small)) == {**presets.known(model), **of_small}


def test_a_preset_is_read_once_and_its_network_needs_it_no_more(copy, model):
    config = config_of(copy)
    config.check()
    assert hub.complete(config)
    known = config.BACKBONE_PRESET
    shutil.rmtree(copy)
    assert not hub.complete(config) and config.BACKBONE_PRESET is known
    config.check()
    layer = PresetBackbone(json.loads(json.dumps(config.to_plain()["BACKBONE_PRESET"])))
    assert layer.extractor.count_params() == model.count_params()


def test_another_backbone_forgets_the_preset(small):
    config = config_of(small)
    hub.complete(config)
    config.update({"BACKBONE": "light"})
    assert not hub.complete(config)
    assert config.BACKBONE_PRESET is None


def test_weights_arrive_bit_by_bit(small, model, cache):
    preset = hub.read(str(small))
    path = hub.weights_file(preset)
    assert path.parent == cache and path.name.endswith("_small.h5")
    assert named.read_metadata(path)["preset"] == preset
    layer = PresetBackbone(preset, name="backbone")
    report = named.load_backbone(layer.extractor, path)
    assert (len(report.loaded), report.not_in_file, report.unused_in_file) == (60, [], [])
    names = extractor_of(model)[1]
    for theirs, ours in names.items():
        stored = layer.extractor.get_layer(ours).get_weights()
        for one, other in zip(stored, model.get_layer(theirs).get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


def test_the_file_of_a_folder_follows_the_folder(copy):
    preset = hub.read(str(copy))
    before = hub.weights_file(preset).read_bytes()
    assert hub.weights_file(preset).read_bytes() == before
    other = presets.small_resnet()
    other.layers[2].kernel.assign(other.layers[2].kernel * 2)
    presets.save_preset(copy, other)
    assert hub.weights_file(preset).read_bytes() != before


@pytest.fixture
def downloaded(model, monkeypatch):
    """keras-hub downloads resnet_50_imagenet, which is small here; the list has each download of weights."""
    loaded = []

    def from_preset(preset, load_weights=True, **sizes):
        assert preset == "resnet_50_imagenet"
        loaded.extend([sizes] if load_weights else [])
        return model

    converter = keras_hub().layers.ImageConverter(scale=presets.SCALE, offset=presets.OFFSET)
    monkeypatch.setattr(keras_hub().models.Backbone, "from_preset", from_preset)
    monkeypatch.setattr(keras_hub().layers.ImageConverter, "from_preset", lambda preset: converter)
    return loaded


def test_a_preset_by_name_says_what_it_is_and_its_licence(downloaded):
    preset = hub.read("resnet_50_imagenet")
    assert preset["source"] == "kaggle://keras/resnetv1/keras/resnet_50_imagenet/3"
    assert hub.described(preset) == (
        "Backbone: keras_hub:resnet_50_imagenet: 50-layer ResNet model pre-trained on the ImageNet 1k "
        "dataset at a 224x224 resolution; 123,232 weights (0.5 MB), licence Apache 2.0 "
        "(kaggle://keras/resnetv1/keras/resnet_50_imagenet/3)"
    )
    assert downloaded == []


def test_the_weights_of_a_version_are_downloaded_once(downloaded, cache):
    preset = hub.read("resnet_50_imagenet")
    path = hub.weights_file(preset)
    assert path == cache / "keras_resnetv1_keras_resnet_50_imagenet_3.h5"
    assert hub.weights_file(preset) == path
    assert downloaded == [{"image_shape": [None, None, 3]}]


def test_a_licence_that_is_not_known():
    preset = {**presets.known(presets.small_resnet()), "preset": "csp", "description": "A net."}
    sentence = hub.described({**preset, "source": "kaggle://keras/cspdarknet/keras/csp/1"})
    assert sentence == (
        "Backbone: keras_hub:csp: A net; 123,232 weights (0.5 MB), licence: see "
        "https://www.kaggle.com/models/keras/cspdarknet (kaggle://keras/cspdarknet/keras/csp/1)"
    )
    assert "(0.5 MB), licence not named (small)" in hub.described({**preset, "source": "small"})
    assert "licence: see https://huggingface.co/a/b" in hub.described({**preset, "source": "hf://a/b"})


@pytest.mark.parametrize(
    ("name", "what_to_do"),
    [
        ("resnet_vd_50_sld_imagenet", "the nearest preset is resnet_vd_50_ssld_imagenet."),
        ("./no/folder", "docs/backbones.md names presets."),
    ],
)
def test_an_unknown_name_names_the_nearest(name, what_to_do):
    with pytest.raises(BackboneError) as error:
        hub.read(name)
    assert str(error.value) == (
        f"BACKBONE keras_hub:{name}: keras-hub {keras_hub().__version__} has no such "
        f"preset, and there is no such folder; {what_to_do}"
    )


@pytest.mark.parametrize("name", ["vit_base_patch16_224_imagenet", "dinov2_small", "mit_b0_ade20k_512"])
def test_a_preset_without_a_pyramid_is_refused_before_it_is_downloaded(name):
    with pytest.raises(BackboneError) as error:
        hub.read(name)
    assert str(error.value) == (
        f"The preset {name} cannot be a backbone, which has feature maps of the "
        "strides 4, 8, 16 and 32: keras-hub has no such pyramid of it; presets of ResNet, CSPNet, DenseNet "
        "and EfficientNet have them."
    )


def test_a_folder_of_another_model_is_refused(tmp_path):
    model = keras_hub().models.VGGBackbone(stackwise_num_repeats=[1] * 5, stackwise_num_filters=[4] * 5)
    model.save_to_preset(str(tmp_path / "vgg"))
    with pytest.raises(BackboneError, match="keras-hub's VGGBackbone has no pyramid"):
        hub.read(str(tmp_path / "vgg"))


def test_no_network(monkeypatch):
    def unreachable(*_, **__):
        request = requests.Request("GET", "https://api.kaggle.com/v1/models").prepare()
        raise requests.ConnectionError("Max retries exceeded", request=request)

    monkeypatch.setattr(keras_hub().models.Backbone, "from_preset", unreachable)
    with pytest.raises(DownloadError) as error:
        hub.read("resnet_50_imagenet")
    assert str(error.value) == (
        "The preset resnet_50_imagenet of keras-hub cannot be downloaded: api.kaggle.com: the connection "
        'fails. Where there is a network, keras_hub.models.ImageClassifier.from_preset("resnet_50_imagenet")'
        '.save_to_preset("FOLDER") writes a folder that needs none: set BACKBONE=keras_hub:FOLDER here.'
    )


def test_a_folder_that_a_classifier_wrote_is_whole(model, tmp_path):
    """The message above advises it."""
    layers, models = keras_hub().layers, keras_hub().models
    converter = layers.ResNetImageConverter(image_size=(64, 64), scale=presets.SCALE, offset=presets.OFFSET)
    task = models.ResNetImageClassifier(
        backbone=presets.small_resnet(), num_classes=2,
        preprocessor=models.ResNetImageClassifierPreprocessor(converter),
    )  # fmt: skip
    task.save_to_preset(str(tmp_path / "whole"))
    preset = hub.read(str(tmp_path / "whole"))
    assert (preset["scale"], preset["offset"]) == (presets.SCALE, presets.OFFSET)
    layer = PresetBackbone(preset, name="backbone")
    assert len(named.load_backbone(layer.extractor, hub.weights_file(preset)).loaded) == 60


def test_a_folder_without_its_image_converter(copy):
    (copy / "image_converter.json").unlink()
    with pytest.raises(BackboneError) as error:
        hub.read(str(copy))
    assert str(error.value) == (
        f"{copy}: this preset has no image_converter.json, so how its weights want RGB scaled is not known; "
        "save the preset with its image converter, by the save_to_preset of both."
    )


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_a_damaged_folder(copy, name):
    preset = hub.read(str(copy))
    (copy / name).write_text("{")
    with pytest.raises(BackboneError, match=f"^{copy}: keras-hub cannot read this preset: "):
        hub.weights_file(preset)
    (copy / name).unlink()
    with pytest.raises(BackboneError, match=f"^{copy}: keras-hub cannot read this preset: "):
        hub.weights_file(preset)
