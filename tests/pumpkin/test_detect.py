"""Detection on files with a fake model: paths, records, table, sheet, windows."""

import json

import numpy as np
import pytest
from PIL import Image

from mrcnn.datasets.errors import DatasetError
from mrcnn.detection.results import decode_mask
from mrcnn.detection.tiling import Tiling
from mrcnn.detection.writers import WRITERS
from mrcnn.files import write_json
from mrcnn.pipeline.masks import extract_bboxes
from pumpkin import detect
from pumpkin.config import PumpkinConfig
from pumpkin.image_files import InputError, find_images, passed_over, photographs
from tests.streaming import Streaming
from tests.tiny import picture


class Finder(Streaming):
    """Finds the bright square of ``picture`` as class 2, with a triangle of it as mask."""

    class_names = ["BG", "round", "square"]

    def __init__(self):
        self.shapes = []
        self.config = PumpkinConfig()

    def detect(self, images):
        (image,) = images
        self.shapes.append(image.shape)
        mask = image[..., 0] > 150
        mask &= np.add.outer(np.arange(mask.shape[0]), np.arange(mask.shape[1])) % 3 > 0
        masks = mask[..., None][..., : int(mask.any())]
        count = masks.shape[2]
        return [
            {
                "rois": extract_bboxes(masks),
                "class_ids": np.full(count, 2, np.int32),
                "scores": np.full(count, 0.875, np.float32),
                "masks": masks,
            }
        ]


def write(path, height=60, width=80, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture(height, width)).save(path, **options)
    return path


def run(paths, folder, **options):
    lines = []
    records, failed = detect.detect_files(Finder(), paths, folder, report=lines.append, **options)
    return records, failed, lines


