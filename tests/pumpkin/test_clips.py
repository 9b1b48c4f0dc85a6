"""detect on videos and cameras, with a fake model: names, records, formats, and how it ends."""

import csv
import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from mrcnn.datasets.formats import open_dataset
from mrcnn.detection.clips import Clip, ClipError
from mrcnn.detection.detections import Detections
from mrcnn.detection.look import Look
from mrcnn.detection.overlay import draw
from mrcnn.detection.writers.pictures import PictureWriter
from mrcnn.pipeline.masks import extract_bboxes
from pumpkin import detect, sources
from pumpkin.image_files import InputError, find_images, passed_over, photographs
from tests.clips import frame, read_clip, write_clip
from tests.pumpkin.test_detect import Finder, run, write


def drawn(number):
    """The picture of frame ``number`` with what the model finds in it."""
    (result,) = Finder().detect([frame(number)])
    return draw(frame(number), Detections.of(result), Finder.class_names, steady=True)


def shown(path, numbers):
    """Return which of these frames each frame of a written video shows: its codec is not exact."""
    expected = {number: drawn(number).astype(int) for number in numbers}
    _, found = read_clip(path)
    return [min(expected, key=lambda k: np.abs(image - expected[k]).mean()) for image in found]


def records_in(folder):
    return json.loads((folder / "detections.json").read_text())


