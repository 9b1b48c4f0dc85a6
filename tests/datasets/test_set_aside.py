"""A share of the images is set aside for validation, by classes and by photographs."""

import json
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from mrcnn.datasets import Dataset, DatasetError, set_aside
from mrcnn.datasets.set_aside import Choice
from mrcnn.datasets.stratify import stratify
from mrcnn.datasets.subset import Subset
from mrcnn.training.hashes import data_hash
from tests.scenes import Rectangles


def picture(seed):
    cells = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(cells).resize((80, 60), Image.Resampling.BICUBIC))


class Album(Dataset):
    """Pictures in memory. pictures: [(key, seed, class ids)]."""

    def __init__(self, pictures, classes=2):
        super().__init__()
        for number in range(1, classes + 1):
            self.add_class("album", number, f"class{number}")
        for key, seed, class_ids in pictures:
            self.add_image("album", key, None, seed=seed, class_ids=class_ids)
        self.prepare()

    def load_image(self, image_id):
        return picture(self.image_info[image_id]["seed"])

    def load_mask(self, image_id):
        class_ids = np.array(self.image_info[image_id]["class_ids"], np.int32)
        return np.ones((60, 80, len(class_ids)), bool), class_ids


def test_classes_are_spread_by_the_same_share():
    rng = np.random.default_rng(3)
    counts = (rng.random((200, 4)) < [0.6, 0.3, 0.1, 0.05]).astype(int)
    aside = stratify(counts, np.ones(200, int), 0.2, np.random.default_rng(0))
    assert len(aside) == 40
    np.testing.assert_allclose(counts[aside].sum(axis=0), 0.2 * counts.sum(axis=0), atol=0.81)