class TestFindImages:
    def test_files_folders_and_patterns_each_once(self, tmp_path):
        a, b = write(tmp_path / "b" / "a.png"), write(tmp_path / "b" / "B.JPG")
        c = write(tmp_path / "c" / "deep" / "c.png")
        (tmp_path / "b" / "notes.txt").write_text("no image")
        (tmp_path / "b" / "._a.png").write_text("macOS leaves these")
        assert find_images([str(tmp_path / "b")]) == [b, a]
        assert find_images([str(tmp_path / "**" / "*.png")]) == [a, c]
        assert find_images([str(a), str(tmp_path / "b"), str(tmp_path / "c" / "*" / "*")]) == [a, b, c]

    def test_a_name_with_brackets_is_a_name_if_the_file_is_there(self, tmp_path):
        odd = write(tmp_path / "photo[1].png")
        assert find_images([str(odd)]) == [odd]

    @pytest.mark.parametrize(
        ("name", "fault"),
        [("missing.jpg", "no such file"), ("*.jpg", "no file matches"), ("empty", "folder holds no image")],
    )
    def test_a_name_that_leads_nowhere_is_an_error(self, tmp_path, name, fault):
        (tmp_path / "empty").mkdir()
        with pytest.raises(InputError, match=fault):
            find_images([str(write(tmp_path / "good.png")), str(tmp_path / name)])

    @pytest.mark.parametrize("suffix", [".jfif", ".JPEG", ".jp2", ".webp", ".avif"])
    def test_images_of_many_kinds_are_found_in_a_folder(self, tmp_path, suffix):
        path = write(tmp_path / f"a{suffix}")
        assert find_images([str(tmp_path)]) == [path]
        assert passed_over([str(tmp_path)]) == []

    def test_what_is_left_out_of_a_folder_is_counted_in_one_line(self, tmp_path):
        path = write(tmp_path / "a.png")
        for name in ("notes.txt", "b.heic", "c.heic", ".DS_Store", "._a.png"):
            (tmp_path / name).write_text("no image")
        assert passed_over([str(path), str(tmp_path)]) == [
            f"{tmp_path}: left out 3 files that are no image (.heic, .txt)"
        ]
        write(tmp_path / "deep/b.png")
        (tmp_path / "notes.txt").unlink()
        (tmp_path / "c.heic").unlink()
        assert passed_over([str(tmp_path)]) == [
            f"{tmp_path}: left out 1 folder in it (--recursive searches them) and "
            "1 file that is no image (.heic)"
        ]
        with pytest.raises(InputError, match="; --recursive searches its folders, too"):
            path.unlink()
            find_images([str(tmp_path)])

    def test_folders_are_searched_to_any_depth_without_the_results_and_hidden_ones(self, tmp_path):
        names = ("z.png", "a/b/c.png", "a/b.jpg", "out/z.png", "a/out/z.png", ".cache/a.png", "b/notes.txt")
        for name in names[:-1]:
            write(tmp_path / name)
        for name in ("b/notes.txt", "a/b/Notes.TXT", "out/notes.txt"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text("no image")
        (tmp_path / "a/around").symlink_to(tmp_path)
        found = find_images([str(tmp_path)], recursive=True, out=tmp_path / "a/../out")
        assert [path.relative_to(tmp_path).as_posix() for path in found] == [
            "a/b/c.png", "a/b.jpg", "a/out/z.png", "z.png",
        ]  # fmt: skip
        assert passed_over([str(tmp_path)], recursive=True, out=tmp_path / "out") == [
            f"{tmp_path}: left out 2 files that are no image (.txt)"
        ]
        with pytest.raises(InputError) as caught:
            find_images([str(tmp_path / "b")], recursive=True)
        assert str(caught.value).startswith(f"{tmp_path / 'b'}: the folder holds no image (.jpg, ")
        assert "recursive" not in str(caught.value)


class TestPhotographs:
    def test_equal_stems_stay_apart_in_any_case_of_letters(self, tmp_path):
        paths = [tmp_path / "x" / "a.jpg", *(tmp_path / "y" / name for name in ("a.jpg", "A.png", "a_2.png"))]
        found = photographs(paths, [tmp_path / "out"])
        assert [photo.stem for photo in found] == ["a", "a_2", "A_3", "a_2_2"]
        assert [(photo.name, photo.path) for photo in found] == [(str(path), path) for path in paths]

    def test_inputs_are_never_overwritten(self, tmp_path):
        paths = [tmp_path / "a.png", tmp_path / "a_2.png", tmp_path / "a.jpg", tmp_path / "more" / "A_3.PNG"]
        found = photographs(paths, [tmp_path, tmp_path / "more"])
        assert [photo.stem for photo in found] == ["a_4", "a_2_2", "a_5", "A_3_2"]


class TestDetectFiles:
    def test_picture_record_and_table(self, tmp_path):
        path = write(tmp_path / "scene.png")
        (record,), failed, lines = run([path], tmp_path / "out")
        assert failed == []
        assert json.loads((tmp_path / "out" / "detections.json").read_text()) == [record]
        (found,) = record.pop("detections")
        assert record == {"image": str(path), "height": 60, "width": 80}
        mask = Finder().detect([picture(60, 80)])[0]["masks"][..., 0]
        np.testing.assert_array_equal(decode_mask(found.pop("segmentation")), mask)
        assert found == {"category_id": 2, "class": "square", "score": 0.875, "bbox": [10.0, 7.0, 16.0, 23.0]}
        assert lines[1].split() == ["scene.png", "square", "0.88", "7", "10", "30", "26", str(mask.sum())]
        with Image.open(tmp_path / "out" / "scene.png") as drawn:
            assert drawn.size == (80, 60)

    def test_a_record_holds_all_that_was_found(self, tmp_path):
        (record,), *_ = run([write(tmp_path / "scene.png")], tmp_path / "out")
        image, result = detect.reload(record)
        np.testing.assert_array_equal(image, picture(60, 80))
        (before,) = Finder().detect([image])
        for name, values in before.items():
            np.testing.assert_array_equal(result[name], values, err_msg=name)
            assert result[name].dtype == values.dtype

    def test_nothing_found_is_said_and_reloads(self, tmp_path):
        Image.new("L", (30, 20)).save(tmp_path / "dark.png")
        (record,), failed, lines = run([tmp_path / "dark.png"], tmp_path / "out")
        assert (failed, record["detections"]) == ([], [])
        assert lines[1].split() == ["dark.png", "nothing", "found"]
        image, result = detect.reload(record)
        assert (image.shape, result["rois"].shape, result["masks"].shape) == (
            (20, 30, 3),
            (0, 4),
            (20, 30, 0),
        )

    def test_a_broken_file_is_named_and_the_others_run(self, tmp_path):
        good = [write(tmp_path / "a.png"), write(tmp_path / "z.jpg")]
        broken = tmp_path / "broken.jpg"
        broken.write_bytes(good[1].read_bytes()[:300])
        text = tmp_path / "text.jpg"
        text.write_text("no image at all")
        records, failed, lines = run([good[0], broken, text, good[1]], tmp_path / "out")
        assert failed == [broken, text]
        assert [record["image"] for record in records] == [str(path) for path in good]
        told = [line for line in lines if line.startswith("Skipped")]
        assert f"{broken}: is damaged" in told[0]
        assert f"{text}: is not an image" in told[1]

    @pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, MemoryError])
    def test_what_was_done_is_written_if_something_stops_it(self, tmp_path, error):
        class Stopped(Finder):
            def detect(self, images):
                if len(self.shapes) == 2:
                    raise error
                return super().detect(images)

        paths, lines = [write(tmp_path / f"{name}.png") for name in "abcd"], []
        with pytest.raises(error):
            detect.detect_files(Stopped(), paths, tmp_path / "out", report=lines.append)
        written = json.loads((tmp_path / "out/detections.json").read_text())
        assert [record["image"] for record in written] == [str(path) for path in paths[:2]]
        assert lines[-1] == f"Stopped: {tmp_path / 'out/detections.json'} holds the 2 images done so far"

    def test_what_was_done_is_written_in_every_format(self, tmp_path):
        class Stopped(Finder):
            def detect(self, images):
                if len(self.shapes) == 2:
                    raise KeyboardInterrupt
                return super().detect(images)

        paths, out = [write(tmp_path / f"{name}.png") for name in "abcd"], tmp_path / "out"
        with pytest.raises(KeyboardInterrupt):
            detect.detect_files(Stopped(), paths, out, report=str, save=list(WRITERS))
        assert len(json.loads((out / "coco.json").read_text())["images"]) == 2
        assert (out / "detections.csv").read_text().count("\n") == 3
        for folder in (".", "splash", "masks/square", "crops/square", "yolo/images", "labelme"):
            pictures = sorted(path.name for path in (out / folder).glob("*.png"))
            number = "_001" * (folder == "crops/square")
            assert pictures == [f"a{number}.png", f"b{number}.png"], folder
        assert not [path for path in out.rglob("*") if path.name.endswith(".tmp")]

    def test_a_folder_in_the_way_stops_it_before_any_image(self, tmp_path):
        path, lines = write(tmp_path / "a.png"), []
        write(tmp_path / "out/yolo/images/a.png")
        with pytest.raises(DatasetError) as caught:
            detect.detect_files(Finder(), [path], tmp_path / "out", report=lines.append, save=["csv", "yolo"])
        assert str(caught.value) == f"{tmp_path / 'out/yolo'}: exists and is not empty; name a new folder."
        assert (lines, [path.name for path in (tmp_path / "out").iterdir()]) == ([], ["yolo"])

    def test_notes_of_the_formats_follow_the_table(self, tmp_path):
        *_, lines = run([write(tmp_path / "a.png")], tmp_path / "out", save=["yolo"])
        assert lines[2:] == [
            "yolo: The worst IoU of a polygon with its mask: 1.0000.",
            "yolo: Programs for YOLO want a split val, and these data have none.",
        ]

    def test_nothing_is_written_if_nothing_was_done(self, tmp_path):
        class Stopped(Finder):
            def detect(self, images):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            detect.detect_files(Stopped(), [write(tmp_path / "a.png")], tmp_path / "out", report=str)
        assert not (tmp_path / "out/detections.json").exists()

    def test_photographs_that_shrink_to_a_quarter_are_named(self, tmp_path):
        side = PumpkinConfig().IMAGE_MAX_DIM
        Image.new("L", (4 * side, 20)).save(tmp_path / "long.png")
        Image.new("L", (4 * side - 8, 20)).save(tmp_path / "shorter.png")
        *_, lines = run([tmp_path / "long.png", tmp_path / "shorter.png"], tmp_path / "out")
        (line,) = [line for line in lines if line.startswith("Note")]
        assert line == (
            "Note: shrunk to a quarter or less, so that small objects are lost: long.png. Add --tile auto: "
            "the network then sees these photographs tile by tile, at full size."
        )
        *_, lines = run([tmp_path / "long.png"], tmp_path / "tiled", tiling=Tiling("auto"))
        assert not [line for line in lines if line.startswith("Note")]

    def test_files_of_any_kind_become_colour_images(self, tmp_path):
        colour = Image.fromarray(picture(60, 80))
        grey16 = np.asarray(colour.convert("L")).astype(np.uint16) * 257
        kinds = {
            "grey.png": colour.convert("L"),
            "rgba.png": colour.convert("RGBA"),
            "palette.gif": colour.convert("P"),
            "cmyk.jpg": colour.convert("CMYK"),
            "grey16.png": Image.fromarray(grey16),
            "one_bit.png": colour.convert("1"),
        }
        for name, image in kinds.items():
            image.save(tmp_path / name)
        records, failed, _ = run([tmp_path / name for name in kinds], tmp_path / "out")
        assert not failed
        assert {(record["height"], record["width"]) for record in records} == {(60, 80)}
        for record in records:
            (found,) = record["detections"]
            if "one_bit" not in record["image"]:  # its noise is dithered
                np.testing.assert_allclose(found["bbox"], [10, 7, 16, 23], atol=2, err_msg=record["image"])

    def test_photographs_are_turned_upright(self, tmp_path):
        stored = Image.fromarray(np.rot90(picture(60, 80)))  # by a quarter, anticlockwise
        exif = Image.Exif()
        exif[0x0112] = 6  # "turn clockwise to see it upright"
        stored.save(tmp_path / "turned.png", exif=exif)
        (record,), *_ = run([tmp_path / "turned.png"], tmp_path / "out")
        assert (record["height"], record["width"]) == (60, 80)
        assert record["detections"][0]["bbox"] == [10.0, 7.0, 16.0, 23.0]
        np.testing.assert_array_equal(detect.reload(record)[0], picture(60, 80))

    def test_the_folder_may_hold_the_images(self, tmp_path):
        path = write(tmp_path / "a.png")
        before = path.read_bytes()
        run([path], tmp_path)
        assert path.read_bytes() == before
        assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "a_2.png", "detections.json"]