class TestNames:
    def test_a_video_is_found_by_its_name_and_by_patterns(self, tmp_path):
        a, b = write_clip(tmp_path / "a.avi"), write_clip(tmp_path / "b.mkv")
        assert find_images([str(a)]) == [a]
        assert find_images([str(tmp_path / "*")]) == [a, b]

    def test_videos_in_a_folder_are_counted_and_left_out(self, tmp_path):
        (tmp_path / "deep").mkdir()
        write_clip(tmp_path / "a.avi")
        with pytest.raises(InputError) as caught:
            find_images([str(tmp_path)])
        assert str(caught.value).endswith(
            "; name videos themselves to detect in their frames; --recursive searches its folders, too."
        )
        write(tmp_path / "a.png")
        (tmp_path / "notes.txt").write_text("")
        assert find_images([str(tmp_path)]) == [tmp_path / "a.png"]
        assert passed_over([str(tmp_path)]) == [
            f"{tmp_path}: left out 1 folder in it (--recursive searches them), 1 video (name videos "
            "themselves to detect in their frames) and 1 file that is no image (.txt)"
        ]

    def test_a_number_is_a_camera_unless_something_has_that_name(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert find_images(["0"]) == [0]
        write(tmp_path / "0/a.png")
        assert find_images(["0"]) == [Path("0/a.png")]
        with pytest.raises(InputError, match="no such file"):
            find_images(["12345"])

    def test_a_video_at_an_address(self):
        with pytest.raises(InputError) as caught:
            find_images(["https://example.org/films/a.MP4?size=1"])
        assert str(caught.value) == (
            "https://example.org/films/a.MP4?size=1: videos are read from files; download it first."
        )

    def test_a_camera_comes_alone(self, tmp_path):
        with pytest.raises(InputError) as caught:
            find_images([str(write(tmp_path / "a.png")), "1"])
        assert str(caught.value) == ("1: a camera goes on until you stop it, so it must be the only input.")

    def test_output_names_that_nothing_else_has(self, tmp_path):
        paths = [tmp_path / name for name in ("a.mp4", "b.mp4", "a.avi", "a.png", "b_000012.jpg")]
        found = photographs(paths, [tmp_path / "out"])
        assert [(one.stem, type(one)) for one in found][:3] == [("a", Clip), ("b_2", Clip), ("a_2", Clip)]
        assert [one.stem for one in found][3:] == ["a_3", "b_000012"]

    def test_a_video_is_never_overwritten(self, tmp_path):
        paths = [tmp_path / "a.mp4", tmp_path / "b.avi"]
        assert [one.stem for one in photographs(paths, [tmp_path])] == ["a_2", "b"]
        assert photographs([3], []) == [Clip("camera 3", "camera3", camera=3)]


class TestVideo:
    def test_records_and_an_annotated_video(self, tmp_path):
        path, out = write_clip(tmp_path / "a.avi"), tmp_path / "out"
        records, failed, lines = run([path], out, save=["overlay", "splash"])
        assert failed == []
        assert records_in(out) == list(records)
        assert [(r["image"], r["video"], r["frame"], r["time"]) for r in records] == [
            (f"{path}#00000{k}", str(path), k, k / 10) for k in range(5)
        ]
        assert {(r["height"], r["width"], len(r["detections"])) for r in records} == {(60, 80, 1)}
        assert lines == [f"{f'a.avi#00000{k}':32} 1 square" for k in range(5)]
        assert sorted(p.relative_to(out).as_posix() for p in out.rglob("*.*")) == [
            "a.mp4", "detections.json", "splash/a.mp4",
        ]  # fmt: skip
        assert read_clip(out / "a.mp4")[0] == 10.0
        assert shown(out / "a.mp4", range(5)) == [0, 1, 2, 3, 4]
        assert len(read_clip(out / "splash/a.mp4")[1]) == 5

    def test_each_third_frame_at_a_third_of_the_rate(self, tmp_path):
        records, *_ = run([write_clip(tmp_path / "a.avi", 7)], tmp_path / "out", every=3)
        assert [(record["frame"], record["time"]) for record in records] == [(0, 0), (3, 0.3), (6, 0.6)]
        assert read_clip(tmp_path / "out/a.mp4")[0] == pytest.approx(3.33, abs=0.01)
        assert shown(tmp_path / "out/a.mp4", range(7)) == [0, 3, 6]

    def test_a_record_is_redrawn_from_its_frame(self, tmp_path):
        records, *_ = run([write_clip(tmp_path / "a.avi")], tmp_path / "out")
        image, result = detect.reload(records[3])
        np.testing.assert_array_equal(image, frame(3))
        assert result["rois"].tolist() == [[7, 10, 30, 26]]
        detect.save_sheet(records, Finder.class_names, tmp_path / "sheet.png", 2)
        assert (tmp_path / "sheet.png").exists()

    def test_every_format_takes_frames(self, tmp_path):
        path, out = write_clip(tmp_path / "a.avi", 2), tmp_path / "out"
        run([path], out, save=["coco", "csv", "polygons", "crops", "masks", "yolo", "labelme"])
        coco = json.loads((out / "coco.json").read_text())
        assert coco["images"] == [
            {
                "id": k + 1, "file_name": f"a_00000{k}.png", "video": str(path), "frame": k, "time": k / 10,
                "height": 60, "width": 80,
            }
            for k in range(2)
        ]  # fmt: skip
        assert [row["image_id"] for row in json.loads((out / "coco_results.json").read_text())] == [1, 2]
        with open(out / "detections.csv", encoding="utf-8", newline="") as file:
            assert [row["image"] for row in csv.DictReader(file)] == [f"{path}#00000{k}" for k in range(2)]
        images = json.loads((out / "polygons.json").read_text())["images"]
        assert [(image["frame"], image["time"]) for image in images] == [(0, 0.0), (1, 0.1)]
        assert sorted(p.name for p in (out / "crops/square").iterdir()) == [
            "a_000000_001.png", "a_000001_001.png",
        ]  # fmt: skip
        labels = open_dataset("labelme", out / "labelme", None)
        for image_id in labels.image_ids:
            np.testing.assert_array_equal(labels.load_image(image_id), frame(image_id))

    def test_photographs_and_videos_together(self, tmp_path):
        paths = [
            write(tmp_path / "p.png"),
            write_clip(tmp_path / "a.avi", 2),
            write_clip(tmp_path / "b.mkv", 1),
        ]
        records, _, lines = run([*paths, write(tmp_path / "q.png")], tmp_path / "out")
        assert [Path(record["image"]).name for record in records] == [
            "p.png", "a.avi#000000", "a.avi#000001", "b.mkv#000000", "q.png",
        ]  # fmt: skip
        assert lines[0].startswith("image ")
        assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
            "a.mp4", "b.mp4", "detections.json", "p.png", "q.png",
        ]  # fmt: skip

    def test_unreadable_videos_among_good_ones(self, tmp_path):
        broken = tmp_path / "broken.mp4"
        broken.write_bytes(b"no video" * 99)
        records, failed, lines = run([broken, write_clip(tmp_path / "a.avi", 1)], tmp_path / "out")
        assert (len(records), failed) == (1, [broken])
        assert lines[0].startswith(f"Skipped: {broken}: cannot be read as a video: it is damaged")
        assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.mp4", "detections.json"]

    def test_what_was_done_of_a_video_that_is_cut_short_is_kept(self, tmp_path):
        path = write_clip(tmp_path / "a.avi", 40)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        records, failed, lines = run([path], tmp_path / "out")
        assert failed == [path]
        assert 10 < len(records) < 40
        assert lines[-1] == f"{path}: ends after {len(records)} of 40 frames: it is cut short or damaged."
        assert len(read_clip(tmp_path / "out/a.mp4")[1]) == len(records)

    def test_ctrl_c_keeps_the_frames_done_so_far(self, tmp_path):
        class Pressed(Finder):
            def detect(self, images):
                if len(self.shapes) == 3:
                    raise KeyboardInterrupt
                return super().detect(images)

        lines = []
        with pytest.raises(KeyboardInterrupt):
            detect.detect_files(Pressed(), [write_clip(tmp_path / "a.avi")], tmp_path / "out", lines.append)
        assert [record["frame"] for record in records_in(tmp_path / "out")] == [0, 1, 2]
        assert len(read_clip(tmp_path / "out/a.mp4")[1]) == 3
        assert lines[-1].startswith("Stopped: ")
        assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a.mp4", "detections.json"]

    def test_ctrl_c_while_a_frame_is_written_waits_for_it(self, tmp_path, monkeypatch):
        add, added = PictureWriter.add, []

        def pressed_in(self, photograph, record):
            added.append(add(self, photograph, record))
            if len(added) == 2:
                os.kill(os.getpid(), signal.SIGINT)

        monkeypatch.setattr(PictureWriter, "add", pressed_in)
        with pytest.raises(KeyboardInterrupt):
            run([write_clip(tmp_path / "a.avi")], tmp_path / "out")
        assert [record["frame"] for record in records_in(tmp_path / "out")] == [0, 1]
        assert len(read_clip(tmp_path / "out/a.mp4")[1]) == 2
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    def test_a_video_that_cannot_be_written_ends_it(self, tmp_path):
        with pytest.raises(ClipError, match="only sides of up to 8190"):
            run([write_clip(tmp_path / "a.avi", 2, (16, 64))], tmp_path / "out", look=Look(size=9000))
        assert not list((tmp_path / "out").iterdir())

    def test_videos_that_shrink_are_named_once(self, tmp_path):
        class Small(Finder):
            def __init__(self):
                super().__init__()
                self.config.update({"IMAGE_MIN_DIM": 64, "IMAGE_MAX_DIM": 64})

        lines = []
        path = write_clip(tmp_path / "a.avi", 3, (40, 320))
        detect.detect_files(Small(), [path], tmp_path / "out", lines.append)
        (line,) = [line for line in lines if line.startswith("Note")]
        assert line.split(". ")[0] == (
            f"Note: shrunk to a quarter or less, so that small objects are lost: {path}"
        )


