"""Exceptions that end a run early; importing them needs no tensor backend."""


class RunError(ValueError):
    """Raised when a run's folder does not hold the requested file or fact."""


class StateError(RunError):
    """Raised when a saved state cannot be read or belongs to another network."""


class NonFiniteLoss(RuntimeError):
    """Raised when a loss is infinite or NaN, before another step can spoil the weights.

    epoch, step: counted from 1; step is None if found after the epoch. losses: those of that batch alone.
    recent: total losses of the preceding steps, each of its own batch.
    """

    def __init__(self, message, epoch=None, step=None, losses=None, recent=()):
        super().__init__(message)
        self.epoch, self.step = epoch, step
        self.losses, self.recent = losses or {}, list(recent)


class OutOfMemory(RuntimeError):
    """Raised when a step needs more memory than is available."""


class Interrupted(KeyboardInterrupt):
    """Raised when the user stops the run, after its state is saved at the end of the step."""