class TestSheet:
    def test_it_shows_images_spread_over_all(self, tmp_path, monkeypatch):
        shown = []
        monkeypatch.setattr(detect, "detection_sheet", lambda items, names, **_: shown.extend(items))
        monkeypatch.setattr(detect, "save_figure", lambda *_, **__: None)
        paths = [write(tmp_path / f"{k}.png", 60 + k, 80) for k in range(7)]
        records, *_ = run(paths, tmp_path / "out")
        detect.save_sheet(records, Finder.class_names, tmp_path / "sheet.png", 3)
        assert [image.shape[0] for image, _ in shown] == [60, 63, 66]

    def test_a_small_png_in_a_folder_of_its_own(self, tmp_path):
        records, *_ = run([write(tmp_path / "a.png"), write(tmp_path / "b.jpg")], tmp_path / "out")
        path = tmp_path / "new" / "sheet.png"
        detect.save_sheet(records, Finder.class_names, path, 6)
        with Image.open(path) as sheet:
            assert (sheet.format, sheet.width) == ("PNG", 1000)
        assert path.stat().st_size <= detect.SHEET_BYTES

    def test_no_picture_no_sheet(self, tmp_path):
        with pytest.raises(InputError, match="no picture"):
            detect.save_sheet([], Finder.class_names, tmp_path / "sheet.png", 6)


def test_json_makes_its_folder_and_leaves_nothing_else(tmp_path):
    write_json(tmp_path / "new" / "value.json", [1, "ü"])
    assert json.loads((tmp_path / "new" / "value.json").read_text(encoding="utf-8")) == [1, "ü"]
    assert len(list((tmp_path / "new").iterdir())) == 1
