"""What a fake model needs besides ``detect``."""

from mrcnn.detection.detections import Detections
from mrcnn.detection.stream import Found


class Streaming:
    """Gives a class with ``detect`` the stream of MaskRCNN, one source after another and without tiles."""

    def detect_stream(self, sources, read=lambda image: image, finish=None, catch=(), tiling=None, tta=None):
        for source in sources:
            try:
                image = read(source)
            except catch as error:
                found = Found(source, error=error)
            else:
                found = Found(source, image, Detections.of(self.detect([image])[0]))
            yield found if finish is None else finish(found)
