"""The backend starts without a word, unless it cannot start."""

import importlib.util
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mrcnn import backend, startup

ROOT = Path(__file__).resolve().parents[1]


def start(script, **environment):
    return subprocess.run(
        [sys.executable, "-c", f"from mrcnn import startup\n{script}"],
        cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_greeting_is_held_back_and_later_messages_are_not():
    done = start("import sys; startup.start(); print('after', file=sys.stderr)")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "after\n")


def test_a_backend_that_cannot_start_is_told():
    done = start("startup.start()", KERAS_BACKEND="abacus")
    assert done.returncode == 1
    assert "abacus" in done.stderr


def test_a_flag_that_xla_does_not_know_is_told():
    """XLA ends the process itself, so nothing could show later what was held back."""
    done = start("startup.start()", KERAS_BACKEND="jax", XLA_FLAGS="--no_such_flag=1")
    assert done.returncode != 0
    assert "no_such_flag" in done.stderr


IMPORTS = """
import importlib, os, sys, warnings
import cv2, h5py, keras, matplotlib.pyplot, numpy, pandas, requests, skimage.transform
import tensorboardX, tensorflow
from tensorflow.python.framework import config
def outside():
    return {
        "numpy": (vars(numpy).get("__getattr__"), [hasattr(numpy, n) for n in ("int", "sctypes", "NaN")]),
        "environment": dict(os.environ),
        "options": tensorflow.config.optimizer.get_experimental_options(),
        "deterministic": config.is_op_determinism_enabled(),
        "warnings": list(warnings.filters),
        "precision": keras.config.dtype_policy().name,
        "path": list(sys.path),
    }
before = outside()
for module in MODULES:
    importlib.import_module(module)
after = outside()
print([(name, before[name], after[name]) for name in before if before[name] != after[name]])
"""

# The launcher is there to change what programs import; oidv6 is an old package that may be absent, and so may
# PyTorch.
CHANGING = ("mrcnn.legacy", "pumpkin.legacy", "pumpkin.openimages.oidv6_driver", "mrcnn.torch_ops")


def test_importing_every_module_changes_nothing_outside_and_prints_nothing():
    paths = [path.relative_to(ROOT) for name in ("mrcnn", "pumpkin") for path in (ROOT / name).rglob("*.py")]
    names = [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in paths]
    modules = [name for name in names if not name.startswith(CHANGING)]
    assert len(modules) > 100
    done = start(IMPORTS.replace("MODULES", repr(modules)))
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_importing_mrcnn_prints_nothing_and_loads_nothing():
    script = "import mrcnn, sys; print({'keras', 'numpy', 'tensorflow'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "set()\n", "")


BUILDS = """
import numpy, tensorflow
from tensorflow.python.framework import config
from mrcnn.modeling.network import build_network
from mrcnn.model import MaskRCNN
from tests.tiny import Tiny
def state():
    options = tensorflow.config.optimizer.get_experimental_options()
    kept = [options.get(f"{name}_optimization") for name in ("arithmetic", "dependency")]
    return hasattr(numpy, "int"), *kept, config.is_op_determinism_enabled()
build_network("training", Tiny())
print(state())
MaskRCNN("inference", Tiny(), "logs")
print(state())
MaskRCNN("training", Tiny(), "logs")
print(state())
"""


def test_a_model_sets_up_what_it_needs_and_a_network_nothing():
    done = start(BUILDS, KERAS_BACKEND="tensorflow")
    assert done.stdout.splitlines() == [
        "(False, None, None, False)", "(True, False, None, False)", "(True, False, False, False)"
    ], done.stderr  # fmt: skip


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ({}, []),
        ({"training": True}, ["order"]),
        ({"training": True, "deterministic": True}, ["order", "kernels"]),
    ],
)
def test_determinism_is_asked_for_by_who_wants_it(words, asked, monkeypatch):
    found = []
    monkeypatch.setattr(backend, "make_deterministic", lambda: found.append("kernels"))
    monkeypatch.setattr(backend, "keep_updates_last", lambda: found.append("order"))
    startup.start(**words)
    assert found == asked


