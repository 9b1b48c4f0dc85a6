"""Starting the tensor backend without its greeting."""

import os
import sys
import tempfile


def import_backend():
    """Import Keras and its backend with what they write to stderr held back; shown if the import fails.

    TensorFlow prints lines on drivers and instruction sets that TF_CPP_MIN_LOG_LEVEL does not silence.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as noise:
        os.dup2(noise.fileno(), 2)
        try:
            import keras

            keras.ops.zeros(())  # the first tensor starts the devices
        except BaseException:
            noise.seek(0)
            os.write(kept, noise.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
