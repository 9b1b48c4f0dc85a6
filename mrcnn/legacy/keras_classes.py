"""Arguments and attributes that Keras's optimisers and callbacks have lost since Keras 2."""

import functools
import importlib.util

from mrcnn.legacy.arguments import renamed, with_arguments
from mrcnn.supplied.names import say

_TENSORBOARD = (
    "batch_size", "embeddings_data", "embeddings_layer_names", "embeddings_metadata", "write_grads",
)  # fmt: skip


def complete_optimizers(module):
    """Make the optimisers of ``keras.optimizers`` accept ``lr=`` and have the attribute ``lr``."""
    for kind in vars(module).values():
        if isinstance(kind, type) and issubclass(kind, module.Optimizer) and "__init__" in vars(kind):
            arguments = {"lr": renamed("learning_rate")}
            kind.__init__ = with_arguments(kind.__init__, arguments, kind.__name__, "Keras")
    module.Optimizer.lr = property(_rate, _set_rate)


def _rate(optimizer):
    say("the attribute lr of optimisers was removed from Keras; using learning_rate.")
    return optimizer.learning_rate


def _set_rate(optimizer, value):
    optimizer.learning_rate = value


def complete_callbacks(module):
    """Make the callbacks of ``keras.callbacks`` accept the arguments of Keras 2."""
    without_effect = dict.fromkeys(_TENSORBOARD, lambda value, positional: {})
    board, checkpoint = module.TensorBoard, module.ModelCheckpoint
    board.__init__ = with_arguments(board.__init__, without_effect, "TensorBoard", "Keras")
    if importlib.util.find_spec("tensorboard") is None:
        _silence(board, module.Callback)
    checkpoint.__init__ = _with_period(_with_any_name(checkpoint.__init__))
    checkpoint.on_epoch_end = _each_period(checkpoint.on_epoch_end)


def _silence(board, base):
    """Let TensorBoard do nothing in training, instead of ending it at its first line."""
    board.__init__ = _saying(board.__init__)
    for name in [name for name in vars(board) if name.startswith("on_") or name == "set_model"]:
        setattr(board, name, getattr(base, name))


def _saying(init):
    @functools.wraps(init)
    def wrapper(self, *args, **options):
        say("tensorboard is not installed: its callback writes nothing. A run's folder has event files.")
        init(self, *args, **options)

    return wrapper


def _with_any_name(init):
    """Wrap ModelCheckpoint's __init__ to accept any name for weights: keras_model writes to it."""

    @functools.wraps(init)
    def wrapper(self, filepath, *args, **options):
        ending, weights_only = ".weights.h5", (*args[3:4], options.get("save_weights_only"))[0]
        if not weights_only or str(filepath).endswith(ending):
            return init(self, filepath, *args, **options)
        say(f"ModelCheckpoint no longer accepts names of weights without {ending}; keeping {filepath}.")
        init(self, f"{filepath}{ending}", *args, **options)
        self.filepath = str(filepath)

    return wrapper


def _with_period(init):
    """Wrap ModelCheckpoint's __init__ to accept ``period``, a number of epochs."""

    @functools.wraps(init)
    def wrapper(self, *args, period=1, **options):
        if period != 1:
            say("the argument period of ModelCheckpoint was removed from Keras; using a replacement.")
        init(self, *args, **options)
        self.period, self.epochs_since_last_save = period, 0

    return wrapper


def _each_period(on_epoch_end):
    """Wrap ModelCheckpoint's on_epoch_end to do nothing in all but each period-th epoch."""

    @functools.wraps(on_epoch_end)
    def wrapper(self, epoch, logs=None):
        self.epochs_since_last_save += 1
        if self.epochs_since_last_save >= self.period:
            self.epochs_since_last_save = 0
            on_epoch_end(self, epoch, logs)

    return wrapper