def test_one_class_is_divided_exactly_and_by_the_seed():
    counts, sizes = np.ones((60, 1), int), np.ones(60, int)
    chosen = [stratify(counts, sizes, 0.2, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert [len(units) for units in chosen] == [12, 12, 12]
    assert chosen[0] == chosen[1] != chosen[2]


def test_a_class_of_one_image_is_trained_on():
    counts = np.array([[1, 0]] * 9 + [[1, 1]])
    for seed in range(20):
        assert 9 not in stratify(counts, np.ones(10, int), 0.2, np.random.default_rng(seed))


@pytest.mark.parametrize("share", [0.01, 0.2, 0.9])
def test_each_side_has_an_image(share):
    counts = np.array([[1], [1]])
    assert len(stratify(counts, np.array([1, 1]), share, np.random.default_rng(0))) == 1
    counts = np.array([[30], [1], [1]])
    aside = stratify(counts, np.array([30, 1, 1]), share, np.random.default_rng(0))
    assert 0 < len(aside) < 3


def test_near_equal_photographs_stay_on_one_side():
    pictures = [(f"{number}", number // 3, [1]) for number in range(30)]  # ten pictures, three times each
    for seed in range(5):
        choice = set_aside.choose(Album(pictures), 0.2, seed)
        places = {**dict.fromkeys(choice.val, "val"), **dict.fromkeys(choice.train, "train")}
        assert Counter(places.values()) == {"train": 24, "val": 6}
        assert all(len({places[str(3 * n + k)] for k in range(3)}) == 1 for n in range(10))


def test_pictures_that_are_all_alike_cannot_be_divided():
    assert set_aside.choose(Album([("a", 1, [1]), ("b", 1, [2])]), 0.2, 0) is None
    assert set_aside.choose(Album([("a", 1, [1])]), 0.2, 0) is None


def test_flat_copies_stay_together(tmp_path):
    dataset = Album([(f"{n}", n, [1]) for n in range(8)])
    for number, info in enumerate(dataset.image_info):
        info["path"] = str(tmp_path / f"{number}.png")
        Image.new("RGB", (20, 20), (number // 2,) * 3).save(info["path"])
    choice = set_aside.choose(dataset, 0.25, 0)
    assert [int(key) // 2 for key in choice.val] in ([n, n] for n in range(4))


def test_the_choice_is_kept_in_a_file_and_applied_by_keys(tmp_path):
    pictures = [(f"{n}.jpg", n, [1 + n % 2]) for n in range(10)]
    choice = set_aside.choose(Album(pictures), 0.2, 7)
    choice.write(tmp_path)
    assert Choice.read(tmp_path) == choice
    assert json.loads((tmp_path / "splits.json").read_text())["val"] == list(choice.val)
    lines = []
    train, val = set_aside.apply(Album(pictures[::-1]), choice, lines.append)
    assert lines == []
    assert {info["id"] for info in val.image_info} == set(choice.val)
    assert {info["id"] for info in train.image_info} == set(choice.train)
    changed = [*pictures[1:], ("new.jpg", 99, [1])]
    set_aside.apply(Album(changed), choice, lines.append)
    assert lines == [
        "Since the splits were chosen, 1 images are new (new.jpg, ...); they are left out",
        "Since the splits were chosen, 1 images are gone (0.jpg, ...); the others are used",
    ]


def test_faults_are_those_of_the_image_or_of_the_training_part():
    dataset = Album([("a", 1, [1]), ("b", 2, [1])])
    for info in dataset.image_info:
        info["path"] = info["id"]
    dataset.faults = [("ring", "a", "1"), ("ring", "b", "2"), ("no_image", "all.json", "3")]
    train, val = set_aside.apply(dataset, Choice(("a",), ("b",), 0.5, 0))
    assert [fault[2] for fault in train.faults] == ["1", "3"]
    assert [fault[2] for fault in val.faults] == ["2"]


def test_equal_ids_get_numbers():
    dataset = Album([("a", 1, []), ("b", 2, []), ("a", 3, []), (7, 4, []), ("x/y", 5, [])])
    assert set_aside.keys_of(dataset) == ["a", "b", "a (2)", "7", "x/y"]
    for info, name in zip(dataset.image_info, ("1/a.jpg", "1/b.jpg", "2/a.jpg", "1/seven.jpg", "x/y.png")):
        info["path"] = name
    assert set_aside.keys_of(dataset) == ["a", "b", "a (2)", "7 seven.jpg", "x/y"]


def test_a_damaged_choice_is_a_sentence_and_none_is_none(tmp_path):
    assert Choice.read(tmp_path) is None
    for text, message in [
        ("{", "is cut short"),
        ('{"train": ["a"], "val": [1]}', "is damaged: train and val must be lists of the images' keys"),
    ]:
        (tmp_path / "splits.json").write_text(text)
        with pytest.raises(DatasetError, match=message):
            Choice.read(tmp_path)


# --- Subset ------------------------------------------------------------------------------------------


def test_a_subset_is_a_data_set_of_the_chosen_images():
    whole = Rectangles()
    part = Subset(whole, [3, 0])
    assert (part.num_images, part.class_names, part.image_ids.tolist()) == (
        2,
        ["BG", "dull", "bright"],
        [0, 1],
    )
    assert part.source_class_ids == whole.source_class_ids
    for image_id, original in ((0, 3), (1, 0)):
        np.testing.assert_array_equal(part.load_image(image_id), whole.load_image(original))
        np.testing.assert_array_equal(part.load_mask(image_id)[0], whole.load_mask(original)[0])
        assert part.image_info[image_id] is whole.image_info[original]
        assert part.count_instances(image_id) == whole.count_instances(original)
        assert part.source_image_link(image_id) == f"image{original}.png"
        found, expected = part.scan(image_id), whole.scan(original)
        assert (found.image_id, found.instances) == (image_id, expected.instances)
    assert len(found.instances) == 2


def test_a_subset_asks_the_class_of_a_users_own():
    class Own(Album):
        """Keeps its seeds in a list of its own and names its argument otherwise."""

        def __init__(self, pictures):
            super().__init__(pictures)
            self.seeds = [seed for _, seed, _ in pictures]

        def load_image(self, number):
            return picture(self.seeds[number])

        def data_files(self, image_id):
            return [f"file{image_id}"]

    part = Subset(Own([("a", 5, [1]), ("b", 6, [2])]), [1])
    np.testing.assert_array_equal(part.load_image(0), picture(6))
    assert part.data_files(0) == ["file1"]
    assert part.seeds == [5, 6]
    with pytest.raises(AttributeError, match="nothing"):
        _ = part.nothing


def test_the_hash_of_a_subset_is_that_of_its_images(tmp_path):
    whole = Album([(f"{n}", n, [1]) for n in range(4)])
    same = Album([(f"{n}", n, [1]) for n in (2, 1)])
    assert data_hash(Subset(whole, [2, 1])) == data_hash(same) != data_hash(Subset(whole, [1, 2]))
