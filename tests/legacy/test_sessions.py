"""The calls at the top of TensorFlow 1 programs, with TensorFlow and where it is not installed."""

import importlib.util
import os
import sys

import numpy as np
import pytest

from mrcnn.legacy.keras import BACKEND
from mrcnn.legacy.sessions import Session, Settings
from tests.legacy.launching import evaluate, hiding

# As programs of 2017-2019 begin.
PRELUDE = """
    import numpy as np
    import tensorflow as tf
    tf.logging.set_verbosity(tf.logging.ERROR)
    config = tf.ConfigProto(allow_soft_placement=True, gpu_options=tf.GPUOptions(allow_growth=True))
    config.gpu_options.per_process_gpu_memory_fraction = 0.5
    tf.reset_default_graph()
    tf.set_random_seed(7)
    session = tf.Session(config=config)
    import keras
    import keras.backend as K
    from keras.backend.tensorflow_backend import set_session
    import keras.engine as KE
    from keras.layers.core import Dense
    from keras.layers.merge import concatenate
    from keras.utils import np_utils, multi_gpu_model
    from keras.utils.training_utils import multi_gpu_model as same_function
    from keras.preprocessing.image import ImageDataGenerator
    from keras.optimizers import SGD, Adam
    from keras.callbacks import ModelCheckpoint, TensorBoard
    from keras.utils.data_utils import get_file
    K.set_session(session)
    session.run(tf.global_variables_initializer())
    K.set_image_dim_ordering("tf")
    K.set_learning_phase(1)
    graph = tf.get_default_graph()
    with graph.as_default(), tf.device("/cpu:0"), tf.InteractiveSession(config=config) as other:
        x = KE.Input((3,))
        model = keras.Model(x, Dense(2, kernel_initializer="ones")(x))
    a = np.float32([[1, 2], [3, 4]])
    slow = SGD(lr=0.25, momentum=0.5)
    faster = Adam(lr=0.25)
    K.set_value(faster.lr, 0.5)
    fastest = Adam(lr=0.25)
    fastest.lr = 0.75
    saved = []
    fitted = keras.Sequential([keras.Input((1,)), Dense(1)])
    fitted.compile(SGD(lr=0.0), "mse")
    fitted.save_weights = lambda path, overwrite=True: saved.append(path)
    weights = ModelCheckpoint("w_{epoch:02d}.h5", "loss", 0, False, True, period=2)
    every = ModelCheckpoint(filepath="k_{epoch}.weights.h5", save_weights_only=True)
    board = TensorBoard("logs", write_grads=True, batch_size=8)
    fitted.fit(np.ones((2, 1)), np.ones((2, 1)), epochs=5, verbose=0, callbacks=[weights, every, board])
    rate = K.variable(0.5)
    K.set_value(rate, 0.25)
    def number(tensor):
        return np.asarray(keras.ops.convert_to_numpy(tensor))
"""

