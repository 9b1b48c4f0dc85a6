"""NMS against a plain greedy reference, golden numbers, and cases where the result is known."""

import keras
import numpy as np
import pytest
from keras import ops

from mrcnn.ops import boxes as box_ops
from mrcnn.ops import nms

THRESHOLD = 0.5


def numpy_of(x):
    return ops.convert_to_numpy(x)


class Nms(keras.layers.Layer):
    """The function in a layer, as the network uses it."""

    def __init__(self, max_output, threshold=THRESHOLD, masked=False, classes=False):
        super().__init__()
        self.max_output, self.threshold, self.masked, self.classes = max_output, threshold, masked, classes

    def call(self, boxes, scores, valid, class_ids):
        return nms.nms(
            boxes,
            scores,
            self.max_output,
            self.threshold,
            valid=valid if self.masked else None,
            class_ids=class_ids if self.classes else None,
        )

    def compute_output_spec(self, boxes, *_):
        shape = (boxes.shape[0], self.max_output)
        return keras.KerasTensor(shape, "int32"), keras.KerasTensor(shape, "bool")


def run_model(layer, boxes, scores, valid=None, class_ids=None):
    """The layer's answer as compiled in a functional model of unknown batch: index, keep."""
    valid = np.ones(scores.shape, bool) if valid is None else valid
    class_ids = np.ones(scores.shape, np.int32) if class_ids is None else class_ids
    arrays = [boxes, scores, valid, class_ids]
    inputs = [keras.Input(x.shape[1:], dtype=str(x.dtype)) for x in arrays]
    return keras.Model(inputs, layer(*inputs)).predict_on_batch(arrays)


def pick(boxes, scores, max_output, threshold, valid=None):
    """nms, compiled, which is quicker here than operation by operation: index, keep."""
    return run_model(Nms(max_output, threshold, masked=valid is not None), boxes, scores, valid)


def greedy(boxes, scores, max_output, threshold, valid=None, class_ids=None):
    """The rule as one would say it, for one image, in float32."""
    boxes = boxes.astype(np.float32)
    area = np.maximum(boxes[:, 2] - boxes[:, 0], 0) * np.maximum(boxes[:, 3] - boxes[:, 1], 0)
    order = sorted(range(len(boxes)), key=lambda i: (-scores[i], i))
    if valid is not None:
        order = [i for i in order if valid[i]]
    kept = []
    for i in order:
        if len(kept) == max_output:
            break
        rivals = [j for j in kept if class_ids is None or class_ids[i] == class_ids[j]]
        best, mine = boxes[rivals], boxes[i]
        height = np.maximum(np.minimum(mine[2], best[:, 2]) - np.maximum(mine[0], best[:, 0]), 0)
        width = np.maximum(np.minimum(mine[3], best[:, 3]) - np.maximum(mine[1], best[:, 1]), 0)
        union = area[i] + area[rivals] - height * width
        iou = np.divide(height * width, union, out=np.zeros_like(union), where=union > 0)
        if not (iou > np.float32(threshold)).any():
            kept.append(i)
    return kept


def check(found, boxes, scores, max_output, threshold=THRESHOLD, valid=None, class_ids=None):
    """Every image's kept boxes are those of the reference, and its empty places are in order."""
    index, keep = (numpy_of(x) for x in found)
    assert index.shape == keep.shape == (len(boxes), max_output)
    assert index.dtype == np.int32
    assert keep.dtype == bool
    for i in range(len(boxes)):
        expected = greedy(
            boxes[i],
            scores[i],
            max_output,
            threshold,
            None if valid is None else valid[i],
            None if class_ids is None else class_ids[i],
        )
        assert list(index[i][keep[i]]) == expected, f"image {i}"
        np.testing.assert_array_equal(keep[i], np.arange(max_output) < len(expected))
        np.testing.assert_array_equal(index[i][~keep[i]], 0)


def random_boxes(rng, batch, count):
    corner = rng.uniform(0, 1, (batch, count, 2))
    size = rng.uniform(0.05, 0.6, (batch, count, 2))
    return np.concatenate([corner, corner + size], axis=-1).astype(np.float32)


def clustered_boxes(rng, batch, count, objects=4):
    """Boxes jittered around a few, as a trained RPN gives them."""
    around = rng.integers(0, objects, (batch, count, 1))
    chosen = np.take_along_axis(random_boxes(rng, batch, objects), around, axis=1)
    return (chosen + rng.normal(0, 0.03, chosen.shape)).astype(np.float32)


