"""AP from matches that are made once: COCO's to 1e-9, and of chosen images."""

import numpy as np
import pytest

from mrcnn.detection.results import encode_mask
from mrcnn.evaluation import coco, tally

SIDE = 60


def box(y, x, height, width):
    mask = np.zeros((SIDE, SIDE), bool)
    mask[y : y + height, x : x + width] = True
    return mask


def annotation(image_id, category_id, mask, **more):
    row, column = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    place = [float(column[0]), float(row[0]), float(len(column)), float(len(row))]
    return {"image_id": image_id, "category_id": category_id, "bbox": place,
            "segmentation": encode_mask(mask), **more}  # fmt: skip


def truth(image_id, category_id, mask, number, crowd=0):
    return annotation(image_id, category_id, mask, id=number, iscrowd=crowd, area=float(mask.sum()))


def gt_of(images, truths, names=("a", "b", "c")):
    """COCO's gt of ``images`` images; truths: (image, class, mask) or (image, class, mask, crowd)."""
    return {
        "images": [{"id": i, "height": SIDE, "width": SIDE} for i in range(images)],
        "categories": [{"id": i, "name": name} for i, name in enumerate(names, start=1)],
        "annotations": [truth(*row[:3], n, *row[3:]) for n, row in enumerate(truths, start=1)],
    }


def scattered(seed, images=40, decimals=2):
    """Random gt with crowds, and detections beside it, some of them of a wrong class and some of nothing."""
    rng = np.random.default_rng(seed)

    def any_box():
        return box(*rng.integers(0, 40, 2), *rng.integers(5, 20, 2))

    truths, results = [], []
    for image in range(images):
        for _ in range(rng.integers(0, 5)):
            mask, name = any_box(), int(rng.integers(1, 3))
            truths.append((image, name, mask, int(rng.random() < 0.15)))
            for _ in range(rng.integers(0, 4)):
                moved = np.roll(mask, rng.integers(-2, 3, 2), (0, 1))
                own = name if rng.random() < 0.9 else 3 - name
                results.append(annotation(image, own, moved, score=round(rng.random(), decimals)))
        wild = annotation(image, int(rng.integers(1, 4)), any_box(), score=round(rng.random(), decimals))
        results.append(wild)
    return gt_of(images, truths), results


class TestAP:
    @pytest.mark.parametrize("seed", range(4))
    @pytest.mark.parametrize("limit", [100, 2])
    def test_it_is_cocos(self, seed, limit):
        ground_truth, results = scattered(seed, decimals=1 + seed % 2)
        own = tally.count(ground_truth, results, limit)
        theirs = coco.score(ground_truth, results, limit, kinds=("segm",))["segm"]
        found = [own.ap(), own.ap(iou=0), own.ap(iou=5)]
        np.testing.assert_allclose(
            found, [theirs[name] for name in ("AP", "AP50", "AP75")], atol=1e-9, rtol=0
        )

    def test_by_hand(self):
        """Two instances; the first detection is right, the second wrong, the third right: 1, 1/2, 2/3."""
        one, other, nowhere = box(0, 0, 10, 10), box(20, 20, 10, 10), box(40, 40, 10, 10)
        ground_truth = gt_of(1, [(0, 1, one), (0, 1, other)])
        rows = [(one, 0.9), (nowhere, 0.8), (other, 0.7)]
        own = tally.count(ground_truth, [annotation(0, 1, mask, score=score) for mask, score in rows])
        assert own.ap() == pytest.approx((51 * 1 + 50 * 2 / 3) / 101)
        recall, precision = (row[0].tolist() for row in own.classes[0].curves())
        assert recall == [0.5, 0.5, 1.0]
        assert precision == pytest.approx([1, 1 / 2, 2 / 3])

    def test_images_that_count_twice(self):
        ground_truth, results = scattered(7, images=12, decimals=8)
        weights = np.array([2, 0, 1, 3, 1, 0, 1, 1, 0, 2, 1, 0])
        copies = [image for image, times in enumerate(weights) for _ in range(times)]
        truths = [
            {**row, "image_id": place}
            for place, image in enumerate(copies)
            for row in ground_truth["annotations"]
            if row["image_id"] == image
        ]
        repeated = {
            **gt_of(len(copies), []),
            "annotations": [{**row, "id": number} for number, row in enumerate(truths, start=1)],
        }
        found = [
            {**row, "image_id": place}
            for place, image in enumerate(copies)
            for row in results
            if row["image_id"] == image
        ]
        expected = coco.score(repeated, found, kinds=("segm",))["segm"]["AP"]
        assert tally.count(ground_truth, results).ap(weights) == pytest.approx(expected, abs=1e-9)

    def test_without_instances_or_detections(self):
        assert tally.count(gt_of(2, []), []).ap() == -1
        assert tally.count(gt_of(2, [(1, 1, box(0, 0, 9, 9))]), []).ap() == 0
        crowd = tally.count(gt_of(1, [(0, 1, box(0, 0, 9, 9), 1)]), [])
        assert crowd.ap() == -1


def test_pooled_leaves_out_what_lies_in_a_crowd():
    one, crowd = box(0, 0, 10, 10), box(20, 20, 30, 30)
    ground_truth = gt_of(2, [(0, 1, one), (0, 1, crowd, 1), (1, 2, one)])
    results = [
        annotation(0, 1, one, score=0.6),
        annotation(0, 1, box(25, 25, 5, 5), score=0.9),
        annotation(1, 2, one, score=0.7),
        annotation(1, 1, one, score=0.2),
    ]
    scores, hits, instances = tally.count(ground_truth, results).pooled()
    assert (scores.tolist(), hits.tolist(), instances) == ([0.7, 0.6, 0.2], [True, True, False], 2)
