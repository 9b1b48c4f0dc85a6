"""Detection as a stream: order, batches, failures, and how much is read ahead."""

import threading

import numpy as np
import pytest

from mrcnn.detection.augmenting import Augmenting
from mrcnn.detection.stream import Found, Stream, batches
from mrcnn.detection.tiling import Tiling
from mrcnn.pipeline.errors import ImageError
from tests.tiny import Tiny, detector, picture


class Recorder:
    """A detector that finds one box in each image, whose score is the image's first value."""

    def __init__(self, **settings):
        self.config, self.batches = Tiny(), []
        self.config.update(settings)

    def __call__(self, batch):
        self.batches.append([one.original_shape for one in batch])
        rows = np.zeros((len(batch), 2, 6), np.float32)
        rows[:, 0] = [[0.3, 0.3, 0.6, 0.6, 1, one.meta[1] / 100] for one in batch]
        return rows, np.ones((len(batch), 2, 28, 28), np.float32)


def stream(recorder, read=lambda height: picture(height, 80), **options):
    return Stream(recorder, None, read, **options)


def heights(results):
    return [round(100 * float(found.detections.scores[0])) for found in results]


def test_results_come_in_the_order_of_the_sources():
    given = list(range(20, 60))
    found = list(stream(Recorder(), threads=4)(iter(given)))
    assert [one.source for one in found] == heights(found) == given
    assert all(one.image.shape == (one.source, 80, 3) for one in found)
    assert all(one.detections.size == (one.source, 80) for one in found)


class Finder(Recorder):
    """A detector that finds the bright square of each image, if there is one."""

    def __call__(self, batch):
        rows, masks = super().__call__(batch)
        rows[:] = 0
        for row, one in zip(rows, batch):
            bright = one.image[..., 0] > 127
            if bright.any():
                y, x = (np.flatnonzero(bright.any(axis=axis)) for axis in (1, 0))
                row[0] = [y[0] / 127, x[0] / 127, y[-1] / 127, x[-1] / 127, 1, 0.8]
        return rows, masks


@pytest.mark.parametrize("tiling", [None, Tiling(96)])
def test_views_of_photographs_and_tiles_are_fused(tiling):
    photographs = [picture(height, 128) for height in (128, 120, 100)]
    plain, flips, scales = (
        list(stream(Finder(), read=np.array, tiling=tiling, tta=Augmenting.of(words))(photographs))
        for words in (None, "flips", "flips,scales")
    )
    for before, flipped, scaled in zip(plain, flips, scales):
        np.testing.assert_array_equal(flipped.detections.rois, before.detections.rois)
        np.testing.assert_array_equal(flipped.detections.masks(), before.detections.masks())
        np.testing.assert_array_equal(flipped.detections.scores, before.detections.scores)
        assert np.abs(scaled.detections.rois - before.detections.rois).max() <= 1
        np.testing.assert_allclose(scaled.detections.scores, before.detections.scores, rtol=1e-6)


