"""The one place that knows which backend Keras runs on."""

import contextlib
import functools
import os
import warnings

import keras

# Whether ops.top_k puts the lower index first among equals. PyTorch's leaves their order open.
TOP_K_KEEPS_ORDER = keras.backend.backend() != "torch"


def make_deterministic():
    """Ask the backend for kernels that give the same bits every time, where it has a choice.

    JAX reads its flags at its first tensor. After that, a warning says so if there is an accelerator; a
    CPU gives the same bits anyway. See startup.start.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.experimental.enable_op_determinism()
    elif keras.backend.backend() == "torch":
        import torch

        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    elif "xla_gpu_deterministic_ops" not in (flags := os.environ.get("XLA_FLAGS", "")):
        if not _jax_has_started():
            os.environ["XLA_FLAGS"] = f"{flags} --xla_gpu_deterministic_ops=true".strip()
        elif device_names() != ["CPU"]:
            warnings.warn(
                "JAX made a tensor before deterministic kernels were asked for, so two trainings may "
                "differ in their last bits. Call mrcnn.startup.start(deterministic=True) at the top of the "
                "program, or set XLA_FLAGS=--xla_gpu_deterministic_ops=true.",
                stacklevel=2,
            )


def _jax_has_started():
    """Whether JAX has made a tensor and read its flags; False where a version of JAX does not say."""
    from jax._src import xla_bridge

    return getattr(xla_bridge, "backends_are_initialized", lambda: False)()


def start_devices():
    """Make a first tensor, at which the backend finds its devices and prints what it has to say of them."""
    keras.ops.zeros(())


def keep_updates_last():
    """Let no weight be read after its update within one step of training.

    TensorFlow's dependency optimisation drops the order of a read and an update where another path joins
    them. Another pass then cuts that path, if it carries shapes alone, and at times a gradient is taken with
    weights of the next step. It happened to the RPN's; without that optimisation all reads stay ordered.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.optimizer.set_experimental_options({"dependency_optimization": False})


def device_names():
    """What the backend computes on: the names of its accelerators, or ["CPU"]."""
    name = keras.backend.backend()
    if name == "tensorflow":
        import tensorflow

        found = tensorflow.config.list_physical_devices("GPU")
        details = [tensorflow.config.experimental.get_device_details(device) for device in found]
        return [detail.get("device_name", "GPU") for detail in details] or ["CPU"]
    if name == "jax":
        import jax

        return [device.device_kind for device in jax.devices() if device.platform != "cpu"] or ["CPU"]
    import torch

    if torch.backends.mps.is_available():
        return ["Apple GPU (MPS)"]
    return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] or ["CPU"]


def accelerator_memory_gb():
    """The most that tensors have held at once on the accelerators so far, in 10^9 bytes; None on a CPU."""
    if device_names() == ["CPU"]:
        return None
    name = keras.backend.backend()
    if name == "tensorflow":
        import tensorflow

        devices = tensorflow.config.list_logical_devices("GPU")
        held = [tensorflow.config.experimental.get_memory_info(device.name)["peak"] for device in devices]
    elif name == "jax":
        import jax

        # Some kinds of device and allocator keep no count.
        held = [(device.memory_stats() or {}).get("peak_bytes_in_use", 0) for device in jax.devices()]
    else:
        import torch

        if torch.backends.mps.is_available():
            # MPS keeps no peak of its tensors. What Metal holds for the process includes its cache, which
            # does not shrink by itself, and so comes close to the peak.
            held = [torch.mps.driver_allocated_memory()]
        else:
            held = [torch.cuda.max_memory_allocated(i) for i in range(torch.cuda.device_count())]
    return sum(held) / 1e9


def slow_precision(precision):
    """One sentence if training in ``precision`` is far slower here than in float32, or None.

    On a processor without instructions for them TensorFlow takes the gradient of a convolution in 16 bits by
    a plain loop: docs/performance.md has what that costs. Where the system lists no instructions, None.
    """
    wanted = _INSTRUCTIONS.get(precision)
    if wanted is None or keras.backend.backend() != "tensorflow" or device_names() != ["CPU"]:
        return None
    flags = _cpu_flags()
    if flags is None or flags & wanted:
        return None
    return (
        f"{precision} is slow on this processor, which has none of {', '.join(sorted(wanted))}: a step of "
        "TensorFlow takes many times as long as in float32. PRECISION float32 is the one to use here."
    )


# What makes TensorFlow's convolutions in 16 bits fast, by the names in /proc/cpuinfo.
_INSTRUCTIONS = {
    "mixed_bfloat16": {"avx512_bf16", "amx_bf16"},
    "mixed_float16": {"avx512_fp16", "amx_fp16"},
}


def _cpu_flags(path="/proc/cpuinfo"):
    """The instruction sets of the processor, or None where they cannot be told."""
    with contextlib.suppress(OSError), open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("flags"):
                return set(line.split(":", 1)[1].split())
    return None


class DataParallel:
    """Devices that share every batch, as GPU_COUNT asks; ``scope`` is for making, training and using a model.

    count: how many are wanted. devices: the names of those in use. All of one kind: accelerators if there are
    any. Where there are fewer than wanted, or the backend cannot share (PyTorch by Keras), one does it all.
    """

    def __init__(self, count):
        self.devices, self._scope = ["the default device"], contextlib.nullcontext
        if count == 1:
            return
        name = keras.backend.backend()
        if name == "jax":
            found = keras.distribution.list_devices()
        elif name == "tensorflow":
            import tensorflow

            kinds = (tensorflow.config.list_logical_devices(kind) for kind in ("GPU", "CPU"))
            found = [device.name for device in next(filter(None, kinds))]
        else:
            found = []
        if len(found) < count:
            return
        self.devices = found[:count]
        if name == "jax":
            self._scope = keras.distribution.DataParallel(devices=self.devices).scope
        else:
            self._scope = _mirrored(tuple(self.devices)).scope

    def scope(self):
        """A context manager, which may be entered again and again."""
        return self._scope()


@functools.cache
def _mirrored(devices):
    """One strategy for the process: the reductions of two would be taken for each other's."""
    import tensorflow

    return tensorflow.distribute.MirroredStrategy(list(devices))


def replicas():
    """How many copies of a step run at once and add up their gradients, each on its part of a batch.

    JAX runs one step over all devices, so it is 1 there.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        return tensorflow.distribute.get_strategy().num_replicas_in_sync
    return 1
