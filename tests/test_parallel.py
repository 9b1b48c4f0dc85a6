"""Several devices share a batch: here two parts of the processor, in a separate process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from mrcnn import model as modellib
from mrcnn.parallel_model import ParallelModel
from mrcnn.pipeline.loader import Loader
from tests.scenes import Rectangles
from tests.tiny import Tiny

PROGRAM = '''
import json, os, sys
import keras
if keras.backend.backend() == "tensorflow":
    import tensorflow as tf
    cpu, = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
import numpy as np
from mrcnn.model import MaskRCNN
from mrcnn.parallel_model import ParallelModel
from tests.scenes import Rectangles, rectangles
from tests.tiny import Tiny, picture


class Same(Rectangles):
    """The same image again and again, so that each device sees what a batch of them shows."""

    def load_image(self, image_id):
        return rectangles(50, 70, 2)[0]

    def load_mask(self, image_id):
        return rectangles(50, 70, 2)[1], np.array([1, 2])


class Everything(Tiny):
    """Samples so large that none is drawn: each device would draw alike, and one device otherwise."""

    STEPS_PER_EPOCH, VALIDATION_STEPS, TRAIN_BN = 2, 1, False
    RPN_TRAIN_ANCHORS_PER_IMAGE, TRAIN_ROIS_PER_IMAGE, ROI_POSITIVE_RATIO = 8192, 60, 0.5
    POST_NMS_ROIS_TRAINING = 30
    GPU_COUNT, IMAGES_PER_GPU = 1, 2


class OnTwo(Everything):
    GPU_COUNT, IMAGES_PER_GPU = 2, 1


results = {}
for config in (Everything(), OnTwo()):
    model = MaskRCNN("training", config, sys.argv[1])
    logs = []
    keep = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, found: logs.append(found))
    model.train(Same([2, 2, 2, 2]), Same([2, 2]), 1e-3, 1, "all", custom_callbacks=[keep])
    path = model.find_last()
    detector = MaskRCNN("inference", config, sys.argv[1])
    detector.load_weights(path, report=None)
    found = detector.detect([picture(100, 120), picture(64, 64), picture(90, 90)])
    results[config.GPU_COUNT] = {
        "logs": {name: float(value) for name, value in logs[0].items()},
        "scores": [result["scores"].tolist() for result in found],
        "weights": [np.asarray(w).ravel()[:20].tolist() for w in model.keras_model.trainable_weights],
        "devices": len(model._parallel.devices),
    }
plain = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
shared = ParallelModel(plain, 2)
x = np.arange(12, dtype="float32").reshape(4, 3)
results["predicted"] = [plain.predict(x, verbose=0).tolist(), shared.predict(x, verbose=0).tolist()]
shared.compile(optimizer="sgd", loss="mse")
history = shared.fit(x, np.zeros((4, 2)), batch_size=4, epochs=3, verbose=0).history
results["fitted"] = history["loss"]
results["inner"] = shared.inner_model.count_params()
print("RESULT", json.dumps(results))
'''


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path_factory.mktemp("logs"))],
        env={
            **os.environ,
            "PYTHONPATH": str(root),
            "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
            "KERAS_BACKEND": keras.backend.backend(),
        },
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-5000:]
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    return json.loads(line.removeprefix("RESULT "))


@pytest.mark.slow
def test_two_devices_train_as_one(results):
    one, two = results["1"], results["2"]
    assert (one["devices"], two["devices"]) == (1, 2)
    names = [name for name in one["logs"] if name.endswith("loss")]
    assert len(names) == 12
    for name in names:
        assert two["logs"][name] == pytest.approx(one["logs"][name], rel=1e-3), name
    for first, second in zip(one["weights"], two["weights"]):
        np.testing.assert_allclose(first, second, atol=2e-5)


@pytest.mark.slow
def test_two_devices_detect_as_one(results):
    for first, second in zip(results["1"]["scores"], results["2"]["scores"], strict=True):
        np.testing.assert_allclose(first, second, atol=1e-3)


@pytest.mark.slow
def test_any_model_is_shared(results):
    np.testing.assert_allclose(*results["predicted"], rtol=1e-5)
    assert results["fitted"][2] < results["fitted"][0]
    assert results["inner"] == 8


def test_one_device_does_it_all(capsys):
    class Many(Tiny):
        GPU_COUNT, IMAGES_PER_GPU = 64, 1

    model = modellib.MaskRCNN("inference", Many(), "logs")
    assert "GPU_COUNT is 64, but one device does it all, in batches of 64" in capsys.readouterr().out
    assert len(model._parallel.devices) == 1
    with pytest.raises(ValueError, match="received gpu_count 64, but Keras on"):
        ParallelModel(model.keras_model, 64)


def test_batches_for_several_devices_are_never_shorter():
    config = Tiny()
    config.update({"GPU_COUNT": 2, "IMAGES_PER_GPU": 1})
    loader = Loader(Rectangles([1, 1, 1]), config, shuffle=False)
    shown = [loader.batch(k)["input_image_meta"][:, 0].astype(int).tolist() for k in range(4)]
    assert shown == [[0, 1], [2, 0], [1, 2], [0, 1]]