@pytest.mark.parametrize(("words", "views"), [(None, 1), ("flips", 2), ("scales", 6), ("flips,scales", 12)])
def test_the_views_of_a_photograph_fill_batches(words, views):
    recorder = Recorder(IMAGES_PER_GPU=4)
    found = list(stream(recorder, tta=Augmenting.of(words))(range(60, 66)))
    assert [one.source for one in found] == list(range(60, 66))
    assert [len(batch) for batch in recorder.batches] == [4] * (6 * views // 4) + [2] * (6 * views % 4 > 0)


def test_views_keep_what_reaches_the_smallest_score_together():
    for least, count in [(None, 1), (0.8, 1), (0.81, 0)]:
        tta = Augmenting(("flips",), least)
        (found,) = stream(Finder(), read=np.array, tta=tta)([picture(128, 128)])
        assert len(found.detections.scores) == count


def test_an_unreadable_photograph_has_no_views():
    def read(_):
        raise ImageError("damaged.")

    (found,) = stream(Recorder(), read, catch=(ImageError,), tta=Augmenting.of("flips"))([1])
    assert str(found.error) == "damaged."


def test_no_source_no_result():
    assert list(stream(Recorder())([])) == []


def test_batches_hold_images_of_one_shape():
    recorder = Recorder(IMAGE_RESIZE_MODE="pad64", IMAGE_MIN_DIM=64, IMAGES_PER_GPU=2)
    list(stream(recorder, read=lambda shape: picture(*shape))([(64, 64)] * 3 + [(64, 128), (64, 64)]))
    assert [len(batch) for batch in recorder.batches] == [2, 1, 1, 1]


def test_an_unreadable_photograph_keeps_its_place():
    def read(height):
        if height % 5 == 0:
            raise ImageError(f"{height} is damaged.")
        return picture(height, 80)

    found = list(stream(Recorder(), read, catch=(ImageError,), threads=3)(range(20, 40)))
    assert [one.source for one in found] == list(range(20, 40))
    for one in found:
        bad = one.source % 5 == 0
        assert (str(one.error) if bad else one.error) == (f"{one.source} is damaged." if bad else None)
        assert (one.detections is None) == (one.image is None) == bad


def test_all_unreadable():
    def read(_):
        raise ImageError("damaged.")

    recorder = Recorder()
    found = list(stream(recorder, read, catch=(ImageError,))(range(5)))
    assert found == [Found(number, error=one.error) for number, one in enumerate(found)]
    assert recorder.batches == []


@pytest.mark.parametrize("where", ["read", "network", "finish"])
def test_other_errors_reach_the_caller_after_the_results_before(where):
    def fail(value):
        if value == 28:
            raise RuntimeError(where)

    def read(height):
        if where == "read":
            fail(height)
        return picture(height, 80)

    class Failing(Recorder):
        def __call__(self, batch):
            if where == "network":
                for one in batch:
                    fail(one.original_shape[0])
            return super().__call__(batch)

    def finish(found):
        if where == "finish":
            fail(found.source)
        return found.source

    done, before = [], threading.active_count()
    with pytest.raises(RuntimeError, match=where):
        for source in stream(Failing(IMAGES_PER_GPU=1), read, finish=finish, threads=2)(range(20, 90)):
            done.append(source)
    assert done == list(range(20, 28)) if where != "read" else done == list(range(20, 20 + len(done)))
    assert threading.active_count() == before  # no thread is left


def test_reading_runs_ahead_by_a_bounded_number():
    read_so_far = []

    def read(height):
        read_so_far.append(height)
        return picture(height % 50 + 10, 80)

    results = stream(Recorder(IMAGES_PER_GPU=2), read, threads=2)(range(1000))
    for _ in range(10):
        next(results)
    results.close()
    # Ten results, three batches of two, and batch and threads ahead; a little more may have begun.
    assert len(read_so_far) <= 10 + 3 * 2 + 2 * (2 + 2) + 2


def test_batches_carry_items_without_a_kind():
    kinds = {"a": 1, "b": 1, "x": None, "c": 2, "d": 2, "e": 2}
    assert list(batches("xabxcdex", 3, kinds.get)) == [["x", "a", "b"], ["x", "c", "d"], ["e", "x"]]


class Colours(Recorder):
    """A detector that finds the box of each colour but black, in images that it sees at their own size."""

    def __call__(self, batch):
        self.batches.append([one.original_shape for one in batch])
        rows = np.zeros((len(batch), 8, 6), np.float32)
        for one, own in zip(batch, rows):
            red = one.image[:, :, 0] * (one.meta[11] == 1)  # the scale
            for row, value in zip(own, np.unique(red[red > 0])):
                y, x = np.nonzero(red == value)
                row[:4] = np.array([y.min(), x.min(), y.max(), x.max()]) / 127
                row[4:] = 1, value / 200
        return rows, np.full((len(batch), 8, 28, 28), 9, np.float32)  # whole boxes, with their corners


def coloured(height, width, *boxes):
    image = np.zeros((height, width, 3), np.uint8)
    for number, (y1, x1, y2, x2) in enumerate(boxes, 1):
        image[y1:y2, x1:x2] = 10 * number
    return image


class TestTiles:
    """Large photographs go through the network in tiles of 128 pixels, others as they are."""

    images = (
        coloured(128, 80, (10, 10, 20, 30)),
        coloured(128, 300, (20, 90, 60, 140), (70, 5, 120, 299), (5, 200, 15, 210)),
        coloured(128, 128),
        coloured(400, 128, (0, 0, 110, 20), (110, 0, 250, 20)),
    )

    @pytest.mark.parametrize("threads", [1, 4])
    def test_photographs_come_whole_and_in_order(self, threads):
        colours = Colours(IMAGES_PER_GPU=2)
        found = list(stream(colours, self.images.__getitem__, threads=threads, tiling=Tiling(128))(range(4)))
        assert [one.source for one in found] == [0, 1, 2, 3]
        boxes = [
            {(round(200 * float(score)), *map(int, roi)) for score, roi in zip(d.scores, d.rois)}
            for d in (one.detections for one in found)
        ]
        assert boxes == [
            {(10, 10, 10, 20, 30)},
            {(10, 20, 90, 60, 140), (20, 70, 5, 120, 299), (30, 5, 200, 15, 210)},
            set(),
            {(10, 0, 0, 110, 20), (20, 110, 0, 250, 20)},
        ]
        assert all(crop.all() for one in found for crop in one.detections.crops)
        assert [one.detections.size for one in found] == [image.shape[:2] for image in self.images]
        # One whole image; three tiles and the whole; one whole; four tiles and the whole: full batches.
        assert [len(batch) for batch in colours.batches] == [2, 2, 2, 2, 2, 1]

    def test_without_tiles_each_photograph_is_one_image(self):
        colours = Colours(IMAGES_PER_GPU=1)
        list(stream(colours, self.images.__getitem__)(range(4)))
        assert colours.batches == [[image.shape] for image in self.images]

    def test_an_unreadable_photograph_among_those_in_tiles(self):
        def read(number):
            if number == 1:
                raise ImageError("damaged.")
            return self.images[3]

        results = stream(Colours(), read, catch=(ImageError,), tiling=Tiling(128))(range(3))
        assert [len(one.detections.rois) if one.error is None else str(one.error) for one in results] == [
            2, "damaged.", 2,
        ]  # fmt: skip

    def test_an_error_in_a_tile_ends_the_stream_after_the_results_before(self):
        class Failing(Colours):
            def __call__(self, batch):
                if len(self.batches) == 6:  # the first photograph has five parts
                    raise RuntimeError("device")
                return super().__call__(batch)

        results = stream(Failing(IMAGES_PER_GPU=1), lambda _: self.images[3], tiling=Tiling(128))(range(3))
        assert next(results).source == 0
        with pytest.raises(RuntimeError, match="device"):
            next(results)

    def test_few_large_photographs_are_read_ahead(self):
        read_so_far = []

        def read(number):
            read_so_far.append(number)
            return self.images[3]

        results = stream(Colours(IMAGES_PER_GPU=1), read, threads=8, tiling=Tiling(128))(range(100))
        for _ in range(5):
            next(results)
        results.close()
        assert len(read_so_far) <= 5 + 4

    def test_an_array_that_is_no_image_is_named_by_its_number(self):
        with pytest.raises(
            ValueError, match=r"^Image 1 must be \[height, width, 3\], received shape \(9,\);"
        ):
            list(stream(Colours(), [self.images[0], np.zeros(9)].__getitem__, tiling=Tiling(128))(range(2)))


class TestRealNetwork:
    def test_the_stream_finds_what_detect_finds(self):
        model = detector(IMAGES_PER_GPU=2)
        images = [picture(70 + k, 130 - k, k) for k in range(5)]
        streamed = list(model.detect_stream(images))
        for image, result, one in zip(images, model.detect(images), streamed, strict=True):
            assert one.image is image and len(result["rois"])
            for key, values in result.items():
                np.testing.assert_array_equal(one.detections[key], values, err_msg=key)

    def test_numbers_of_any_kind_give_what_uint8_gives(self):
        model = detector(IMAGES_PER_GPU=1)
        image = picture(128, 128)
        (expected,) = model.detect([image])
        for dtype in (np.int64, np.float32):
            (result,) = model.detect([image.astype(dtype)])
            for key, values in expected.items():
                np.testing.assert_array_equal(result[key], values, err_msg=f"{key} {dtype}")
