"""Videos: frames in, with their times, and a video out, also where files are damaged."""

import cv2
import numpy as np
import pytest

from mrcnn.detection import video_file, videos
from mrcnn.detection.clips import ClipError, CutShort, is_video
from mrcnn.detection.video_file import VideoFile
from mrcnn.detection.videos import Video, frames, read_frame
from tests.clips import frame, read_clip, write_clip


def turned_by_metadata(path):
    """Write a video whose metadata say that players turn it by a quarter, as those of telephones do."""
    write_clip(path, codec="mp4v")
    data = path.read_bytes()
    place = data.index(b"tkhd") + 4 + 40  # the matrix of the track's header
    one, none, minus = b"\0\1\0\0", b"\0\0\0\0", b"\xff\xff\0\0"
    matrix = [none, one, none, minus, none, none, none, none, b"\x40\0\0\0"]
    path.write_bytes(data[:place] + b"".join(matrix) + data[place + 36 :])


class Captured:
    """An open VideoCapture of frames at given times in ms, for files that OpenCV cannot write."""

    def __init__(self, times, rate=10.0, count=0):
        self._times, self._number = times, -1
        self._facts = {cv2.CAP_PROP_FPS: rate, cv2.CAP_PROP_FRAME_COUNT: count}

    def isOpened(self):
        return True

    def get(self, what):
        return self._facts[what] if what in self._facts else self._times[self._number]

    def grab(self):
        self._number += 1
        return self._number < len(self._times)

    def retrieve(self):
        return True, np.full((4, 6, 3), self._number, np.uint8)

    def release(self):
        self._times = []


@pytest.fixture
def captured(monkeypatch):
    def replace(*args, **kwargs):
        monkeypatch.setattr(videos.cv2, "VideoCapture", lambda *_: Captured(*args, **kwargs))

    return replace


