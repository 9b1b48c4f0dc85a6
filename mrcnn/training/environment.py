"""The environment of a run: versions of libraries, commit of the code, machine."""

import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import keras

from mrcnn import backend
from mrcnn.machine import cores

PACKAGE = Path(__file__).resolve().parents[1]
# Environment variables that change the order of sums or the choice of kernels.
_ENVIRONMENT = (
    "TF_ENABLE_ONEDNN_OPTS", "TF_XLA_FLAGS", "XLA_FLAGS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS",
    "OMP_NUM_THREADS", "ONEDNN_MAX_CPU_ISA", "NVIDIA_TF32_OVERRIDE", "JAX_DEFAULT_MATMUL_PRECISION",
)  # fmt: skip
_LIBRARIES = ("numpy", "opencv-python", "opencv-python-headless", "scikit-image", "pillow")


def versions(further=()):
    """Return the versions of Python, Keras, its backend, and the libraries that read and change images.

    further: the names of other packages that the run uses.
    """
    name = keras.backend.backend()
    modules = ("jax", "jaxlib") if name == "jax" else (name,)
    found = {
        library: version for library in (*_LIBRARIES, *further) if (version := _version(library)) is not None
    }
    return {
        "python": platform.python_version(),
        "keras": keras.__version__,
        "backend": name,
        **{module: sys.modules[module].__version__ for module in modules},
        **found,
    }


def machine():
    """Return the processor, the number of usable cores, the devices, and environment variables."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu(),
        "cores": cores(),
        "devices": backend.device_names(),
        "environment": {name: os.environ.get(name) for name in _ENVIRONMENT},
    }


def commit():
    """Return the commit of a clone, with a plus if files differ from it; otherwise "unknown"."""
    git = ["git", "-C", str(PACKAGE.parent)]
    try:
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
        changed = subprocess.run([*git, "diff", "--quiet", "HEAD"], capture_output=True).returncode
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.stdout.strip() + ("+" if changed else "")


def _cpu():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _version(library):
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None