VALUES = {
    "K.get_session() is session": True,
    "set_session is K.set_session": True,
    "K.tensorflow_backend.get_session() is session": True,
    "K.image_dim_ordering()": "tf",
    "K.learning_phase()": 1,
    "number(model(np.ones((1, 3), 'float32')))": [[3, 3]],
    "issubclass(Dense, KE.Layer)": True,
    "concatenate is keras.layers.concatenate": True,
    "np_utils.to_categorical([1], 2)": [[0, 1]],
    "K.int_shape(model.output)": [None, 2],
    "number(K.argmax(a))": [1, 1],
    "number(K.argmin(a))": [0, 0],
    "number(K.concatenate([a, a])).shape": [2, 4],
    "number(K.expand_dims(a)).shape": [2, 2, 1],
    "number(K.flatten(a))": [1, 2, 3, 4],
    "number(K.gather(a, [1]))": [[3, 4]],
    "number(K.permute_dimensions(a, (1, 0)))": [[1, 3], [2, 4]],
    "number(K.mean(K.square(a)))": 7.5,
    "K.floatx()": "float32",
    "[float(K.get_value(x.lr)) for x in (slow, faster, fastest)]": [0.25, 0.5, 0.75],
    "[slow.momentum, float(slow.learning_rate), float(SGD(0.125).learning_rate)]": [0.5, 0.25, 0.125],
    "sorted(saved)": [*(f"k_{i}.weights.h5" for i in range(1, 6)), "w_02.h5", "w_04.h5"],
    "ModelCheckpoint('w.h5').filepath": "w.h5",
    "board.log_dir": "logs",
    "multi_gpu_model(model, gpus=2) is model and same_function is multi_gpu_model": True,
    "K.function([model.input], [model.output])([a @ np.eye(2, 3)])[0]": [[3, 3], [7, 7]],
    "K.function([model.input, K.learning_phase()], model.output)([np.ones((1, 3)), 0])": [[3, 3]],
    "ImageDataGenerator(rescale=0.5).flow(np.ones((2, 4, 4, 3)), batch_size=2)[0].mean()": 0.5,
    "float(K.get_value(rate))": 0.25,
    "K.eval(K.constant(2, shape=(1, 2)))": [[2, 2]],
    "number(K.dot(a, K.ones((2, 1))))": [[3], [7]],
    "number(K.pow(a, 2))": [[1, 4], [9, 16]],
    "K.tensorflow_backend._get_available_gpus()": [],
    "tf.identity(model.output) is model.output": True,
    "number(tf.identity(a))": [[1, 2], [3, 4]],
    "get_file is keras.utils.get_file": True,
    "session.run(model.output)": "RuntimeError('Keras 3 has no sessions that compute tensors: call the model "
    "with arrays, or MaskRCNN.run_graph(images, outputs) for its inner outputs.')",
}


@pytest.fixture(scope="module")
def with_tensorflow(tmp_path_factory):
    folder = tmp_path_factory.mktemp("with")
    more = [
        "tf.placeholder is tf.compat.v1.placeholder",
        "tf.__version__ > '2'",
        "tf.nonsense",
        "tf.keras.backend.get_session() is session",
        "__import__('importlib').import_module('tensorflow.keras.backend').get_session() is session",
        "tf.compat.v1.disable_v2_behavior() or tf.executing_eagerly()",
        "tf.disable_eager_execution() or tf.executing_eagerly()",
    ]
    return evaluate(folder, PRELUDE, [*VALUES, *more], KERAS_BACKEND="tensorflow")


@pytest.fixture(scope="module")
def without_tensorflow(tmp_path_factory):
    """The same under JAX where TensorFlow cannot be found; then a network trains."""
    folder = tmp_path_factory.mktemp("without")
    fits = """
        keras.utils.set_random_seed(3)
        copy = keras.models.clone_model(model)
        copy.compile("sgd", "mse")
        history = copy.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0).history
        copy.save("model.keras")
    """
    more = [
        "tf.__version__",
        "tf.nonsense",
        "tf.config.experimental.list_physical_devices('GPU')",
        "tf.test.is_gpu_available(cuda_only=True)",
        "history['loss']",
        "keras.models.load_model('model.keras').name",
    ]
    prelude = hiding("tensorflow") + PRELUDE + fits.replace("\n    ", "\n")
    return evaluate(folder, prelude, [*VALUES, *more], KERAS_BACKEND="jax")


@pytest.mark.parametrize("where", ["with_tensorflow", "without_tensorflow"])
def test_values(request, where):
    values, _ = request.getfixturevalue(where)
    assert {expression: values[expression] for expression in VALUES} == VALUES


