"""Set up the process: the only module that changes anything outside this library.

The commands and MaskRCNN call it. Importing a module or building a network changes no environment variable,
no backend option and no other package.
"""

import contextlib
import ctypes
import importlib.util
import os
import sys
import tempfile

from mrcnn.files import cache_folder
from mrcnn.machine import cores
from mrcnn.supplied import numpy_names

BACKENDS = ("tensorflow", "jax", "torch")  # the first is the default
KEEP_COMPILED = "MRCNN_KEEP_COMPILED"  # the environment variable that forbids it with 0


def start(training=False, deterministic=False):
    """Set up the process; each function called here gives its reason. It may be called again.

    training: also set the options that training needs. deterministic: also select kernels that give the same
    bits on every run, as the command train does. MaskRCNN does not: they cost time on a GPU, and the program
    decides.

    Call it before importing Keras. A later call is too late for two of its effects: the backend has printed
    its startup messages, and JAX no longer reads flags (``backend.make_deterministic`` warns if it matters).
    Raises ValueError if KERAS_BACKEND names a backend that is unknown or not installed.
    """
    check_backend()
    keep_memory()
    quiet_videos()
    numpy_names.supply()  # old programs use them
    with quiet_import("keras"):
        from mrcnn import backend

        backend.keep_order_of_sums()
        backend.make_steps_short()
        if training:
            backend.keep_updates_last()
        if deterministic:
            backend.make_deterministic()
        backend.start_devices()
        if os.environ.get(KEEP_COMPILED) != "0":
            backend.keep_compiled(cache_folder() / "jax")


def check_backend():
    """Raise ValueError if KERAS_BACKEND names a backend that is unknown or not installed."""
    name = os.environ.get("KERAS_BACKEND")
    if not name or "keras" in sys.modules:
        return
    if name not in BACKENDS:
        raise ValueError(
            f"KERAS_BACKEND is {name!r}; it must be {', '.join(BACKENDS[:-1])} or {BACKENDS[-1]}."
        )
    if importlib.util.find_spec(name) is None:
        raise ValueError(
            f"KERAS_BACKEND is {name}, but the package {name} is not installed; install it, or unset "
            f"KERAS_BACKEND to use {BACKENDS[0]}."
        )


@contextlib.contextmanager
def quiet_import(module):
    """Hold back the backend's output to stderr while a module imports it; show it on an error.

    TF_CPP_MIN_LOG_LEVEL silences only some of TensorFlow's lines on drivers and instruction sets. Nothing is
    held back if the module is already imported, or with XLA_FLAGS: XLA ends the process at an unknown flag,
    and the user must see its message.
    """
    if module in sys.modules:
        yield
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with contextlib.nullcontext() if os.environ.get("XLA_FLAGS") else _stderr_held_back():
        yield


@contextlib.contextmanager
def _stderr_held_back():
    """Hold back output to stderr in the block, even of libraries; show it if an error leaves the block."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as noise:
        os.dup2(noise.fileno(), 2)
        try:
            yield
        except Exception:  # not Ctrl-C
            noise.seek(0)
            os.write(kept, noise.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def keep_memory():
    """Let the C library keep freed memory for the next tensor instead of returning it to the system.

    By default glibc maps a new region for each large block, and the system zeroes it page by page;
    docs/performance.md gives the cost. It also gives threads heaps of their own, and none uses what another
    has freed: memory would grow for hundreds of steps, so threads share one for each four cores. Other C
    libraries are unaffected.
    """
    trim_threshold, mmap_max, arena_max = -1, -4, -8  # from glibc's malloc.h
    with contextlib.suppress(AttributeError, OSError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(mmap_max, 0)  # no separate mapping for large blocks
        mallopt(trim_threshold, -1)  # the heap never shrinks
        mallopt(arena_max, max(1, cores() // 4))


def quiet_videos():
    """Keep FFmpeg, with which OpenCV reads videos, from printing what it finds wrong in a damaged file.

    ClipError says what matters. It has no effect after the first video that the process opened.
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET
