"""The one place that changes anything outside of this library; the commands and MaskRCNN call it.

Importing a module or building a network changes no environment variable, no option of a backend and no other
package.
"""

import contextlib
import ctypes
import os
import sys
import tempfile

from mrcnn.supplied import numpy_names


def start(training=False, deterministic=False):
    """Set up the process; each function called here has the reason of its change. May be called again.

    training: also what a training needs. deterministic: also kernels that give the same bits every time. The
    command train asks for them. MaskRCNN does not: on a GPU they cost time, and a program decides for itself.

    Call it before Keras is imported, so that everything has its effect. A later call does what can still be
    done: the backend's greeting is out by then, and JAX no longer takes flags, which a warning says where it
    matters (see ``backend.make_deterministic``).
    """
    keep_memory()
    numpy_names.supply()  # programs of matterport's time use them
    with _quiet_import():
        from mrcnn import backend

        if training:
            backend.keep_updates_last()
        if deterministic:
            backend.make_deterministic()
        backend.start_devices()


@contextlib.contextmanager
def _quiet_import():
    """Hold back what the backend writes to stderr while it is imported; an error shows it.

    TensorFlow prints lines on drivers and instruction sets, of which TF_CPP_MIN_LOG_LEVEL silences a part.
    Nothing is held back if Keras is imported already, or with XLA_FLAGS: XLA ends the process at a flag that
    it does not know, and its message must be seen.
    """
    if "keras" in sys.modules:
        yield
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with contextlib.nullcontext() if os.environ.get("XLA_FLAGS") else _stderr_held_back():
        yield


@contextlib.contextmanager
def _stderr_held_back():
    """Without what is written to stderr inside, by libraries too; with it if an error leaves."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as noise:
        os.dup2(noise.fileno(), 2)
        try:
            yield
        except BaseException:
            noise.seek(0)
            os.write(kept, noise.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def keep_memory():
    """Let the C library keep what is freed for the next tensor, instead of giving it back to the system.

    glibc maps large blocks anew, which the system then fills with zeros page by page; docs/performance.md has
    the cost. With another C library nothing changes.
    """
    trim_threshold, mmap_max = -1, -4  # of glibc's malloc.h
    with contextlib.suppress(AttributeError, OSError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(mmap_max, 0)  # no block by a mapping of its own
        mallopt(trim_threshold, -1)  # the heap never shrinks
