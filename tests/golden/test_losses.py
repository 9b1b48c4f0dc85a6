"""Losses of the first training steps against their record: a change of structure changes no number."""

import keras
import numpy as np
import pytest

from tests.golden import steps


@pytest.fixture(scope="module")
def recorded():
    path = steps.record()
    if not path.exists():
        pytest.skip(f"no record for {keras.backend.backend()}")
    return steps.read(path)


def test_the_record_is_of_a_training_that_learns(recorded):
    assert recorded.shape == (steps.STEPS, len(steps.LOSSES))
    assert (recorded >= 0).all() and (recorded.max(axis=0) > 0.3).all()
    assert recorded[-5:, 0].mean() < 0.85 * recorded[:5, 0].mean()


def test_losses_of_every_step_are_those_of_the_record(recorded):
    np.testing.assert_allclose(steps.train(), recorded, rtol=steps.TOLERANCE, atol=1e-5)
