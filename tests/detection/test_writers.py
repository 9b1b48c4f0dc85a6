"""Each output format is read back, by a reader of ours or by a library, and gives the same masks."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from faster_coco_eval import COCO
from PIL import Image

from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.formats import open_dataset
from mrcnn.datasets.recognition import recognise
from mrcnn.datasets.shapes import Rings, rasterize
from mrcnn.datasets.writers.outlines import is_hole, one_ring, parts
from mrcnn.detection.detections import Detections
from mrcnn.detection.writers import WRITERS
from mrcnn.detection.writers.photograph import Photograph
from mrcnn.detection.writers.writer import find_writer, open_writers
from tests.datasets.test_outlines import smooth

NAMES = ["BG", "fig", "date palm"]
SIZE = (60, 80)
EMPTY = Detections(SIZE, np.zeros((0, 4), np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32), [])


def found(seed=0):
    """Five detections: blobs with holes and parts, a pixel, the whole image, and one without a pixel."""
    rng = np.random.default_rng(seed)
    boxes = np.array(
        [(5, 10, 45, 70), (0, 0, 30, 30), (59, 79, 60, 80), (0, 0, *SIZE), (3, 4, 8, 9)], np.int32
    )
    crops = [smooth(rng, (y2 - y1, x2 - x1)) for y1, x1, y2, x2 in boxes[:2]]
    crops[1][10:20, 10:20] = True
    crops[1][13:16, 13:16] = False
    crops += [np.ones((1, 1), bool), np.ones(SIZE, bool), np.zeros((5, 5), bool)]
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5], np.float32)
    return Detections(SIZE, boxes, np.array([1, 2, 2, 1, 1], np.int32), scores, crops)


@pytest.fixture
def photos(tmp_path):
    """Photographs as a user has them: JPEG, one of the same name, one that EXIF turns, and one of no file."""
    rng = np.random.default_rng(1)
    images = [rng.integers(0, 255, (*SIZE, 3), np.uint8) for _ in range(4)]
    paths = [tmp_path / "photos" / name for name in ("a.jpg", "b/a.jpg", "turned.png")]
    (tmp_path / "photos" / "b").mkdir(parents=True)
    for path, image in zip(paths, images):
        exif = Image.Exif()
        exif[0x0112] = 6 if path.stem == "turned" else 1
        stored = np.rot90(image) if path.stem == "turned" else image
        Image.fromarray(stored).save(path, exif=exif)
    photographs = [Photograph(str(p), stem, p) for p, stem in zip(paths, ("a", "a_2", "turned"))]
    photographs.append(Photograph("https://example.org/c.jpg", "c"))
    for k in (0, 1):
        images[k] = np.asarray(Image.open(paths[k]))
    return list(zip(photographs, images, [found(0), found(1), EMPTY, found(2)]))


def save(word, photos, out):
    with open_writers([word], out, NAMES) as (writer,):
        return writer.finish([writer.write(*photo) for photo in photos])


def read(root, layout, split=None):
    """Return {stem: (pixels, [(class, mask)])} of a data set, which is recognised as its layout."""
    assert recognise(root)[0] == layout
    dataset = open_dataset(layout, root, split)
    content = {}
    for image_id in dataset.image_ids:
        masks, class_ids = dataset.load_mask(image_id)
        named = [dataset.class_names[i] for i in class_ids]
        stem = Path(dataset.image_info[image_id]["path"]).stem
        content[stem] = dataset.load_image(image_id), list(zip(named, np.moveaxis(masks, -1, 0)))
    return content


def expected(photos):
    """What ``read`` returns if all is kept: detections without a pixel are left out."""
    return {
        photograph.stem: (
            image,
            [
                (NAMES[i], mask)
                for i, mask in zip(result.class_ids, np.moveaxis(result.masks(), -1, 0)) if mask.any()
            ],
        )
        for photograph, image, result in photos
    }  # fmt: skip


def in_order(pairs):
    return sorted((name, mask.tobytes()) for name, mask in pairs)


@pytest.mark.parametrize(("word", "layout"), [("yolo", "yolo"), ("masks", "openimages")])
def test_data_sets_are_read_back_to_the_pixel(photos, tmp_path, word, layout):
    notes = save(word, photos, tmp_path / "out")
    content = read(tmp_path / "out" / word, layout, "train" if word == "yolo" else None)
    wanted = expected(photos)
    assert content.keys() == wanted.keys()
    for stem, (image, instances) in wanted.items():
        np.testing.assert_array_equal(content[stem][0], image)
        assert in_order(content[stem][1]) == in_order(instances)
    assert (
        notes
        == {
            "yolo": [
                "yolo: The worst IoU of a polygon with its mask: 1.0000.",
                "yolo: Programs for YOLO want a split val, and these data have none.",
            ],
            "masks": [],
        }[word]
    )


def test_labelme_is_read_back_to_a_pixel_of_the_outline(photos, tmp_path):
    assert save("labelme", photos, tmp_path / "out") == []
    content, wanted = read(tmp_path / "out/labelme", "labelme"), expected(photos)
    assert content.keys() == wanted.keys()
    for stem, (image, instances) in wanted.items():
        np.testing.assert_array_equal(content[stem][0], image)
        assert [name for name, _ in content[stem][1]] == [name for name, _ in instances]
        for (_, mask), (_, again) in zip(instances, content[stem][1]):
            assert (mask & again).sum() >= 0.9 * (mask | again).sum()
    assert (tmp_path / "out/labelme/labels.txt").read_text().split("\n")[2:4] == ["fig", "date palm"]


def test_polygons_of_labelme_have_few_corners(tmp_path):
    y, x = np.mgrid[:200, :200]
    disc = (y - 100) ** 2 + (x - 100) ** 2 < 80**2
    result = Detections((200, 200), np.array([[0, 0, 200, 200]]), np.array([1]), np.array([0.9]), [disc])
    save("labelme", [(Photograph("d.png", "d"), np.zeros((200, 200, 3), np.uint8), result)], tmp_path)
    (record,) = json.loads((tmp_path / "labelme/d.json").read_text())["shapes"]
    again = rasterize(Rings((np.array(record["points"]),)), (200, 200))
    (exact,) = parts(disc)
    assert (len(exact[0]), len(record["points"])) == (364, 32)
    assert (disc & again).sum() / (disc | again).sum() > 0.985


def test_photographs_of_data_sets_keep_their_bytes_unless_exif_turns_them(photos, tmp_path):
    save("yolo", photos, tmp_path)
    written = {path.name: path.read_bytes() for path in (tmp_path / "yolo/images").iterdir()}
    assert sorted(written) == ["a.jpg", "a_2.jpg", "c.png", "turned.png"]
    assert written["a.jpg"] == (tmp_path / "photos/a.jpg").read_bytes()
    assert written["a_2.jpg"] == (tmp_path / "photos/b/a.jpg").read_bytes()


def test_coco_is_read_by_the_librarys_reader(photos, tmp_path):
    save("coco", photos, tmp_path / "out")
    data = COCO(str(tmp_path / "out/coco.json"))
    results = data.loadRes(str(tmp_path / "out/coco_results.json"))
    assert {
        k: (v["file_name"], v.get("coco_url"), v["height"], v["width"]) for k, v in data.imgs.items()
    } == {
        1: ("a.jpg", None, 60, 80),
        2: ("b/a.jpg", None, 60, 80),
        3: ("turned.png", None, 60, 80),
        4: ("c.jpg", "https://example.org/c.jpg", 60, 80),
    }
    assert {k: v["name"] for k, v in data.cats.items()} == {1: "fig", 2: "date palm"}
    for image_id, (_, _, result) in enumerate(photos, start=1):
        for coco in (data, results):
            rows = coco.loadAnns(coco.getAnnIds(imgIds=[image_id]))
            assert [row["score"] for row in rows] == result.scores.tolist()
            assert [row["category_id"] for row in rows] == result.class_ids.tolist()
            for row, mask, (y1, x1, y2, x2) in zip(rows, np.moveaxis(result.masks(), -1, 0), result.rois):
                np.testing.assert_array_equal(coco.annToMask(row), mask)
                assert row["bbox"] == [x1, y1, x2 - x1, y2 - y1]
        assert [row["area"] for row in data.loadAnns(data.getAnnIds(imgIds=[image_id]))] == [
            int(area) for area in result.areas()
        ]
    info = json.loads((tmp_path / "out/coco.json").read_text())["info"]
    assert info == {"description": "detections", "version": "1"}


def test_coco_is_a_data_set_of_ours(photos, tmp_path):
    """Its images are found below the folder that they have in common."""
    files = photos[:3]
    save("coco", files, tmp_path / "photos")
    (tmp_path / "photos/coco_results.json").unlink()
    dataset = open_dataset("coco", tmp_path / "photos/coco.json", None)
    for image_id, (_, image, result) in zip(dataset.image_ids, files):
        np.testing.assert_array_equal(dataset.load_image(image_id), image)
        masks = [mask for mask in np.moveaxis(result.masks(), -1, 0) if mask.any()]
        again, _ = dataset.load_mask(image_id)
        assert [mask.tobytes() for mask in np.moveaxis(again, -1, 0) if mask.any()] == [
            mask.tobytes() for mask in masks
        ]


def test_polygons_with_their_holes_give_the_masks_again(photos, tmp_path):
    save("polygons", photos, tmp_path)
    content = json.loads((tmp_path / "polygons.json").read_text())
    assert content["version"] == 1
    assert [image["image"] for image in content["images"]] == [photo.name for photo, *_ in photos]
    holes = 0
    for entry, (_, _, result) in zip(content["images"], photos):
        assert (entry["height"], entry["width"]) == SIZE
        assert [row["class"] for row in entry["detections"]] == [NAMES[i] for i in result.class_ids]
        for row, mask, score in zip(entry["detections"], np.moveaxis(result.masks(), -1, 0), result.scores):
            rings = [[np.array(ring[:-1], float) for ring in part] for part in row["polygons"]]
            holes += sum(len(part) - 1 for part in rings)
            filled = rasterize(Rings(tuple(map(one_ring, rings))), SIZE) if rings else np.zeros(SIZE, bool)
            np.testing.assert_array_equal(filled, mask)
            assert all(ring[0] == ring[-1] for part in row["polygons"] for ring in part)
            assert row["score"] == score
    assert holes > 3


@pytest.mark.parametrize("seed", range(10))
def test_parts_are_an_outline_and_the_holes_within(seed):
    mask = np.random.default_rng(seed).random((20, 30)) > 0.4
    rings = parts(mask)
    assert all([is_hole(ring) for ring in part] == [False, *[True] * (len(part) - 1)] for part in rings)
    filled = [rasterize(Rings((one_ring(part),)), mask.shape) for part in rings]
    np.testing.assert_array_equal(sum(part.astype(int) for part in filled), mask)


def test_the_table_has_a_row_for_each_detection(photos, tmp_path):
    save("csv", photos, tmp_path)
    with open(tmp_path / "detections.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 15
    assert rows[1] == {
        "image": photos[0][0].name, "width": "80", "height": "60", "class": "date palm", "score": "0.8000",
        "x1": "0", "y1": "0", "x2": "30", "y2": "30", "area": str(photos[0][2].areas()[1]),
    }  # fmt: skip


def test_crops_are_the_pixels_of_the_masks(photos, tmp_path):
    save("crops", photos, tmp_path)
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*_2_*.png")}
    assert files == {
        *(f"crops/fig/a_2_{number:03d}.png" for number in (1, 4, 5)),
        *(f"crops/date palm/a_2_{number:03d}.png" for number in (2, 3)),
    }
    _, image, result = photos[1]
    pixels = np.asarray(Image.open(tmp_path / "crops/date palm/a_2_002.png"))
    np.testing.assert_array_equal(pixels[:, :, :3], image[:30, :30])
    np.testing.assert_array_equal(pixels[:, :, 3] == 255, result.crops[1])
    np.testing.assert_array_equal(pixels[:, :, 3] == 0, ~result.crops[1])


def test_splash_is_colour_on_instances_and_grey_elsewhere(photos, tmp_path):
    for photo, image, result in photos:
        part = Detections(SIZE, result.rois[:2], result.class_ids[:2], result.scores[:2], result.crops[:2])
        save("splash", [(photo, image, part)], tmp_path)
        picture = np.asarray(Image.open(tmp_path / f"splash/{photo.stem}.png"))
        mask = part.masks().any(axis=2)
        np.testing.assert_array_equal(picture[mask], image[mask])
        luma = image @ (0.299, 0.587, 0.114)
        np.testing.assert_allclose(picture[~mask], np.repeat(luma[~mask][:, None], 3, axis=1), atol=0.6)


@pytest.mark.parametrize("word", WRITERS)
def test_nothing_found_and_no_photograph(word, photos, tmp_path):
    save(word, [photos[2]], tmp_path / "one")
    save(word, [], tmp_path / "none")
    assert (tmp_path / "one").is_dir()


OWN = [word for word in WRITERS if find_writer(word).own_folder]


def test_which_formats_have_a_folder_of_their_own():
    assert OWN == ["masks", "crops", "yolo", "labelme"]


@pytest.mark.parametrize("word", OWN)
def test_what_a_person_may_have_corrected_is_kept(word, photos, tmp_path):
    (tmp_path / word).mkdir()
    save(word, photos, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()}
    with pytest.raises(DatasetError) as caught:
        save(word, photos, tmp_path)
    assert str(caught.value) == f"{tmp_path / word}: exists and is not empty; name a new folder."
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()} == before


@pytest.mark.parametrize("word", OWN)
def test_nothing_half_written_is_left(word, photos, tmp_path):
    with pytest.raises(KeyError), open_writers([word], tmp_path / "out", NAMES) as (writer,):
        writer.write(*photos[0])
        raise KeyError
    assert list((tmp_path / "out").iterdir()) == []