def test_jax_hears_of_determinism_before_it_starts():
    """JAX ignores flags set after its first tensor, and an unknown flag ends the process."""
    script = """
import os
from mrcnn import backend
if os.environ.get("UNKNOWN"):
    backend.make_deterministic = lambda: os.environ.update(XLA_FLAGS="--no_such_flag=1")
print(backend._jax_has_started())
startup.start(training=True, deterministic=True)
print(os.environ["XLA_FLAGS"], backend._jax_has_started())
"""
    assert start(script, KERAS_BACKEND="jax", XLA_FLAGS="", UNKNOWN="1").returncode != 0
    done = start(script, KERAS_BACKEND="jax", XLA_FLAGS="")
    assert (done.returncode, done.stdout) == (0, "False\n--xla_gpu_deterministic_ops=true True\n"), (
        done.stderr
    )


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep memory their own way")
def test_freed_memory_is_kept():
    resident = "open('/proc/self/statm').read().split()[1]"
    script = f"""
import numpy
from mrcnn.startup import keep_memory
def after_a_large_array():
    before = int({resident})
    numpy.ones(64 << 20, numpy.uint8)
    return (int({resident}) - before) * 4096 >> 20
given_back = after_a_large_array()
keep_memory()
print(given_back, after_a_large_array())
"""
    done = start(script)
    given_back, kept = map(int, done.stdout.split())
    assert given_back < 8 and 56 <= kept <= 72  # MiB


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep memory their own way")
def test_threads_share_the_memory_that_is_kept():
    """Eight threads each free 16 MiB, one after the other; with heaps of their own they would keep 128."""
    resident = "(int(open('/proc/self/statm').read().split()[1]) * 4096 >> 20)"
    script = f"""
import threading
import numpy
from mrcnn.machine import cores
from mrcnn.startup import keep_memory
keep_memory()
turn, all_done = threading.Lock(), threading.Barrier(9)
def work():
    with turn:
        numpy.ones(16 << 20, numpy.uint8)
    all_done.wait()
before = {resident}
threads = [threading.Thread(target=work) for _ in range(8)]
[thread.start() for thread in threads]
all_done.wait()
print({resident} - before, max(1, cores() // 4))
"""
    kept, heaps = map(int, start(script).stdout.split())
    assert kept <= 16 * min(heaps, 8) + 16


KEPT = """
import jax
from mrcnn import backend
if DEVICE:
    backend.device_names = lambda: [DEVICE]
startup.start()
print(jax.config.jax_compilation_cache_dir, jax.config.jax_compilation_cache_max_size)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
jax.jit(lambda x: x * 2 + 1)(jax.numpy.ones(7)).block_until_ready()
"""


@pytest.mark.parametrize(
    ("device", "environment", "kept"),
    [
        ("NVIDIA A", {}, "jax"),
        ("NVIDIA A", {"MRCNN_KEEP_COMPILED": "0"}, None),
        ("NVIDIA A", {"JAX_COMPILATION_CACHE_DIR": "elsewhere"}, "elsewhere"),
        ("", {}, None),
    ],
)
def test_jax_keeps_compiled_programs_for_accelerators(device, environment, kept, tmp_path):
    environment = {
        name: str(tmp_path / value) if name == "JAX_COMPILATION_CACHE_DIR" else value
        for name, value in environment.items()
    }
    script = KEPT.replace("DEVICE", repr(device))
    done = start(script, KERAS_BACKEND="jax", MRCNN_CACHE=str(tmp_path), **environment)
    folder, size = done.stdout.split()
    assert folder == (str(tmp_path / kept) if kept else "None"), done.stderr
    assert (int(size) == 2 * 1024**3) == (kept == "jax")
    assert any(tmp_path.rglob("*")) == bool(kept)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("torhc", "KERAS_BACKEND is 'torhc'; it must be tensorflow, jax or torch."),
        ("TensorFlow", "KERAS_BACKEND is 'TensorFlow'; it must be tensorflow, jax or torch."),
        (
            "jax",
            "KERAS_BACKEND is jax, but the package jax is not installed; "
            "install it, or unset KERAS_BACKEND to use tensorflow.",
        ),
    ],
)
def test_a_backend_that_cannot_be_imported_is_named(monkeypatch, name, words):
    monkeypatch.setenv("KERAS_BACKEND", name)
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda module: None)
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        startup.start()


def test_the_chosen_backend_is_accepted(monkeypatch):
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    for name in (os.environ.get("KERAS_BACKEND", "tensorflow"), ""):
        monkeypatch.setenv("KERAS_BACKEND", name)
        assert startup.check_backend() is None