def grid_boxes(rng, batch, count):
    """Whole numbers below 8: exact IoUs on the threshold, identical boxes and empty ones abound."""
    corner = rng.integers(0, 6, (batch, count, 2))
    return np.concatenate([corner, corner + rng.integers(0, 4, (batch, count, 2))], axis=-1).astype(
        np.float32
    )


@pytest.fixture(scope="module")
def golden(parity):
    with np.load(parity("units.npz")) as file:
        return {
            name: file[name] for name in file.files if name.startswith(("nms__", "proposals__", "anchors__"))
        }


def test_golden_nms(golden):
    boxes, scores = golden["nms__boxes"][None], golden["nms__scores"][None]
    index, keep = nms.nms(boxes, scores, 30, 0.4)
    np.testing.assert_array_equal(numpy_of(index)[numpy_of(keep)], golden["nms__keep"])


def test_golden_proposals(golden):
    """NMS after scores, deltas and clipping, as the proposal layer chains them."""
    scores, index = nms.sort_by_score(golden["proposals__rpn_probs"][..., 1], 6000)
    index = numpy_of(index)[0]
    deltas = golden["proposals__rpn_deltas"][0, index] * np.float32([0.1, 0.1, 0.2, 0.2])
    boxes = box_ops.decode_deltas(golden["anchors__normalized"][index], deltas)
    boxes = numpy_of(box_ops.clip(boxes, (0, 0, 1, 1)))
    chosen, keep = (numpy_of(x)[0] for x in nms.nms(boxes[None], scores, 50, 0.7))
    assert keep.all()
    np.testing.assert_allclose(boxes[chosen], golden["proposals__out"][0], atol=1e-5)


@pytest.fixture(params=["in tiles", "at once"])
def small(monkeypatch, request):
    """Both ways of computing it, in small pieces, so that a few boxes cross many borders."""
    monkeypatch.setattr(nms, "_TILE", 8)
    monkeypatch.setattr(nms, "_AT_A_TIME", 8 * 40 * 40)
    monkeypatch.setattr(nms, "_PASSES", 2)
    monkeypatch.setattr(nms, "loops_wait", lambda: request.param == "at once")


@pytest.mark.parametrize("kind", [random_boxes, clustered_boxes, grid_boxes])
@pytest.mark.parametrize(("count", "max_output"), [(40, 10), (40, 40), (19, 30)])
def test_equals_greedy_in_pieces(small, kind, count, max_output):
    """40 images of each kind and size."""
    rng = np.random.default_rng([count, max_output])
    boxes = kind(rng, 40, count)
    scores = rng.uniform(size=(40, count)).astype(np.float32)
    scores[20:] = np.round(scores[20:], 1)  # ties
    check(nms.nms(boxes, scores, max_output, THRESHOLD), boxes, scores, max_output)


@pytest.mark.parametrize("kind", [random_boxes, clustered_boxes, grid_boxes])
def test_equals_greedy_by_class_and_validity(small, kind):
    rng = np.random.default_rng(1)
    boxes, scores = kind(rng, 60, 30), np.round(rng.uniform(size=(60, 30)), 1).astype(np.float32)
    valid, class_ids = rng.uniform(size=(60, 30)) < 0.7, rng.integers(1, 4, (60, 30))
    valid[0], valid[1] = False, np.arange(30) == 17
    found = nms.nms(boxes, scores, 12, THRESHOLD, valid, class_ids)
    check(found, boxes, scores, 12, valid=valid, class_ids=class_ids)


def test_equals_greedy_compiled_at_full_size():
    rng = np.random.default_rng(2)
    boxes = np.concatenate([clustered_boxes(rng, 1, 1500, 30), random_boxes(rng, 1, 1500)])
    scores = rng.uniform(size=(2, 1500)).astype(np.float32)
    check(run_model(Nms(200), boxes, scores), boxes, scores, 200)
    valid, class_ids = rng.uniform(size=(2, 1500)) < 0.5, rng.integers(1, 5, (2, 1500)).astype(np.int32)
    found = run_model(Nms(200, masked=True, classes=True), boxes, scores, valid, class_ids)
    check(found, boxes, scores, 200, valid=valid, class_ids=class_ids)


def test_equals_greedy_for_an_unknown_number_of_boxes():
    inputs = keras.Input((None, 4)), keras.Input((None,))
    model = keras.Model(inputs, Nms(15)(*inputs, None, None))
    rng = np.random.default_rng(8)
    for count in (10, 300):
        boxes, scores = clustered_boxes(rng, 2, count), rng.uniform(size=(2, count)).astype(np.float32)
        check(model.predict_on_batch([boxes, scores]), boxes, scores, 15)


