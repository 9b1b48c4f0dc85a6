"""A file that hangs is reported once, and no other file is."""

import threading

from mrcnn.pipeline.loader import Loader
from mrcnn.training import driver
from mrcnn.training.stalls import NameStalls
from tests.scenes import Rectangles
from tests.tiny import Tiny


class Hanging(Rectangles):
    """Image 1 hangs until it is released."""

    def __init__(self):
        super().__init__((1, 1, 1))
        self.go, self.reached = threading.Event(), threading.Event()

    def load_image(self, image_id):
        if image_id == 1:
            self.reached.set()
            assert self.go.wait(20)
        return super().load_image(image_id)


def test_a_hanging_file_is_named_once():
    dataset, told, heard = Hanging(), [], threading.Event()
    loader = Loader(dataset, Tiny(), shuffle=False, batch_size=1)

    def report(line):
        if line.startswith("image1.png"):  # on a busy machine others may take as long
            told.append(line)
            heard.set()

    reader = threading.Thread(target=lambda: loader[1])
    with NameStalls([loader, None], report, seconds=0.2) as watch:
        loader[0]
        reader.start()
        assert dataset.reached.wait(20) and heard.wait(20)
        heard.clear()
        assert not heard.wait(0.5)  # it is not reported again
        dataset.go.set()
        reader.join()
        loader[2]
    (line,) = told
    assert line.startswith("image1.png has been loading for 0 s. Is its disk or network slow")
    assert not loader.loading and not watch._thread.is_alive()


def test_a_training_is_watched():
    assert driver.NameStalls is NameStalls and NameStalls([], print).seconds == 60
