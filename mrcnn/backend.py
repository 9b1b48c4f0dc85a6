"""The only module that depends on which backend Keras runs on."""

import contextlib
import functools
import os
import warnings

import keras
import numpy as np

from mrcnn import keras_internals

# Whether ops.top_k puts the lower index first among equal values. PyTorch does not define their order.
TOP_K_KEEPS_ORDER = keras.backend.backend() != "torch"


def make_deterministic():
    """Select kernels that give the same bits on every run, if the backend offers a choice.

    JAX reads its flags at its first tensor. A later call warns if there is an accelerator; a CPU gives the
    same bits anyway. See startup.start.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.experimental.enable_op_determinism()
    elif keras.backend.backend() == "torch":
        import torch

        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
        # Otherwise each new tensor is filled with NaN first, so that a program that reads it unwritten
        # repeats.
        torch.utils.deterministic.fill_uninitialized_memory = False
    elif "xla_gpu_deterministic_ops" not in (flags := os.environ.get("XLA_FLAGS", "")):
        if not _jax_has_started():
            os.environ["XLA_FLAGS"] = f"{flags} --xla_gpu_deterministic_ops=true".strip()
        elif device_names() != ["CPU"]:
            warnings.warn(
                "JAX made a tensor before deterministic kernels were selected, so two trainings may "
                "differ in their last bits. Call mrcnn.startup.start(deterministic=True) at the top of the "
                "program, or set XLA_FLAGS=--xla_gpu_deterministic_ops=true.",
                stacklevel=2,
            )


def _jax_has_started():
    """Return whether JAX has read its flags, as it does at its first tensor; False if unknown."""
    from jax._src import xla_bridge

    return getattr(xla_bridge, "backends_are_initialized", lambda: False)()


def start_devices():
    """Make a first tensor, which lets the backend find its devices and print messages about them."""
    keras.ops.zeros(())


def keep_updates_last():
    """Ensure that a training step reads every weight before it updates it.

    TensorFlow's dependency optimisation drops the order between reading and updating a weight if another path
    orders them. A later pass may remove that path if it carries only shapes; a read could then see the next
    step's value, as happened to the RPN's weights. Without this optimisation all reads stay ordered.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.optimizer.set_experimental_options({"dependency_optimization": False})


def keep_compiled(folder):
    """Let JAX keep compiled programs for accelerators in a folder, from one process to the next.

    Most of a short training on a GPU is compiling. The folder is bounded, and JAX's keys hold its version,
    the device and the options. JAX's own variables and options have precedence. A CPU compiles in seconds, so
    that nothing is kept for it.
    """
    if keras.backend.backend() != "jax" or device_names() == ["CPU"]:
        return
    import jax

    if jax.config.jax_compilation_cache_dir is None:
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_compilation_cache_max_size", _MOST_COMPILED)


_MOST_COMPILED = 2 * 1024**3  # bytes; JAX drops what was not used for longest


def keep_order_of_sums():
    """Ensure that the terms of a sum are added in the order of the program.

    TensorFlow's arithmetic optimisation merges additions into one kernel, which begins with the first tensor
    whose memory nobody else holds any more. Which one that is depends on the load of the machine, and with it
    the last bits of what ROIAlign crops: one photograph in two was detected with other bits.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.optimizer.set_experimental_options({"arithmetic_optimization": False})


def make_steps_short():
    """Let a step on PyTorch make fewer calls and copies; the other backends compile a step as a whole."""
    if keras.backend.backend() == "torch":
        from mrcnn import torch_ops

        keras_internals.pass_maps_uncopied()
        keras_internals.make_numbers_on_device(torch_ops.filled)


def shorten_updates(optimizer):
    """Let an optimiser update the weights in less time than by Keras's own steps.

    On PyTorch it clips all gradients in a few calls; Keras makes ten for each weight. On TensorFlow, SGD with
    momentum takes one pass over a weight instead of five, if no devices share a batch.
    """
    if keras.backend.backend() == "torch":
        from mrcnn import torch_ops

        keras_internals.clip_by(optimizer, torch_ops.clip_each, torch_ops.clip_together)
    elif keras.backend.backend() == "tensorflow" and replicas() == 1:
        from mrcnn import tensorflow_ops

        if isinstance(optimizer, keras.optimizers.SGD) and optimizer.momentum and not optimizer.nesterov:
            keras_internals.move_by(optimizer, tensorflow_ops.apply_momentum)


def sum_of_mean_squares(weights):
    """Return the sum over the weights of the mean of their squares."""
    if keras.backend.backend() == "torch" and weights:
        from mrcnn import torch_ops

        return torch_ops.sum_of_mean_squares([keras.ops.convert_to_tensor(weight) for weight in weights])
    return sum((keras.ops.mean(keras.ops.square(weight)) for weight in weights), 0.0)


def fold_norm(kernel, bias, gamma, beta, mean, variance, epsilon):
    """Return the kernel and bias of a convolution that applies the batch norm after it.

    Equation 14 of Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient
    Integer-Arithmetic-Only Inference". kernel: [..., channels]. bias: [channels] or None. gamma, beta, mean,
    variance: [channels], the last two fixed.
    """
    ops = keras.ops
    if keras.backend.backend() == "torch":
        from mrcnn import torch_ops

        tensors = (kernel, bias, gamma, beta, mean, variance)
        tensors = [None if x is None else ops.convert_to_tensor(x) for x in tensors]
        return torch_ops.fold_norm(*tensors, epsilon)
    factor = gamma * ops.rsqrt(variance + epsilon)
    offset = beta - mean * factor
    return kernel * factor, offset if bias is None else offset + bias * factor


class Constant:
    """An array that every step uses. PyTorch sends it to the device once; others have it in their program."""

    def __init__(self, values):
        self.values, self._sent = values, {}

    def tensor(self):
        """Return it as a tensor, which nobody may change in place."""
        if keras.backend.backend() != "torch":
            return keras.ops.convert_to_tensor(self.values)
        device = keras_internals.torch_device()
        if device not in self._sent:
            self._sent[device] = keras.ops.convert_to_tensor(self.values)
        return self._sent[device]


@functools.cache
def _constant(values):
    return Constant(np.float32(values))


def constant(values):
    """Return a few float32 numbers, a list or tuple, as a tensor; see Constant."""
    return _constant(tuple(values)).tensor()


def full_like(x, value):
    """Return a tensor of x's shape and type with one value.

    Keras on PyTorch would read the value back from the device.
    """
    if keras.backend.backend() == "torch":
        return keras.ops.ones_like(x) * value
    return keras.ops.full_like(x, value)


def loops_wait():
    """Return whether each look at a loop's condition waits for a device: PyTorch on an accelerator."""
    return keras.backend.backend() == "torch" and device_names() != ["CPU"]


