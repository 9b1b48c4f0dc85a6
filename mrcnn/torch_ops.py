"""What PyTorch computes in one call where keras.ops needs many. Only mrcnn/backend.py uses this module.

PyTorch runs a step call by call, and on a GPU each call costs about ten microseconds whatever its size.
"""

import math

import torch
from torch.autograd.function import once_differentiable


def clip_each(gradients, norm):
    """Scale each gradient whose norm exceeds ``norm`` down to it, in place; return the gradients."""
    norms = torch.stack(torch._foreach_norm(gradients))
    torch._foreach_mul_(gradients, list((norm / norms.clamp(min=norm)).unbind()))
    return gradients


def clip_together(gradients, norm):
    """Scale all gradients by one factor, in place, if their common norm exceeds ``norm``; return them.

    As in Keras, a norm that is not finite makes every gradient NaN.
    """
    total = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    torch._foreach_mul_(gradients, norm / total.clamp(min=norm) + (total - total))
    return gradients


class _SumOfMeanSquares(torch.autograd.Function):
    @staticmethod
    def forward(ctx, *weights):
        ctx.save_for_backward(*weights)
        roots = torch._foreach_div(torch._foreach_norm(weights), [math.sqrt(w.numel()) for w in weights])
        return torch.stack(roots).square().sum()

    @staticmethod
    @once_differentiable
    def backward(ctx, upstream):
        weights = ctx.saved_tensors
        gradients = torch._foreach_mul(weights, [2.0 / w.numel() for w in weights])
        torch._foreach_mul_(gradients, upstream)
        return tuple(gradients)


def sum_of_mean_squares(weights):
    """Return the sum over the tensors of the mean of their squares, with its gradient."""
    return _SumOfMeanSquares.apply(*weights)


class _FoldedNorm(torch.autograd.Function):
    """Batch norm with fixed statistics as part of a convolution; see fold_norm."""

    @staticmethod
    def forward(ctx, kernel, bias, gamma, beta, mean, variance, epsilon):
        scale = torch.rsqrt(variance + epsilon)
        factor = gamma * scale
        centred = -mean if bias is None else bias - mean
        ctx.save_for_backward(kernel, scale, factor, centred)
        ctx.has_bias = bias is not None
        return kernel * factor, torch.addcmul(beta, centred, factor)

    @staticmethod
    @once_differentiable
    def backward(ctx, of_kernel, of_bias):
        kernel, scale, factor, centred = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        of_gamma = None
        if wanted[2]:
            summed = (of_kernel * kernel).sum(dim=tuple(range(kernel.ndim - 1)))
            of_gamma = torch.addcmul(summed, of_bias, centred) * scale
        return (
            of_kernel * factor if wanted[0] else None,
            of_bias * factor if ctx.has_bias and wanted[1] else None,
            of_gamma,
            of_bias if wanted[3] else None,
            None, None, None,
        )  # fmt: skip


def fold_norm(kernel, bias, gamma, beta, mean, variance, epsilon):
    """Return the kernel and bias of a convolution that is followed by batch norm with fixed statistics.

    kernel: [..., channels]. bias: [channels] or None. The other tensors: [channels].
    """
    return _FoldedNorm.apply(kernel, bias, gamma, beta, mean, variance, epsilon)


def filled(shape, value, dtype, device):
    """Return a tensor of one value. It is filled on the device, so nothing is sent to it or waited for."""
    return torch.full(shape, value, dtype=dtype, device=device)