class TestReading:
    def test_every_frame_with_its_time(self, tmp_path):
        with Video(write_clip(tmp_path / "a.avi")) as video:
            found = list(video.frames())
            assert (video.rate, video.count) == (10.0, 5)
        assert [number for number, *_ in found] == [0, 1, 2, 3, 4]
        np.testing.assert_allclose([seconds for _, seconds, _ in found], [0, 0.1, 0.2, 0.3, 0.4])
        for number, _, image in found:
            np.testing.assert_array_equal(image, frame(number))

    def test_each_third_frame(self, tmp_path):
        path = write_clip(tmp_path / "a.avi", 8)
        with Video(path) as video:
            assert [(number, round(t, 2)) for number, t, _ in video.frames(3)] == [(0, 0), (3, 0.3), (6, 0.6)]
        for image, number in zip(frames(path, 3), (0, 3, 6), strict=True):
            np.testing.assert_array_equal(image, frame(number))

    @pytest.mark.parametrize("number", [0, 1, 4])
    def test_a_single_frame(self, tmp_path, number):
        np.testing.assert_array_equal(read_frame(write_clip(tmp_path / "a.avi"), number), frame(number))

    def test_a_frame_that_is_not_there(self, tmp_path):
        path = write_clip(tmp_path / "a.avi")
        with pytest.raises(ClipError) as caught:
            read_frame(path, 5)
        assert str(caught.value) == f"{path}: has no frame 5."

    def test_metadata_turn_the_frames_upright(self, tmp_path):
        turned_by_metadata(tmp_path / "a.mp4")
        image = next(frames(tmp_path / "a.mp4"))
        assert image.shape == (80, 60, 3)
        clockwise, other = (np.abs(image - np.rot90(frame(0), k).astype(int)).mean() for k in (-1, 1))
        assert clockwise < 20 < other  # mp4v loses noise

    def test_a_name_that_ffmpeg_could_take_for_an_address(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        write_clip(tmp_path / "a.avi").rename("http:b%03d.avi")
        assert len(list(frames("http:b%03d.avi"))) == 5

    def test_rates_that_vary(self, captured):
        captured([0, 50, 400, 400, 390, 2000])
        times = [seconds for _, seconds, _ in Video("a.mp4").frames()]
        # A time that does not grow is an error of the file; the next ones are later by the usual rate.
        np.testing.assert_allclose(times, [0, 0.05, 0.4, 0.5, 0.6, 2.0])

    @pytest.mark.parametrize("rate", [0.0, 1000.0, -1.0, float("nan")])
    def test_rates_that_cannot_be(self, captured, rate):
        captured([0, 50], rate)
        assert Video("a.webm").rate == 30.0

    @pytest.mark.parametrize("suffix", [".mp4", ".MOV", ".webm", ".avi", ".m2ts"])
    def test_suffixes(self, tmp_path, suffix):
        assert is_video(tmp_path / f"a{suffix}")
        assert not is_video(tmp_path / f"{suffix}/a.png")


class TestDamaged:
    def test_a_file_that_is_cut_short(self, tmp_path):
        path = write_clip(tmp_path / "a.avi", 40)
        path.write_bytes(path.read_bytes()[:250_000])
        seen = []
        with pytest.raises(CutShort) as caught:
            seen.extend(frames(path))
        assert seen == [] or len(seen) < 40
        assert str(caught.value).startswith(f"{path}: ends after ")
        assert str(caught.value).endswith(" of 40 frames: it is cut short or damaged.")

    def test_the_frames_before_the_end_are_given(self, captured):
        captured([0, 100, 200], count=30)
        found = []
        with pytest.raises(
            CutShort, match=r"^a.mp4: ends after 3 of 30 frames: it is cut short or damaged.$"
        ):
            for number, *_ in Video("a.mp4").frames():
                found.append(number)
        assert found == [0, 1, 2]

    @pytest.mark.parametrize(("count", "rate"), [(103, 10.0), (200, 20.0), (0, 10.0)])
    def test_counts_that_a_format_estimates(self, captured, count, rate):
        captured([100 * k for k in range(100)], rate, count)
        assert len(list(Video("a.webm").frames())) == 100

    def test_no_frame_at_all(self, captured):
        captured([])
        with pytest.raises(ClipError, match=r"^a.mp4: has no frame that can be read.$"):
            list(Video("a.mp4").frames())

    @pytest.mark.parametrize(
        ("content", "fault"),
        [
            (None, "cannot be read: No such file or directory"),
            (b"", "is empty"),
            (
                b"text" * 100,
                "cannot be read as a video: it is damaged or cut short, or OpenCV lacks its codec; another "
                "program, such as ffmpeg, may convert it",
            ),
        ],
    )
    def test_files_that_are_no_videos(self, tmp_path, content, fault, capfd):
        path = tmp_path / "a.mp4"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(ClipError) as caught:
            next(frames(path))
        assert str(caught.value) == f"{path}: {fault}."
        assert "ERROR:" not in capfd.readouterr().err


class TestWriting:
    def write(self, path, pictures, times, rate=10.0):
        with VideoFile(path, rate) as video:
            for image, seconds in zip(pictures, times, strict=True):
                video.write(image, seconds)
        return read_clip(path)

    def flat(self, values, size=(48, 64)):
        return [np.full((*size, 3), value, np.uint8) for value in values]

    def values(self, found):
        return [round(image.mean()) for image in found]

    def test_frames_in_order_at_their_rate(self, tmp_path):
        pictures = self.flat([20, 60, 100, 140])
        pictures[0][:, :, 0] = 220  # a colour: red stays red
        rate, found = self.write(tmp_path / "new" / "a.mp4", pictures, [0, 0.1, 0.2, 0.3])
        assert (rate, len(found)) == (10.0, 4)
        np.testing.assert_allclose(found[0][20, 20], [220, 20, 20], atol=9)
        np.testing.assert_allclose(self.values(found[1:]), [60, 100, 140], atol=6)
        assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.mp4"]

    def test_a_frame_stays_until_the_next_one(self, tmp_path):
        _, found = self.write(tmp_path / "a.mp4", self.flat([20, 120, 220]), [0, 0.4, 0.45])
        np.testing.assert_allclose(self.values(found), [20, 20, 20, 20, 120, 220], atol=6)

    def test_no_frame_is_left_out_and_later_ones_catch_up(self, tmp_path):
        times = [0, 0.02, 0.04, 0.06, 0.5]
        _, found = self.write(tmp_path / "a.mp4", self.flat([20, 60, 100, 140, 220]), times)
        np.testing.assert_allclose(self.values(found), [20, 60, 100, 140, 140, 220], atol=6)

    def test_a_gap_of_more_than_a_minute_is_left_out(self, tmp_path):
        _, found = self.write(
            tmp_path / "a.mp4", self.flat([20, 120, 180, 220]), [0, 95443.7, 95443.8, 95444.0]
        )
        np.testing.assert_allclose(self.values(found), [20, 120, 180, 180, 220], atol=6)

    def test_sides_of_odd_pixels_get_one_more(self, tmp_path):
        _, found = self.write(tmp_path / "a.mp4", self.flat([100], (49, 65)), [0])
        assert found[0].shape == (50, 66, 3)
        np.testing.assert_allclose(found[0], 100, atol=6)

    def test_a_frame_of_another_size_is_fitted(self, tmp_path):
        pictures = [*self.flat([50]), *self.flat([150], (24, 32))]
        _, found = self.write(tmp_path / "a.mp4", pictures, [0, 0.1])
        assert [image.shape for image in found] == [(48, 64, 3)] * 2
        np.testing.assert_allclose(self.values(found), [50, 150], atol=6)

    def test_larger_than_the_codec_allows(self, tmp_path):
        with pytest.raises(ClipError) as caught:
            self.write(tmp_path / "a.mp4", [np.zeros((4, 8200, 3), np.uint8)], [0])
        assert str(caught.value) == (
            f"{tmp_path / 'a.mp4'}: a video of 8200 x 4 pixels cannot be written, only sides of up to 8190; "
            "make it smaller (--display-size)."
        )
        assert not list(tmp_path.iterdir())

    def test_an_error_leaves_the_earlier_file_and_nothing_else(self, tmp_path):
        path = tmp_path / "a.mp4"
        path.write_bytes(b"earlier")
        with pytest.raises(KeyError), VideoFile(path, 10.0) as video:
            video.write(self.flat([20])[0], 0)
            assert len(list(tmp_path.iterdir())) == 2
            raise KeyError
        assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a.mp4", b"earlier")]

    @pytest.mark.parametrize("rate", [0.00001, 0.02, 29.97, 240.0])
    def test_slow_and_fast_ones(self, tmp_path, rate):
        found_rate, found = self.write(tmp_path / "a.mp4", self.flat([20, 220]), [0, 1 / rate], rate)
        assert found_rate == pytest.approx(max(rate, 0.01), abs=0.001)
        np.testing.assert_allclose(self.values(found), [20, 220], atol=6)

    def test_no_frame_no_file(self, tmp_path):
        VideoFile(tmp_path / "a.mp4", 10.0).close()
        assert not list(tmp_path.iterdir())

    def test_a_codec_that_opencv_lacks(self, tmp_path, monkeypatch, capfd):
        monkeypatch.setattr(video_file, "_CODEC", "av01")
        with pytest.raises(ClipError) as caught:
            self.write(tmp_path / "a.mp4", self.flat([20]), [0])
        assert str(caught.value) == f"{tmp_path / 'a.mp4'}: OpenCV cannot write this video of 64 x 48 pixels."
        assert not list(tmp_path.iterdir())
        assert "ERROR:" not in capfd.readouterr().err

    def test_a_file_that_the_disk_did_not_take_whole(self, tmp_path):
        """OpenCV says nothing if it cannot write."""
        video = VideoFile(tmp_path / "a.mp4", 10.0)
        video.write(self.flat([20])[0], 0)
        video._written += 2
        with pytest.raises(ClipError) as caught:
            video.close()
        assert str(caught.value) == (
            f"{tmp_path / 'a.mp4'}: only 1 of 3 frames could be written; is the disk full?"
        )
        assert not list(tmp_path.iterdir())
