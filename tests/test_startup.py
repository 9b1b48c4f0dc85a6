"""The backend starts without a word, unless it cannot start."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def start(script, **environment):
    return subprocess.run(
        [sys.executable, "-c", f"from mrcnn.startup import import_backend\n{script}"],
        cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_greeting_is_held_back_and_later_messages_are_not():
    done = start("import sys; import_backend(); print('after', file=sys.stderr)")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "after\n")


def test_a_backend_that_cannot_start_is_told():
    done = start("import_backend()", KERAS_BACKEND="abacus")
    assert done.returncode == 1
    assert "abacus" in done.stderr


def test_a_flag_that_xla_does_not_know_is_told():
    """XLA ends the process itself, so nothing could show later what was held back."""
    done = start("import_backend()", KERAS_BACKEND="jax", XLA_FLAGS="--no_such_flag=1")
    assert done.returncode != 0
    assert "no_such_flag" in done.stderr


def test_jax_hears_of_determinism_before_it_starts():
    """What it is asked for after its first tensor it does not read, and an unknown flag ends it."""
    script = """
import os
from mrcnn import backend
if os.environ.get("UNKNOWN"):
    backend.make_deterministic = lambda: os.environ.update(XLA_FLAGS="--no_such_flag=1")
import_backend(deterministic=True)
print(os.environ["XLA_FLAGS"])
"""
    assert start(script, KERAS_BACKEND="jax", XLA_FLAGS="", UNKNOWN="1").returncode != 0
    done = start(script, KERAS_BACKEND="jax", XLA_FLAGS="")
    assert (done.returncode, done.stdout) == (0, "--xla_gpu_deterministic_ops=true\n"), done.stderr


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
