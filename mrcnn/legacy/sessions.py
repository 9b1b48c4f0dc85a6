"""TensorFlow 1's sessions and their settings; of these only the way to take a GPU's memory has effect."""

import contextlib
import os
import sys

from mrcnn.supplied.names import say


class Settings:
    """A bag for ``ConfigProto(...)`` and ``config.gpu_options.allow_growth = True``.

    What was never set is an empty bag, which is false.
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
    """A default graph; nothing is drawn into it."""

    @contextlib.contextmanager
    def as_default(self):
        """A block in which all is as outside."""
        yield self

    def finalize(self):
        """Nothing: there is nothing to protect."""


class Session:
    """What programs make, configure and hand to Keras. It runs nothing."""

    def __init__(self, target="", graph=None, config=None):
        self.graph = graph or Graph()
        if config is not None and config.gpu_options.allow_growth:
            take_memory_as_needed()

    def run(self, fetches=None, feed_dict=None):
        """Nothing for initialisers. Raises RuntimeError for tensors."""
        wanted = fetches if isinstance(fetches, (list, tuple)) else [fetches]
        if any(fetch is not None for fetch in wanted):
            raise RuntimeError(
                "Keras 3 has no sessions that compute tensors: call the model with arrays, or "
                "MaskRCNN.run_graph(images, outputs) for what is within it."
            )
        return [None] * len(wanted) if isinstance(fetches, (list, tuple)) else None

    def as_default(self):
        """A block in which all is as outside."""
        return self

    def close(self):
        """Nothing: it holds nothing."""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None


def take_memory_as_needed():
    """Let TensorFlow and JAX take the GPU's memory by and by instead of nearly all at once."""
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    config = getattr(sys.modules.get("tensorflow"), "config", None)
    if config is None:
        return
    try:
        for gpu in config.list_physical_devices("GPU"):
            config.experimental.set_memory_growth(gpu, True)
    except RuntimeError as error:  # a GPU is in use already
        say(f"allow_growth comes too late: {error}")


_default = []


def set_session(session):
    """Keep a session for get_session."""
    _default[:] = [session]


def get_session():
    """The session that was set, or a new one."""
    if not _default:
        _default.append(Session())
    return _default[0]


def initializer():
    """What a session is asked to run before all else; weights are initialised when they are made."""
    return None


_graph = Graph()


def get_default_graph():
    """The one graph, which servers keep for their threads."""
    return _graph


def reset_default_graph():
    """Nothing: the graph holds nothing."""
