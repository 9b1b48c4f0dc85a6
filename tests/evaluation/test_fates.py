"""What becomes of each instance: cases whose answer is known."""

import numpy as np

from mrcnn.evaluation.fates import fates_of
from tests.evaluation.instances import LEFT, RIGHT, SHIFTED, filled, results_of, stages, truths_of


class TestFates:
    """Two neighbours of class 1. The left one is always found; what of the right one?"""

    truths = truths_of(filled(LEFT, RIGHT), [1, 1])

    def right(self, seen, masks=None, class_ids=None):
        masks = filled(LEFT) if masks is None else masks
        count = masks.shape[-1]
        class_ids = np.ones(count, int) if class_ids is None else class_ids
        results = results_of(masks, class_ids, np.linspace(0.9, 0.8, count))
        (first, second), _ = fates_of(self.truths, results, seen)
        assert first == "found"
        return second

    def test_found(self):
        assert self.right(stages([LEFT, SHIFTED]), filled(LEFT, SHIFTED)) == "found"

    def test_no_proposal(self):
        assert self.right(stages([LEFT])) == "no proposal"
        assert self.right(stages([LEFT, (10, 52, 50, 70)])) == "no proposal"  # IoU 0.45

    def test_a_neighbour_s_proposal_is_not_its_own(self):
        near = (10, 19, 50, 59)  # IoU 0.63 with the left one, 0.57 with the right one
        assert self.right(stages([LEFT, near])) == "no proposal"

    def test_weak(self):
        assert self.right(stages([LEFT, SHIFTED], candidates=[True, False])) == "weak"

    def test_another_class(self):
        assert self.right(stages([LEFT, SHIFTED], class_ids=[1, 2])) == "weak"

    def test_moved(self):
        assert self.right(stages([LEFT, SHIFTED], boxes=[LEFT, LEFT])) == "moved"

    def test_dropped_by_nms(self):
        assert self.right(stages([LEFT, SHIFTED], kept=[True, False])) == "NMS"

    def test_a_poor_mask(self):
        stripes = filled(SHIFTED)
        stripes[::2] = False  # IoU 18 / (36 + 20) with the right one: its box is that of the whole
        masks = np.concatenate([filled(LEFT), stripes], axis=-1)
        assert self.right(stages([LEFT, SHIFTED]), masks) == "mask"

    def test_detected_as_another_class_is_not_found(self):
        seen = stages([LEFT, RIGHT], class_ids=[1, 2])
        assert self.right(seen, filled(LEFT, RIGHT), np.array([1, 2])) == "weak"

    def test_one_detection_finds_one_instance(self):
        """The right one's twin takes the second detection of the same place, if there is one."""
        truths = truths_of(filled(RIGHT, RIGHT), [1, 1])
        seen = stages([RIGHT])
        once, _ = fates_of(truths, results_of(filled(RIGHT), [1], [0.9]), seen)
        assert sorted(once) == ["found", "no proposal"]
        twice, _ = fates_of(truths, results_of(filled(RIGHT, RIGHT), [1, 1], [0.9, 0.8]), seen)
        assert twice == ["found", "found"]

    def test_merged(self):
        both = filled((10, 10, 50, 70))
        (first, second), merged = fates_of(
            self.truths, results_of(both, [1], [0.9]), stages([(10, 10, 50, 70)])
        )
        assert (first, second) == ("found", "no proposal")  # IoU 2 / 3 with each
        assert merged.tolist() == [False, True]

    def test_missed_beside_a_mask_of_one_is_not_merged(self):
        narrow = (10, 10, 50, 49)  # covers 19 of the right one's 40 columns
        _, merged = fates_of(self.truths, results_of(filled(narrow), [1], [0.9]), stages([LEFT]))
        assert merged.tolist() == [False, False]

    def test_nothing_detected_and_nothing_there(self):
        nothing = stages(np.zeros((0, 4)))
        fates, merged = fates_of(self.truths, [], nothing)
        assert fates == ["no proposal"] * 2
        assert not merged.any()
        fates, merged = fates_of([], results_of(filled(LEFT), [1], [0.9]), stages([LEFT]))
        assert (fates, len(merged)) == ([], 0)