def scatters_by_sorting():
    """Return whether a scatter that adds equal indices is slow here, unless the program sorts them itself.

    XLA has such scatters on accelerators: see mrcnn/ops/gathering.py. A CPU adds one row after another, and
    TensorFlow and PyTorch sort the indices once by themselves.
    """
    return keras.backend.backend() == "jax" and device_names() != ["CPU"]


def device_names():
    """Return the names of the accelerators that the backend uses, or ["CPU"]."""
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


def images_per_batch():
    """Return how many photographs detection runs at once: several on an accelerator; a CPU gains nothing."""
    return 1 if device_names() == ["CPU"] else _ON_ACCELERATOR


_ON_ACCELERATOR = 8  # images of 1024 px; more gain little and take memory


def accelerator_memory_gb():
    """Return the peak memory of tensors on the accelerators so far, in 10^9 bytes; None on a CPU."""
    if device_names() == ["CPU"]:
        return None
    name = keras.backend.backend()
    if name == "tensorflow":
        import tensorflow

        devices = tensorflow.config.list_logical_devices("GPU")
        held = [tensorflow.config.experimental.get_memory_info(device.name)["peak"] for device in devices]
    elif name == "jax":
        import jax

        # Some devices and allocators do not report statistics.
        held = [(device.memory_stats() or {}).get("peak_bytes_in_use", 0) for device in jax.devices()]
    else:
        import torch

        if torch.backends.mps.is_available():
            # MPS reports no peak. The memory that Metal holds for the process includes its cache, which
            # does not shrink by itself, and so comes close to the peak.
            held = [torch.mps.driver_allocated_memory()]
        else:
            held = [torch.cuda.max_memory_allocated(i) for i in range(torch.cuda.device_count())]
    return sum(held) / 1e9


def slow_precision(precision):
    """Return one sentence if training in ``precision`` is far slower here than in float32, or None.

    On a processor without 16-bit instructions, TensorFlow computes the gradient of a 16-bit convolution in a
    plain loop; docs/performance.md gives the cost. None also if the system does not list its instructions.
    """
    wanted = _INSTRUCTIONS.get(precision)
    if wanted is None or keras.backend.backend() != "tensorflow" or device_names() != ["CPU"]:
        return None
    flags = _cpu_flags()
    if flags is None or flags & wanted:
        return None
    return (
        f"{precision} is slow on this processor, which has none of {', '.join(sorted(wanted))}: a step of "
        "TensorFlow takes many times as long as in float32. Use PRECISION float32 here."
    )


# The instruction sets that make TensorFlow's 16-bit convolutions fast, as named in /proc/cpuinfo.
_INSTRUCTIONS = {
    "mixed_bfloat16": {"avx512_bf16", "amx_bf16"},
    "mixed_float16": {"avx512_fp16", "amx_fp16"},
}


def _cpu_flags(path="/proc/cpuinfo"):
    """Return the processor's instruction sets, or None if they are unknown."""
    with contextlib.suppress(OSError), open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("flags"):
                return set(line.split(":", 1)[1].split())
    return None


class DataParallel:
    """The devices that share every batch, see GPU_COUNT; build, train and use a model within ``scope``.

    count: the number of devices wanted. devices: the names of those in use, all of one kind: accelerators if
    there are any. If there are fewer than ``count``, or the backend cannot share a batch (Keras on PyTorch),
    one device does all the work.
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
        """Return a new context manager for the devices."""
        return self._scope()


@functools.cache
def _mirrored(devices):
    """Return the process's only strategy: two would confuse each other's reductions."""
    import tensorflow

    return tensorflow.distribute.MirroredStrategy(list(devices))


def replicas():
    """Return the number of replicas that run a step, each on its part of a batch, and sum their gradients.

    It is 1 on JAX, which runs one step over all devices.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        return tensorflow.distribute.get_strategy().num_replicas_in_sync
    return 1