class FakeCamera:
    """In the place of cameras.Camera: frames at given times, then what ends it."""

    rate = 10.0
    end = KeyboardInterrupt()
    released = 0

    def __init__(self, number, every):
        self.given = (number, every)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        FakeCamera.released += 1

    def frames(self):
        for number, seconds in ((0, 0.0), (3, 0.3), (4, 0.4)):
            yield number, seconds, frame(number)
        raise self.end


@pytest.fixture
def camera(monkeypatch):
    monkeypatch.setattr(sources, "Camera", FakeCamera)
    monkeypatch.setattr(FakeCamera, "released", 0)
    return FakeCamera


class TestCamera:
    def test_until_ctrl_c(self, tmp_path, camera):
        records, failed, lines = run([2], tmp_path / "out", save=["overlay", "coco"])
        assert failed == []
        assert [(record["image"], record["time"]) for record in records_in(tmp_path / "out")] == [
            ("camera 2#000000", 0.0), ("camera 2#000003", 0.3), ("camera 2#000004", 0.4),
        ]  # fmt: skip
        assert len(records) == len(lines) == 3
        # The first frame stays until the next one, and the video plays as fast as it was seen.
        assert shown(tmp_path / "out/camera2.mp4", (0, 3, 4)) == [0, 0, 0, 3, 4]
        images = json.loads((tmp_path / "out/coco.json").read_text())["images"]
        assert [image["file_name"] for image in images][:2] == ["camera2_000000.png", "camera2_000003.png"]
        assert camera.released == 1

    def test_a_camera_that_is_unplugged(self, tmp_path, camera, monkeypatch):
        monkeypatch.setattr(camera, "end", ClipError("camera 2: gives no more frames."))
        records, failed, lines = run([2], tmp_path / "out")
        assert (len(records), failed, lines[-1]) == (
            3,
            ["camera 2"],
            "Skipped: camera 2: gives no more frames.",
        )
        assert len(read_clip(tmp_path / "out/camera2.mp4")[1]) == 5

    def test_ctrl_c_before_the_first_frame(self, tmp_path, camera):
        class Pressed(Finder):
            def detect(self, images):
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            detect.detect_files(Pressed(), [2], tmp_path / "out", report=str)
        assert not list((tmp_path / "out").iterdir())
        assert camera.released == 1

    def test_a_window_that_the_user_closes_ends_it(self, tmp_path, camera):
        class Window:
            closed, shown = False, 0

            def write(self, photograph, image, found):
                return photograph.frame.number

            def add(self, photograph, number):
                self.closed = number == 3

        records, *_ = run([2], tmp_path / "out", window=Window())
        assert [record["frame"] for record in records] == [0, 3]
        assert camera.released == 1

    def test_frames_are_asked_for_one_at_a_time(self, tmp_path, camera, monkeypatch):
        """A stream that reads ahead would show what was seconds ago."""
        order = []

        class Noting(Finder):
            def detect(self, images):
                order.append("detected")
                return super().detect(images)

        frames = camera.frames

        def noted(self):
            for one in frames(self):
                order.append("asked")
                yield one

        monkeypatch.setattr(camera, "frames", noted)
        detect.detect_files(Noting(), [0], tmp_path / "out", report=str)
        assert order == ["asked", "detected"] * 3


def test_boxes_of_the_fake_model():
    assert extract_bboxes((frame(0)[..., 0] > 150)[..., None]).tolist() == [[7, 10, 30, 26]]
