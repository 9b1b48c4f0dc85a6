"""Starting the tensor backend: without its greeting, and with memory that is kept from step to step."""

import contextlib
import ctypes
import os
import sys
import tempfile


def import_backend(deterministic=False):
    """Import Keras and its backend with what they write to stderr held back; shown if the import fails.

    TensorFlow prints lines on drivers and instruction sets that TF_CPP_MIN_LOG_LEVEL does not silence.
    deterministic: ask for kernels that give the same bits every time.
    """
    keep_memory()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # A flag that XLA does not know makes it end the process, and its message must be seen.
    with contextlib.nullcontext() if os.environ.get("XLA_FLAGS") else _stderr_held_back():
        import keras

        if deterministic:
            from mrcnn import backend

            backend.make_deterministic()
        keras.ops.zeros(())  # the first tensor starts the devices


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
    what that costs. With another C library nothing changes.
    """
    trim_threshold, mmap_max = -1, -4  # of glibc's malloc.h
    with contextlib.suppress(AttributeError, OSError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(mmap_max, 0)  # no block by a mapping of its own
        mallopt(trim_threshold, -1)  # the heap never shrinks
