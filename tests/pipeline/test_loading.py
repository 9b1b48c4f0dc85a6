"""What load_image and load_mask return is checked in one place; faults are sentences with the path."""

import numpy as np
import pytest

from mrcnn.datasets import check
from mrcnn.datasets.dataset import Dataset
from mrcnn.evaluation import coco
from mrcnn.pipeline.errors import ExampleError, ImageError
from mrcnn.pipeline.loader import Loader
from mrcnn.pipeline.loading import load_example
from pumpkin.config import PumpkinConfig

H, W = 40, 60


def masks_of(count=2):
    masks = np.zeros((H, W, count), bool)
    for number in range(count):
        masks[5 : 15 + number, 10 * number : 10 * number + 8, number] = True
    return masks


class Own(Dataset):
    """A program's data set of two classes, which returns what a test says."""

    def __init__(self, masks=None, image=None):
        super().__init__()
        for number, name in enumerate(("date", "fig"), start=1):
            self.add_class("own", number, name)
        self.add_image("own", "a", "photos/a.jpg")
        self.prepare()
        self.masks, self.image = masks, image

    def load_image(self, image_id):
        return np.full((H, W, 3), 90, np.uint8) if self.image is None else self.image()

    def load_mask(self, image_id):
        return self.masks()


def config():
    settings = PumpkinConfig()
    settings.update({"IMAGE_MIN_DIM": 64, "IMAGE_MAX_DIM": 64, "CLASSES": ["date", "fig"]})
    return settings


def ids(*numbers):
    return np.array(numbers, np.int32)


def nothing(images):
    empty = {"rois": np.zeros((0, 4), np.int32), "class_ids": ids(), "scores": np.zeros(0)}
    return [{**empty, "masks": np.zeros((*image.shape[:2], 0), bool)} for image in images]


def fail():
    return {}["nothing"]


WRONG_MASKS = {
    "three masks, two ids": (lambda: (masks_of(3), ids(1, 2)), "load_mask returned 3 masks and 2 class ids"),
    "one mask without its axis": (lambda: (masks_of()[:, :, 0], ids(1)), r"masks of shape \[40, 60\]"),
    "masks of colours": (
        lambda: (np.zeros((H, W, 3, 2), bool) | True, ids(1, 2)), r"masks of shape \[40, 60, 3, 2\]",
    ),
    "a list of masks": (lambda: ([np.ones((H, W))], ids(1)), "returned a list of 1 as masks, not an array"),
    "masks alone": (masks_of, r"returned a ndarray of shape \[40, 60, 2\], not masks"),
    "None": (lambda: None, "returned None, not masks"),
    "no ids": (lambda: (masks_of(), None), "returned None as class ids; it must return"),
    "names": (lambda: (masks_of(), ["date", "fig"]), "returned a list of 2 as class ids"),
    "halves": (lambda: (masks_of(), np.array([1, 1.5])), r"class ids \[1.0, 1.5\]; they must be whole"),
    "an id too high": (lambda: (masks_of(), ids(1, 7)), "the class id 7; class ids are 1 to 2, negative for"),
    "the background": (lambda: (masks_of(), ids(0, 1)), "the class id 0; class ids are 1 to 2, negative for"),
    "a crowd too low": (lambda: (masks_of(), ids(1, -3)), "the class id -3; class ids are 1 to 2"),
    "an error": (lambda: fail(), "load_mask raised KeyError: 'nothing'"),
}  # fmt: skip