@pytest.mark.parametrize("at_once", [False, True])
def test_chain_of_suppressions_longer_than_a_tile(monkeypatch, at_once):
    """Each box overlaps only its neighbours: every second one stays, however late it is decided."""
    monkeypatch.setattr(nms, "loops_wait", lambda: at_once and keras.backend.backend() == "torch")
    start = np.arange(600, dtype=np.float32)
    boxes = np.stack([0 * start, start, 0 * start + 1, start + 3], axis=-1)[None]
    scores = np.linspace(1, 0, 600, dtype=np.float32)[None]
    index, keep = pick(boxes, scores, 400, 0.4)
    np.testing.assert_array_equal(index[0, :300], np.arange(0, 600, 2))
    np.testing.assert_array_equal(keep[0], np.arange(400) < 300)


def test_identical_boxes_leave_the_first():
    boxes = np.tile(np.float32([0.1, 0.1, 0.5, 0.5]), (1, 300, 1))
    index, keep = pick(boxes, np.full((1, 300), 0.5, np.float32), 3, 0.7)
    np.testing.assert_array_equal(index, [[0, 0, 0]])
    np.testing.assert_array_equal(keep, [[True, False, False]])


def test_boxes_without_area_suppress_nothing():
    boxes = np.float32([[[0, 0, 0, 0]] * 3 + [[0.5, 0.5, 0.5, 0.9]] * 2 + [[0.8, 0.8, 0.2, 0.2]] * 2])
    index, keep = pick(boxes, np.zeros((1, 7), np.float32), 7, 0.0)
    np.testing.assert_array_equal(index, [np.arange(7)])
    assert keep.all()


def test_threshold_itself_does_not_suppress():
    boxes = np.float32([[[0, 0, 2, 2], [0, 0, 2, 1], [0, 0, 1, 2]]])
    scores = np.float32([[0.9, 0.8, 0.7]])
    assert pick(boxes, scores, 3, 0.5)[1].tolist() == [[True, True, True]]
    assert pick(boxes, scores, 3, 0.49)[1].tolist() == [[True, False, False]]


def test_nothing_valid_keeps_nothing():
    rng = np.random.default_rng(3)
    boxes, scores = random_boxes(rng, 2, 10), rng.uniform(size=(2, 10)).astype(np.float32)
    valid = np.zeros((2, 10), bool)
    check(pick(boxes, scores, 4, THRESHOLD, valid), boxes, scores, 4, valid=valid)


def test_no_boxes_keep_nothing():
    index, keep = nms.nms(np.zeros((2, 0, 4), np.float32), np.zeros((2, 0), np.float32), 3, THRESHOLD)
    np.testing.assert_array_equal(numpy_of(index), np.zeros((2, 3)))
    assert not numpy_of(keep).any()


def test_valid_box_of_lowest_score_goes_before_invalid_ones():
    boxes = np.float32([[[0, 0, 1, 1], [2, 2, 3, 3], [4, 4, 5, 5]]])
    scores = np.float32([[9, -np.inf, 8]])
    valid = np.array([[False, True, True]])
    index, keep = pick(boxes, scores, 3, THRESHOLD, valid)
    assert index[keep].tolist() == [2, 1]


def test_half_precision_boxes_and_scores(monkeypatch):
    monkeypatch.setattr(nms, "_TILE", 8)
    rng = np.random.default_rng(5)
    boxes, scores = grid_boxes(rng, 40, 40), rng.integers(0, 9, (40, 40)).astype(np.float32)
    half = [ops.cast(x, "bfloat16") for x in (boxes, scores)]  # small whole numbers, exact in it
    check(nms.nms(*half, 10, THRESHOLD), boxes, scores, 10)


def test_training_passes_through_without_a_gradient():
    """No gradient reaches scores through the choice of boxes; it reaches the boxes themselves."""

    class Chosen(keras.layers.Layer):
        def call(self, boxes, scores):
            index, keep = nms.nms(boxes, scores, 3, THRESHOLD)
            picked = ops.take_along_axis(boxes, ops.expand_dims(index, axis=-1), axis=1)
            return picked * ops.cast(ops.expand_dims(keep, axis=-1), "float32") + 0.0 * ops.sum(scores)

    inputs = keras.Input((6, 4))
    scores = keras.layers.Dense(1, name="scores")(inputs)
    moved = keras.layers.Dense(4, name="moved")(inputs)
    model = keras.Model(inputs, Chosen()(moved, scores[..., 0]))
    model.compile(optimizer=keras.optimizers.SGD(1.0), loss="mse")
    before = {name: model.get_layer(name).get_weights() for name in ("scores", "moved")}
    model.train_on_batch(random_boxes(np.random.default_rng(6), 2, 6), np.ones((2, 3, 4), np.float32))
    after = {name: model.get_layer(name).get_weights() for name in ("scores", "moved")}
    np.testing.assert_array_equal(after["scores"][0], before["scores"][0])
    assert not np.array_equal(after["moved"][0], before["moved"][0])


