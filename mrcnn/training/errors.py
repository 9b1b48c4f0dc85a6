"""Exceptions that end a run early; importing them needs no tensor backend."""


class RunError(ValueError):
    """A run's folder does not hold what was asked for."""


class StateError(RunError):
    """A saved state cannot be read, or is not of this network."""


class NonFiniteLoss(RuntimeError):
    """A loss is infinite or NaN; another step would spoil the weights.

    epoch, step: counted from 1; step None: found after the epoch. losses: of that batch alone. recent:
    total losses of the steps before, each batch alone.
    """

    def __init__(self, message, epoch=None, step=None, losses=None, recent=()):
        super().__init__(message)
        self.epoch, self.step = epoch, step
        self.losses, self.recent = losses or {}, list(recent)


class OutOfMemory(RuntimeError):
    """The step needs more memory than there is."""


class Interrupted(KeyboardInterrupt):
    """The user stopped the run, and its state was saved at the end of the step."""