def test_with_tensorflow_the_rest_is_of_its_version_1(with_tensorflow):
    values, told = with_tensorflow
    assert values["tf.placeholder is tf.compat.v1.placeholder"] and values["tf.__version__ > '2'"]
    assert "has no attribute 'nonsense'" in values["tf.nonsense"]
    assert values["tf.keras.backend.get_session() is session"] is True
    imported = "__import__('importlib').import_module('tensorflow.keras.backend').get_session() is session"
    assert values[imported] is True
    assert values["tf.compat.v1.disable_v2_behavior() or tf.executing_eagerly()"] is True
    assert values["tf.disable_eager_execution() or tf.executing_eagerly()"] is True
    assert "disable_v2_behavior is ignored: Keras 3 has no graph mode." in told
    session = "tf.Session was removed from TensorFlow; using a replacement, which has no effect except for "
    assert session + "allow_growth." in told
    assert "tf.logging was removed from TensorFlow; using tf.compat.v1.logging." in told
    assert "keras.engine was removed from Keras; using a replacement." in told
    assert "keras.layers.core was removed from Keras; using keras.layers." in told
    assert "keras.backend.mean was removed from Keras; using keras.ops.mean." in told
    for line in (
        "the argument lr of SGD was removed from Keras; passed on as learning_rate.",
        "the attribute lr of optimisers was removed from Keras; using learning_rate.",
        "ModelCheckpoint no longer accepts names of weights without .weights.h5; keeping w_{epoch:02d}.h5.",
        "the argument period of ModelCheckpoint was removed from Keras; using a replacement.",
        "the argument write_grads of TensorBoard was removed from Keras; ignored.",
        "multi_gpu_model returns the model unchanged; MaskRCNN uses several devices by GPU_COUNT.",
    ):
        assert line in told
    silent = any(
        line.startswith("tensorboard is not installed: its callback writes nothing.") for line in told
    )
    assert silent is (importlib.util.find_spec("tensorboard") is None)


def test_without_tensorflow_keras_trains_beside_the_stand_in(without_tensorflow):
    values, told = without_tensorflow
    stand_in = "a stand-in accepts the calls that old programs make at start-up."
    assert told[0] == f"tensorflow is not installed; {stand_in}"
    assert values["tf.__version__"] == "1.15.0"
    assert values["tf.config.experimental.list_physical_devices('GPU')"] == []
    assert values["tf.test.is_gpu_available(cuda_only=True)"] is False
    assert "install tensorflow to use it" in values["tf.nonsense"]
    assert values["history['loss']"] == [pytest.approx(4)]
    assert not values["keras.models.load_model('model.keras').name"].startswith("AttributeError")


def test_all_functions_of_the_backend_exist():
    for home, names in BACKEND.items():
        module = importlib.import_module(home)
        assert [name for name in names if not hasattr(module, name)] == []


class FakeTensorFlow:
    """TensorFlow with two GPUs."""

    def __init__(self, error=None):
        self.config, self.experimental, self.error, self.grown = self, self, error, []

    def list_physical_devices(self, kind):
        return [f"{kind}:0", f"{kind}:1"]

    def set_memory_growth(self, gpu, value):
        if self.error:
            raise self.error
        self.grown.append((gpu, value))


def growing():
    config = Settings()
    config.gpu_options.allow_growth = True
    return config


def test_allow_growth_has_its_effect(monkeypatch):
    monkeypatch.delenv("XLA_PYTHON_CLIENT_PREALLOCATE", raising=False)
    fake = FakeTensorFlow()
    monkeypatch.setitem(sys.modules, "tensorflow", fake)
    Session(config=Settings(allow_soft_placement=True))
    assert fake.grown == [] and "XLA_PYTHON_CLIENT_PREALLOCATE" not in os.environ
    Session(config=growing())
    assert fake.grown == [("GPU:0", True), ("GPU:1", True)]
    assert os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"


def test_allow_growth_that_comes_too_late_is_told(monkeypatch, capsys):
    monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    monkeypatch.setitem(sys.modules, "tensorflow", FakeTensorFlow(RuntimeError("GPUs are initialised.")))
    Session(config=growing())
    assert capsys.readouterr().err == "mrcnn.legacy: allow_growth was set too late: GPUs are initialised.\n"


def test_settings_are_a_bag():
    config = Settings(device_count={"GPU": 0})
    config.gpu_options.visible_device_list = "0"
    config["intra_op_parallelism_threads"] = 2
    assert config.device_count == {"GPU": 0} and config["intra_op_parallelism_threads"] == 2
    assert config.gpu_options and not config.gpu_options.allow_growth and config["absent"] is None
    assert not Settings()


def test_a_session_runs_nothing():
    with Session().as_default() as session:
        assert session.run(None) is None
        assert session.run([None, None]) == [None, None]
        with pytest.raises(RuntimeError, match="Keras 3 has no sessions"):
            session.run([np.zeros(1)])
    session.close()
