"""Windows: photographs page by page, and videos while they are detected."""

import matplotlib
import numpy as np
import pytest
from matplotlib.backend_bases import CloseEvent, KeyEvent

from mrcnn.detection.clips import Clip, Frame
from mrcnn.detection.detections import Detections
from mrcnn.detection.look import Look
from mrcnn.detection.overlay import draw
from mrcnn.detection.writers.photograph import Photograph
from pumpkin import show
from pumpkin.live import Window
from tests.pumpkin.test_detect import Finder
from tests.tiny import picture

NAMES = Finder.class_names


@pytest.fixture(autouse=True)
def without_windows():
    import matplotlib.pyplot as plt

    matplotlib.use("Agg")
    yield
    plt.close("all")


def found_in(image):
    return Detections.of(Finder().detect([image])[0])


def press(figure, key):
    figure.canvas.callbacks.process("key_press_event", KeyEvent("key_press_event", figure.canvas, key))


class TestDisplay:
    def test_without_a_display_it_says_so(self, monkeypatch):
        monkeypatch.setattr("sys.platform", "linux")
        for name in ("DISPLAY", "WAYLAND_DISPLAY"):
            monkeypatch.delenv(name, raising=False)
        with pytest.raises(show.DisplayError) as caught:
            show.require_display()
        assert str(caught.value) == (
            "--show needs a display and there is none; the pictures are also written without it."
        )

    def test_without_a_library_for_windows_it_says_so(self, monkeypatch):
        monkeypatch.setenv("DISPLAY", ":0")
        with pytest.raises(
            show.DisplayError, match="opens windows, such as tkinter or PyQt6, and finds none"
        ):
            show.require_display()


class TestPages:
    def pages(self, count, **look):
        asked = []

        def one(number):
            asked.append(number)
            image = picture(60 + number, 80)
            return f"{number}.png", image, found_in(image)

        return show.Pages(count, one, NAMES, Look(**look)), asked

    def titles(self, pages):
        return [ax.get_title() for ax in pages.figure.axes]

    def test_twelve_pictures_a_page_and_keys_between_pages(self):
        pages, asked = self.pages(29)
        assert (pages.pages, asked) == (3, list(range(12)))
        assert pages.figure.get_suptitle() == "Page 1 of 3 (keys: left, right, q)"
        press(pages.figure, "left")  # there is nothing before
        assert self.titles(pages) == [f"{k}.png" for k in range(12)]
        for key in ("right", "pagedown", " "):
            press(pages.figure, key)
        assert self.titles(pages) == [f"{k}.png" for k in range(24, 29)]
        assert pages.figure.get_suptitle() == "Page 3 of 3 (keys: left, right, q)"
        press(pages.figure, "pageup")
        assert self.titles(pages) == [f"{k}.png" for k in range(12, 24)]
        assert len(asked) == 12 + 12 + 5 + 12  # each page once when it is shown
        press(pages.figure, "escape")
        assert not matplotlib.pyplot.get_fignums()

    def test_they_are_the_pictures_that_overlay_writes(self):
        pages, _ = self.pages(1)
        image = picture(60, 80)
        (ax,) = pages.figure.axes
        np.testing.assert_array_equal(ax.images[0].get_array(), draw(image, found_in(image), NAMES))
        assert pages.figure.get_suptitle() == ""

    def test_pictures_are_no_larger_than_their_place(self):
        pages, _ = self.pages(12, size=3000)
        assert {ax.images[0].get_array().shape[1] for ax in pages.figure.axes} <= set(range(380, 401))
        pages, _ = self.pages(1, size=200)
        assert pages.figure.axes[0].images[0].get_array().shape == (150, 200, 3)

    def test_the_records_of_photographs(self, monkeypatch):
        shown = []
        monkeypatch.setattr("matplotlib.pyplot.show", lambda: shown.append(True))
        records = [{"image": "deep/a.png"}, {"image": "b.mp4#000000", "video": "b.mp4"}, {"image": "c.png"}]
        result = Finder().detect([picture(60, 80)])[0]
        show.open_pages(records, lambda record: (picture(60, 80), result), NAMES, Look())
        (number,) = matplotlib.pyplot.get_fignums()
        assert [ax.get_title() for ax in matplotlib.pyplot.figure(number).axes] == ["a.png", "c.png"]
        show.open_pages(records[1:2], None, NAMES, Look())
        assert shown == [True]


class TestWindow:
    @pytest.fixture
    def window(self, monkeypatch):
        opened = []
        monkeypatch.setattr("matplotlib.figure.Figure.show", lambda self: opened.append(self))
        window = Window(NAMES, Look())
        window.opened = opened
        return window

    def frame(self, number, height=60):
        image = picture(height, 80, seed=number)
        frame = Frame(Clip("a.mp4", "a"), number, number / 10, 10.0)
        return Photograph.of(frame), image, found_in(image)

    def show(self, window, *frame):
        window.add(frame[0], window.write(*frame))

    def test_it_shows_one_frame_after_another(self, window):
        for number, height in ((0, 60), (1, 60), (2, 90)):
            photograph, image, found = self.frame(number, height)
            self.show(window, photograph, image, found)
            ((shown,),) = [ax.images for ax in window.opened[0].axes]
            expected = draw(image, found, NAMES, steady=True)
            np.testing.assert_array_equal(shown.get_array(), expected)
        assert (len(window.opened), window.closed) == (1, False)

    def test_photographs_open_no_window(self, window):
        image = picture(60, 80)
        photograph = Photograph("a.png", "a")
        window.add(photograph, window.write(photograph, image, found_in(image)))
        assert window.opened == []

    @pytest.mark.parametrize("key", ["q", "escape"])
    def test_keys_close_it(self, window, key):
        self.show(window, *self.frame(0))
        press(window.opened[0], "a")
        assert not window.closed
        press(window.opened[0], key)
        assert window.closed and not matplotlib.pyplot.get_fignums()
        self.show(window, *self.frame(1))  # frames that were on their way
        assert not matplotlib.pyplot.get_fignums()

    def test_its_button_closes_it(self, window):
        self.show(window, *self.frame(0))
        canvas = window.opened[0].canvas
        canvas.callbacks.process("close_event", CloseEvent("close_event", canvas))
        assert window.closed