def test_sorting_keeps_the_order_of_equals():
    scores = np.float32([[0.5, 0.9, 0.5, 0.9, 0.1], [1, 1, 1, 1, 1]])
    best, index = nms.sort_by_score(scores, 4)
    np.testing.assert_array_equal(numpy_of(index), [[1, 3, 0, 2], [0, 1, 2, 3]])
    np.testing.assert_array_equal(numpy_of(best), np.float32([[0.9, 0.9, 0.5, 0.5], [1, 1, 1, 1]]))
    assert "int32" in str(index.dtype)


def test_sorting_fewer_than_asked_for():
    best, index = nms.sort_by_score(np.float32([[1, 3, 2]]), 10)
    np.testing.assert_array_equal(numpy_of(best), [[3, 2, 1]])
    np.testing.assert_array_equal(numpy_of(index), [[1, 2, 0]])


# --- Soft NMS ----------------------------------------------------------------------------------------


def soft(boxes, scores, max_output, threshold=None, sigma=None, min_score=0.0, valid=None, class_ids=None):
    """Bodla et al. 2017, figure 2, as one would say it, for one image: [(index, lowered score)]."""
    left = {i: float(s) for i, s in enumerate(scores) if s > 0 and (valid is None or valid[i])}
    taken = []
    while left and len(taken) < max_output:
        best = min(left, key=lambda i: (-left[i], i))
        score = left.pop(best)
        if score <= 0 or score < min_score:
            break
        taken.append((best, score))
        for i in left:
            if class_ids is not None and class_ids[i] != class_ids[best]:
                continue
            iou = plain_iou(boxes[i], boxes[best])
            if sigma is not None:
                left[i] *= np.exp(-(iou**2) / sigma)
            elif iou > threshold:
                left[i] *= 1 - iou
    return taken


def plain_iou(a, b):
    height = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    width = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1]) for box in (a, b)]
    union = sum(areas) - height * width
    return height * width / union if union else 0.0


class SoftNms(keras.layers.Layer):
    """Soft NMS by class in a layer, as the network uses it."""

    def __init__(self, max_output, **rule):
        super().__init__()
        self.max_output, self.rule = max_output, rule

    def call(self, boxes, scores, valid, class_ids):
        return nms.soft_nms(boxes, scores, self.max_output, valid=valid, class_ids=class_ids, **self.rule)

    def compute_output_spec(self, boxes, *_):
        shape = (boxes.shape[0], self.max_output)
        return tuple(keras.KerasTensor(shape, dtype) for dtype in ("int32", "float32", "bool"))


def check_soft(found, boxes, scores, max_output, valid, class_ids, **rule):
    index, lowered, keep = (numpy_of(x) for x in found)
    assert index.shape == lowered.shape == keep.shape == (len(boxes), max_output)
    for i in range(len(boxes)):
        expected = soft(
            boxes[i], scores[i], max_output, valid=valid[i], class_ids=class_ids[i], **rule
        )  # fmt: skip
        count = len(expected)
        np.testing.assert_array_equal(keep[i], np.arange(max_output) < count)
        assert index[i, :count].tolist() == [place for place, _ in expected], f"image {i}"
        np.testing.assert_allclose(lowered[i, :count], [score for _, score in expected], rtol=1e-4)
        np.testing.assert_array_equal(index[i, count:], 0)
        np.testing.assert_array_equal(lowered[i, count:], 0)


SOFT_RULES = [
    {"threshold": 0.3},
    {"threshold": 0.0, "min_score": 0.2},
    {"sigma": 0.5},
    {"sigma": 0.1, "min_score": 0.3},
]


def named(rule):
    """The rule of the reference under the names of soft_nms."""
    return {"iou_threshold" if name == "threshold" else name: value for name, value in rule.items()}


@pytest.mark.parametrize("rule", SOFT_RULES, ids=str)
def test_soft_nms_equals_the_plain_rule(rule):
    rng = np.random.default_rng(11)
    boxes = np.concatenate([random_boxes(rng, 8, 40), clustered_boxes(rng, 8, 40)])
    # Scores some thousandths apart: rounding in another order must not change the order of boxes.
    scores = np.stack([rng.permutation(40) for _ in boxes]).astype(np.float32) / 40
    valid, class_ids = rng.uniform(size=(16, 40)) < 0.8, rng.integers(1, 3, (16, 40)).astype(np.int32)
    valid[3] = False
    found = run_model(SoftNms(12, **named(rule)), boxes, scores, valid, class_ids)
    check_soft(found, boxes, scores, 12, valid, class_ids, **rule)


