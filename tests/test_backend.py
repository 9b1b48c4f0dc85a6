"""What mrcnn/backend.py says of the machine."""

import os
import sys
import warnings
from types import SimpleNamespace

import keras
import pytest

from mrcnn import backend


@pytest.fixture
def machine(monkeypatch):
    """A function that sets instruction sets, devices and the backend's name."""

    def pretend(flags, devices=("CPU",), name="tensorflow"):
        monkeypatch.setattr(backend, "_cpu_flags", lambda: flags)
        monkeypatch.setattr(backend, "device_names", lambda: list(devices))
        monkeypatch.setattr(keras.backend, "backend", lambda: name)

    return pretend


def test_jax_is_asked_for_determinism_by_its_environment(machine, monkeypatch):
    machine(None, name="jax")
    monkeypatch.setattr(backend, "_jax_has_started", lambda: False)
    for given, asked in (
        ("", "--xla_gpu_deterministic_ops=true"),
        ("--xla_dump_to=x", "--xla_dump_to=x --xla_gpu_deterministic_ops=true"),
        ("--xla_gpu_deterministic_ops=false", "--xla_gpu_deterministic_ops=false"),  # the user knows better
    ):
        monkeypatch.setenv("XLA_FLAGS", given)
        backend.make_deterministic()
        assert os.environ["XLA_FLAGS"] == asked


@pytest.mark.parametrize(("devices", "said"), [(["CPU"], 0), (["NVIDIA H100"], 1)])
def test_determinism_that_comes_too_late_for_jax_is_not_claimed(machine, monkeypatch, devices, said):
    machine(None, devices, name="jax")
    monkeypatch.setattr(backend, "_jax_has_started", lambda: True)
    monkeypatch.setenv("XLA_FLAGS", "")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        backend.make_deterministic()
    assert os.environ["XLA_FLAGS"] == ""
    assert [str(warning.message)[:20] for warning in caught] == ["JAX made a tensor be"] * said


def test_memory_of_accelerators_is_the_sum(machine, monkeypatch):
    """Of what JAX's devices tell, where they do."""
    told = [{"peak_bytes_in_use": 3 * 10**9}, None, {"peak_bytes_in_use": 10**9}]
    devices = [SimpleNamespace(memory_stats=lambda stats=stats: stats) for stats in told]
    monkeypatch.setitem(sys.modules, "jax", SimpleNamespace(devices=lambda: devices))
    machine(None, ["NVIDIA H100"] * 3, "jax")
    assert backend.accelerator_memory_gb() == 4.0
    machine(None)
    assert backend.accelerator_memory_gb() is None


def fake_torch(mps, cuda=()):
    """PyTorch with an Apple GPU or without, and CUDA devices that held so many bytes at most."""
    return SimpleNamespace(
        backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: mps)),
        mps=SimpleNamespace(driver_allocated_memory=lambda: 5 * 10**9),
        cuda=SimpleNamespace(
            device_count=lambda: len(cuda),
            get_device_name=lambda i: f"CUDA {i}",
            max_memory_allocated=lambda i: cuda[i],
        ),
    )


@pytest.mark.parametrize(
    ("torch", "names", "held"),
    [
        (fake_torch(True), ["Apple GPU (MPS)"], 5.0),
        (fake_torch(False, (10**9, 2 * 10**9)), ["CUDA 0", "CUDA 1"], 3.0),
        (fake_torch(False), ["CPU"], None),
    ],
    ids=["macOS", "CUDA", "CPU"],
)
def test_devices_of_pytorch(monkeypatch, torch, names, held):
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    assert backend.device_names() == names
    assert backend.accelerator_memory_gb() == held


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_16_bits_are_slow_without_instructions_for_them(machine, precision):
    machine({"avx2", "fma"})
    assert backend.slow_precision(precision).startswith(f"{precision} is slow on this processor")
    assert backend.slow_precision("float32") is None


@pytest.mark.parametrize(
    "pretended",
    [
        ({"avx2", "avx512_bf16"},),
        ({"amx_bf16"},),
        (None,),  # not Linux
        ({"avx2"}, ["NVIDIA H100"]),
        ({"avx2"}, ["CPU"], "jax"),
    ],
    ids=["avx512", "amx", "not Linux", "GPU", "JAX"],
)
def test_elsewhere_nothing_is_said(machine, pretended):
    machine(*pretended)
    assert backend.slow_precision("mixed_bfloat16") is None


def test_flags_are_read_from_the_systems_file(tmp_path):
    path = tmp_path / "cpuinfo"
    path.write_text("processor\t: 0\nflags\t\t: fpu avx2 avx512_bf16\nbugs\t\t:\n")
    assert backend._cpu_flags(path) == {"fpu", "avx2", "avx512_bf16"}
    assert backend._cpu_flags(tmp_path / "none") is None
