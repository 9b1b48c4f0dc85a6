"""Write a picture of each photograph, and a video of each clip."""

from mrcnn.detection.overlay import encode
from mrcnn.detection.video_file import SUFFIX, VideoFile
from mrcnn.detection.writers.writer import Writer
from mrcnn.files import write_bytes


class PictureWriter(Writer):
    """``<image>.png`` for a photograph, ``<video>.mp4`` for all frames of a clip, in the folder ``pictures``.

    A subclass has ``picture``, which returns the picture of a photograph, [h, w, 3] uint8.
    """

    def __init__(self, folder, class_names, look):
        super().__init__(folder, class_names, look)
        self._clip, self._video = None, None

    def picture(self, photograph, image, found):
        """Return the picture of a photograph. Arguments as of ``write``."""
        raise NotImplementedError

    def write(self, photograph, image, found):
        """Write the picture of a photograph, or return that of a frame."""
        picture = self.picture(photograph, image, found)
        if photograph.frame is not None:
            return picture
        write_bytes(self._place(photograph, ".png"), encode(picture), durable=False)
        return None

    def add(self, photograph, record):
        """Add the picture of a frame to the video of its clip. Raises ClipError if that cannot be written."""
        frame = photograph.frame
        if frame is not None:
            if self._clip != frame.clip:
                self.finish([])
                self._clip = frame.clip
                self._video = VideoFile(self._place(frame.clip, SUFFIX), frame.rate)
            self._video.write(record, frame.time)

    def finish(self, records):
        """End the video."""
        self.__exit__(None, None, None)
        return []

    def __exit__(self, *error):
        if self._video is not None:
            video, self._video, self._clip = self._video, None, None
            video.__exit__(*error)

    def _place(self, named, suffix):
        return self.folder / self.pictures / f"{named.stem}{suffix}"
