"""Servers detect in threads, none of which need be the one that made the model and loaded its weights."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tests.tiny import detector, picture

COUNT = 4
PHOTOGRAPHS = [picture(100 + 9 * i, 120 - 7 * i, seed=i) for i in range(2 * COUNT)]


@pytest.mark.parametrize("mode", ["square", pytest.param("pad64", marks=pytest.mark.slow)])
def test_detections_of_four_threads_are_those_one_after_another(mode, tmp_path):
    """Bit for bit. The first calls are of four threads at once; pad64 gives batches of several sizes."""
    model = detector(IMAGE_RESIZE_MODE=mode, IMAGE_MIN_DIM=64 if mode == "pad64" else 128)
    model.save_weights(tmp_path / "w.h5")
    model.load_weights(tmp_path / "w.h5", report=None)
    together = threading.Barrier(COUNT)

    def answer(image):
        together.wait(timeout=60)
        return model.detect([image])[0]

    with ThreadPoolExecutor(COUNT) as pool:
        first = list(pool.map(answer, PHOTOGRAPHS))
        again = list(pool.map(answer, PHOTOGRAPHS))
    for image, *results in zip(PHOTOGRAPHS, first, again, strict=True):
        expected = model.detect([image])[0]
        assert len(expected["rois"])
        for result in results:
            assert result.keys() == expected.keys()
            for name, array in expected.items():
                np.testing.assert_array_equal(result[name], array)
