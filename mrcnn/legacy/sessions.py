"""Stand-ins for TensorFlow 1's sessions and their settings; only ``allow_growth`` has an effect."""

import contextlib
import os
import sys

from mrcnn.supplied.names import say


class Settings:
    """A bag of settings for ``ConfigProto(...)`` and ``config.gpu_options.allow_growth = True``.

    A setting that was never set is an empty bag, which is false.
    """

    def __init__(self, **settings):
        self.__dict__.update(settings)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self.__dict__.setdefault(name, Settings())

    def __getitem__(self, name):
        return self.__dict__.get(name)

    def __setitem__(self, name, value):
        self.__dict__[name] = value

    def __bool__(self):
        return any(map(bool, self.__dict__.values()))


class Graph:
    """A stand-in for the default graph; it stays empty."""

    @contextlib.contextmanager
    def as_default(self):
        """Return a context that changes nothing."""
        yield self

    def finalize(self):
        """Do nothing: an empty graph needs no protection."""


class Session:
    """A stand-in for the session that programs create, configure and pass to Keras. It runs nothing."""

    def __init__(self, target="", graph=None, config=None):
        self.graph = graph or Graph()
        if config is not None and config.gpu_options.allow_growth:
            take_memory_as_needed()

    def run(self, fetches=None, feed_dict=None):
        """Do nothing for initialisers. Raises RuntimeError for tensors."""
        wanted = fetches if isinstance(fetches, (list, tuple)) else [fetches]
        if any(fetch is not None for fetch in wanted):
            raise RuntimeError(
                "Keras 3 has no sessions that compute tensors: call the model with arrays, or "
                "MaskRCNN.run_graph(images, outputs) for its inner outputs."
            )
        return [None] * len(wanted) if isinstance(fetches, (list, tuple)) else None

    def as_default(self):
        """Return a context that changes nothing."""
        return self

    def close(self):
        """Do nothing: a session holds no resources."""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None


def take_memory_as_needed():
    """Let TensorFlow and JAX allocate GPU memory as needed instead of nearly all at once."""
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    config = getattr(sys.modules.get("tensorflow"), "config", None)
    if config is None:
        return
    try:
        for gpu in config.list_physical_devices("GPU"):
            config.experimental.set_memory_growth(gpu, True)
    except RuntimeError as error:  # a GPU is already in use
        say(f"allow_growth was set too late: {error}")


_default = []


def set_session(session):
    """Store a session for get_session to return."""
    _default[:] = [session]


def get_session():
    """Return the session that was set, or a new one."""
    if not _default:
        _default.append(Session())
    return _default[0]


def initializer():
    """Return None in place of an initialiser operation: Keras 3 initialises weights when it creates them."""
    return None


_graph = Graph()


def get_default_graph():
    """Return the one graph; servers keep it for their threads."""
    return _graph


def reset_default_graph():
    """Do nothing: the graph is always empty."""