def test_soft_nms_by_hand():
    """Two halves of a box and one apart: IoU 0.5 with the whole, none with one another."""
    boxes = np.float32([[[0, 0, 2, 2], [0, 0, 2, 1], [0, 1, 2, 2], [5, 5, 6, 6]]])
    scores = np.float32([[0.8, 0.6, 0.4, 0.5]])
    index, lowered, keep = (numpy_of(x) for x in nms.soft_nms(boxes, scores, 5, iou_threshold=0.3))
    assert index.tolist() == [[0, 3, 1, 2, 0]]
    np.testing.assert_allclose(lowered, [[0.8, 0.5, 0.3, 0.2, 0]], rtol=1e-6)
    assert keep.tolist() == [[True, True, True, True, False]]
    index, lowered, _ = (numpy_of(x) for x in nms.soft_nms(boxes, scores, 4, sigma=0.5))
    factor = np.exp(-0.25 / 0.5)
    np.testing.assert_allclose(lowered, [[0.8, 0.5, 0.6 * factor, 0.4 * factor]], rtol=1e-6)
    assert numpy_of(nms.soft_nms(boxes, scores, 4, iou_threshold=0.5)[0]).tolist() == [[0, 1, 3, 2]]


def disjoint_boxes(count):
    rows, columns = np.divmod(np.arange(count), 6)
    corner = np.stack([rows, columns], axis=1) * 2.0
    return np.concatenate([corner, corner + 1], axis=1)[None].astype(np.float32)


@pytest.mark.parametrize("rule", [{"iou_threshold": 0.3}, {"sigma": 0.5}], ids=str)
def test_without_overlap_soft_is_hard(rule):
    boxes = disjoint_boxes(30)
    scores = np.round(np.random.default_rng(3).uniform(0.1, 1, (1, 30)), 1).astype(np.float32)  # ties
    hard, keep = (numpy_of(x) for x in nms.nms(boxes, scores, 20, 0.3))
    index, lowered, kept = (numpy_of(x) for x in nms.soft_nms(boxes, scores, 20, **rule))
    np.testing.assert_array_equal(index, hard)
    np.testing.assert_array_equal(kept, keep)
    np.testing.assert_array_equal(lowered[0], scores[0, hard[0]])


def test_limits_of_soft_nms():
    """A vanishing sigma drops all that overlaps, as hard NMS at threshold 0; a vast one nothing."""
    rng = np.random.default_rng(4)
    boxes, scores = clustered_boxes(rng, 4, 30), rng.uniform(0.1, 1, (4, 30)).astype(np.float32)
    hard, keep = (numpy_of(x) for x in nms.nms(boxes, scores, 30, 0.0))
    index, _, kept = (numpy_of(x) for x in nms.soft_nms(boxes, scores, 30, sigma=1e-12))
    np.testing.assert_array_equal(kept, keep)
    np.testing.assert_array_equal(index, hard)
    by_score, _ = (numpy_of(x) for x in nms.nms(boxes, scores, 30, 1.0))
    for rule in ({"sigma": 1e12}, {"iou_threshold": 1.0}):
        index, lowered, kept = (numpy_of(x) for x in nms.soft_nms(boxes, scores, 30, **rule))
        assert kept.all()
        np.testing.assert_array_equal(index, by_score)
        np.testing.assert_allclose(lowered, np.take_along_axis(scores, by_score, axis=1), rtol=1e-6)


def test_soft_nms_leaves_out_what_has_no_score_or_twin():
    boxes = np.float32([[[0, 0, 1, 1], [0, 0, 1, 1], [3, 3, 4, 4], [3, 3, 3, 3]]])
    index, _, keep = (
        numpy_of(x) for x in nms.soft_nms(boxes, np.float32([[0.9, 0.8, 0.0, 0.1]]), 4, iou_threshold=0.3)
    )
    assert index[keep].tolist() == [0, 3]  # a box twice has IoU 1, one without area overlaps nothing


@pytest.mark.parametrize("rule", [{}, {"iou_threshold": 0.3, "sigma": 0.5}, {"sigma": 0.0}], ids=str)
def test_soft_nms_refuses(rule):
    with pytest.raises(ValueError, match="sigma"):
        nms.soft_nms(np.zeros((1, 2, 4), np.float32), np.ones((1, 2), np.float32), 2, **rule)