WRONG_IMAGES = {
    "grey": (lambda: np.zeros((H, W), np.uint8), r"shape \[40, 60\], not an array \[height, width, 3\]"),
    "alpha": (lambda: np.zeros((H, W, 4), np.uint8), r"shape \[40, 60, 4\], .*read_image reads any file"),
    "up to 1": (
        lambda: np.full((H, W, 3), 0.5), "float64 from 0.5 to 0.5; multiply them by 255 and convert",
    ),
    "16 bits": (lambda: np.full((H, W, 3), 999, np.uint16), "uint16 from 999 to 999; values must lie"),
    "no number": (lambda: np.full((H, W, 3), np.nan), "float64 from nan to nan; values must lie between"),
    "a list": (lambda: [[[1, 2, 3]]], "load_image returned a list of 1, not an array"),
    "empty": (lambda: np.zeros((0, W, 3), np.uint8), r"shape \[0, 60, 3\]"),
    "an error": (lambda: fail(), "load_image raised KeyError: 'nothing'"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_MASKS)
def test_wrong_masks_are_a_sentence_in_training_evaluation_and_check(case):
    masks, text = WRONG_MASKS[case]
    dataset = Own(masks)
    with pytest.raises(ExampleError, match=rf"^photos/a\.jpg: .*{text}.*\.$") as caught:
        Loader(dataset, config()).batch(0)
    if case == "an error":
        assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(ExampleError, match=text):
        coco.evaluate(nothing, dataset, progress=False)
    report = check.check({"train": dataset}, config(), progress=False)
    (line,) = next(finding for finding in report.findings if finding.label == "wrong masks or image").files
    assert line.startswith("photos/a.jpg: ") and line.count("photos/a.jpg") == 1
    assert report.fatal


@pytest.mark.parametrize("case", WRONG_IMAGES)
def test_wrong_images_are_a_sentence(case):
    image, text = WRONG_IMAGES[case]
    dataset = Own(lambda: (masks_of(), ids(1, -2)), image)
    with pytest.raises(ExampleError, match=rf"^photos/a\.jpg: .*{text}.*\.$"):
        Loader(dataset, config()).batch(0)
    if case not in ("alpha",):  # without a network any number of channels is right
        with pytest.raises(ExampleError, match=r"photos/a\.jpg: load_image"):
            coco.evaluate(nothing, dataset, progress=False)
        report = check.check({"train": dataset}, config(), progress=False)
        assert "wrong masks or image" in [finding.label for finding in report.findings]


def test_a_mistake_is_not_skipped_as_a_bad_file_is():
    with pytest.raises(ExampleError, match="the class id 7"):
        Loader(Own(lambda: (masks_of(), ids(1, 7))), config(), skip_bad=True).batch(0)


def test_masks_of_another_size_than_their_image():
    dataset = Own(lambda: (masks_of()[:30], ids(1, 2)))
    with pytest.raises(
        ImageError, match=r"the image is 60 x 40, its masks are 60 x 30; load_mask must resize"
    ):
        load_example(dataset, 0)


@pytest.mark.parametrize(
    "masks",
    [
        (np.zeros((0, 0, 0), bool), ids()), (np.zeros((H, W, 0), bool), []),
        (np.zeros((H, W, 1), bool), ids()), (np.zeros((0,)), ids()),
    ],
)  # fmt: skip
def test_no_instances(masks):
    image, found, class_ids = load_example(Own(lambda: masks), 0, 3)
    assert (image.shape, found.shape, class_ids.shape) == ((H, W, 3), (H, W, 0), (0,))
    assert class_ids.dtype == np.int32


@pytest.mark.parametrize("kind", [np.float64, np.uint8, np.int64])
@pytest.mark.parametrize("numbers", [[1, -2], np.array([1.0, -2.0]), np.array([1, -2], np.int64)])
def test_other_types_of_right_values_are_taken(kind, numbers):
    dataset = Own(lambda: (masks_of().astype(np.uint8) * 255, numbers), lambda: np.full((H, W, 3), 200, kind))
    image, masks, class_ids = load_example(dataset, 0, 3)
    np.testing.assert_array_equal(masks, masks_of())
    assert (masks.dtype, class_ids.dtype, class_ids.tolist()) == (bool, np.int32, [1, -2])
    assert (image == 200).all()
