"""The records of the backbones: complete, and enough to add one."""

import json
import subprocess
import sys

import keras
import pytest

from mrcnn import backbones
from mrcnn.backbones import BACKBONES, BackboneError, find, find_by_layers, imported, layers_regex
from mrcnn.config import Config
from mrcnn.modeling.backbones import build_backbone
from mrcnn.modeling.layer_names import leaf_layers
from mrcnn.weights import named


def test_all_models_of_keras_applications_have_a_record():
    theirs = [name for name in dir(keras.applications) if name[0].isupper()]
    assert [name for name, record in BACKBONES.items() if record.extractor] == theirs


def test_functions_that_records_name_exist():
    places = {record.builder for record in BACKBONES.values()}
    places |= {record.converter for record in BACKBONES.values() if record.converter}
    assert len(places) >= 4
    for place in places:
        assert callable(imported(place))


@pytest.mark.parametrize("name", ["resnet50", "light"])
def test_a_record_s_stages_are_those_of_its_layers(name):
    image = keras.Input((64, 64, 3))
    names = list(leaf_layers(keras.Model(image, build_backbone(image, name))))
    assert find_by_layers(names) == (find(name) if find(name).mark else None)
    if find(name).stages is None:
        with pytest.raises(BackboneError, match="'light' has none; use heads, all or a regular expression"):
            layers_regex("5+", name)
    else:
        assert any(layer.startswith("res5c") for layer in names)


def test_words_for_layers_are_matterports():
    heads = r"(mrcnn\_.*)|(rpn\_.*)|(fpn\_.*)"
    for backbone in ("resnet101", lambda image: [image] * 4):
        assert layers_regex("4+", backbone) == rf"(res[45].*)|(bn[45].*)|{heads}"
    assert [layers_regex(word, "light") for word in ("heads", "all", "fpn_p2")] == [heads, ".*", "fpn_p2"]


def test_an_unknown_backbone_is_named_with_the_nearest():
    for backbone in ("resnet51", ["resnet50"]):
        with pytest.raises(BackboneError, match=r"Unknown .*resnet5.* nearest known one is 'resnet50'"):
            find(backbone)


def test_a_new_backbone_needs_its_record_alone(monkeypatch):
    def build(image, architecture, train_bn):
        maps = [keras.layers.AveragePooling2D(stride)(image) for stride in (4, 8, 16, 32)]
        return [keras.layers.Conv2D(8, 1, name=f"{architecture}{n}")(x) for n, x in enumerate(maps, start=2)]

    place = f"{__name__}:build_averages"
    record = backbones.Backbone("averages", place, stages="(averages[{0}])", mark="averages5")
    monkeypatch.setattr(sys.modules[__name__], "build_averages", build, raising=False)
    monkeypatch.setitem(BACKBONES, "averages", record)
    maps = build_backbone(keras.Input((64, 64, 3)), "averages")
    assert [tuple(x.shape[1:]) for x in maps] == [(16, 16, 8), (8, 8, 8), (4, 4, 8), (2, 2, 8)]
    assert find_by_layers({"averages5"}) is record
    assert layers_regex("4+", "averages").startswith("(averages[45])|")
    config = Config()
    config.BACKBONE = "averages"
    with pytest.raises(named.WeightsError, match="knows no BACKBONE 'averages'"):
        named.check_layout("matterport", config)


def test_records_come_without_keras():
    code = "import sys, json, mrcnn.backbones; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert not {"keras", "tensorflow", "jax", "torch"} & set(json.loads(done.stdout))
