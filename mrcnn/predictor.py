"""Detect with one line: ``mrcnn.load("last")("photo.jpg").show()``."""

import dataclasses
import os
from pathlib import Path

from PIL import Image

from mrcnn import startup
from mrcnn.backend import images_per_batch
from mrcnn.config import Config
from mrcnn.datasets.images import read_image_bytes
from mrcnn.detection.addresses import is_address, read_address
from mrcnn.detection.augmenting import Augmenting
from mrcnn.detection.clips import is_video
from mrcnn.detection.inputs import photographs
from mrcnn.detection.result import Result
from mrcnn.detection.tiling import Tiling
from mrcnn.detection.videos import frames
from mrcnn.evaluation import coco
from mrcnn.inspection.explanation import explain
from mrcnn.model import MaskRCNN
from mrcnn.training.run import find_last, weights_in
from mrcnn.weights import best_score, downloads
from mrcnn.weights.contents import settings_and_classes


def load(weights="last", runs="runs", tile=None, overlap=None, tta=None, **settings):
    """Open trained weights, whatever network they are for: the file says it.

    weights: "last" is the last checkpoint of the newest run; "coco" is matterport's file for COCO's classes,
    downloaded once; otherwise the path of a weights file or of a run's folder, see
    training.run.weights_in. runs: the folder of the runs, for "last". tile: cuts large photographs into tiles
    of this side in pixels, or "auto"; objects at their seams are found whole and once. None cuts the tiles
    that the weights were trained on (TILE), if they were; "none" cuts none. overlap: share of a tile's side
    that tiles have in common; None is 0.2. tta: words of detection.augmenting.WORDS, separated by commas:
    further views that the network sees of each photograph. settings: differing settings, such as
    DETECTION_MIN_CONFIDENCE=0.5; without it, the smallest score is that of best F1 if an evaluation has found
    it (see weights.best_score), otherwise the training's.
    Returns a Predictor. Raises RunError, DownloadError, WeightsError, ConfigError, and ValueError for a tile,
    an overlap or a word of tta that cannot be.
    """
    tiling, tta = Tiling.of(tile, overlap), Augmenting.of(tta)
    startup.start()
    path = _path_of(weights, runs)
    stored, classes = settings_and_classes(path, Config.names())
    best = best_score.read(path)
    kept = {"DETECTION_MIN_CONFIDENCE": best.score} if best else {}
    own = {"NUM_CLASSES": 1 + len(classes), "GPU_COUNT": 1, "IMAGES_PER_GPU": images_per_batch()}
    known = {"MASK_PASTE": "as_trained", **stored, **kept, **own}
    config = Config.of((known, str(path)), (settings, "load"))
    tta = tta and tta.lower(config)
    model = MaskRCNN("inference", config, str(runs))
    model.load_weights(path, by_name=False, report=None)
    model.class_names = model.class_names or ["BG", *classes]
    return Predictor(model, Tiling.of_training(config) if tile is None else tiling, tta)


def _path_of(weights, runs):
    if weights == "last":
        return find_last(runs)
    if weights == "coco":
        return downloads.fetch("coco")
    return weights_in(weights) if os.path.isdir(weights) else Path(weights)


class Predictor:
    """Detects in photographs of any kind.

    model: a MaskRCNN for inference with class_names. tiling: the Tiling of large photographs; None cuts none.
    tta: an Augmenting, or None for one view of each photograph.
    """

    def __init__(self, model, tiling=None, tta=None):
        self.model, self.tiling, self.tta = model, tiling, tta

    @property
    def config(self):
        """The Config of the network."""
        return self.model.config

    @property
    def class_names(self):
        """The names of the classes, indexed by class id; 0 is the background."""
        return self.model.class_names

    def __call__(self, source):
        """Detect in one photograph or in any number of them.

        source: a path, an address (http or https), a Pillow image or an array [H, W, 3] uint8 RGB, for which
        a Result is returned. Of a list, a generator or another iterable of these the Results are yielded one
        after another, in order, in memory that does not grow with their number, and so are those of the
        frames of a video's path; see detection.videos.frames for each Nth one. Raises ImageError for a file
        that cannot be read, TransferError for an address, and ClipError for a video.
        """
        if isinstance(source, (str, Path)) and not is_address(source) and is_video(Path(source)):
            return self._stream(frames(source))
        if isinstance(source, (str, Path, Image.Image)) or hasattr(source, "__array__"):
            return next(self._stream([source]))
        return self._stream(source)

    def _stream(self, sources):
        names = list(self.class_names)
        return self.model.detect_stream(
            sources,
            read=self._read,
            finish=lambda found: Result(found.source, found.image, found.detections, names),
            tiling=self.tiling,
            tta=self.tta,
        )

    def _read(self, source):
        if is_address(source):
            return read_image_bytes(read_address(source), source, apply_exif=True)
        return photographs([source], self.config.IMAGE_CHANNEL_COUNT)[0]

    def evaluate(self, dataset, progress=True):
        """Measure COCO's average precision on a prepared Dataset: the dict of evaluation.coco.score.

        Weak detections count, too: see coco.MIN_CONFIDENCE. Raises EvaluationError without an instance.
        """
        detector = self.model.for_inference(DETECTION_MIN_CONFIDENCE=coco.MIN_CONFIDENCE)
        tta = self.tta and dataclasses.replace(self.tta, least=coco.MIN_CONFIDENCE)
        return coco.evaluate(detector, dataset, progress=progress, tiling=self.tiling, tta=tta)

    def explain(self, source, where):
        """Explain what became of an object in a photograph that was missed, see inspection.explanation.

        source: as of a call. where: a point (y, x) or a box (y1, x1, y2, x2), in pixels of the photograph.
        Returns an Explanation. It follows the whole photograph through the network, as one view.
        Raises ValueError for a place outside, and the errors of a call.
        """
        model = self.model
        if self.tta is not None and self.tta.least is not None:  # the network finds weaker ones for its views
            model = model.for_inference(DETECTION_MIN_CONFIDENCE=self.tta.least)
        return explain(model, self._read(source), where, source)

    def __repr__(self):
        config = self.config
        classes = ", ".join(self.class_names[1:6]) + (", ..." if len(self.class_names) > 6 else "")
        return (
            f"Mask R-CNN, {config.BACKBONE}, photographs of up to {config.IMAGE_MAX_DIM} pixels, "
            f"{len(self.class_names) - 1} classes: {classes}"
        )
