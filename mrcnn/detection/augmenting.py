"""The options of test-time augmentation; light enough for a command line to check."""

from dataclasses import dataclass, replace

from mrcnn.choices import FIXED_SIZE_MODES

WORDS = ("flips", "scales", "turns")

_WEAK = 0.05  # an object that one view scores low counts by the mean of all views


@dataclass(frozen=True)
class Augmenting:
    """Which further views of each photograph the network sees, see views.views_of.

    words: of WORDS. least: the smallest score of what the views find together; None takes the network's
    DETECTION_MIN_CONFIDENCE. Raises ValueError for other words.
    """

    words: tuple
    least: float | None = None

    def __post_init__(self):
        for word in self.words:
            if word not in WORDS:
                raise ValueError(f"tta takes {', '.join(WORDS)}, separated by commas, got {word!r}.")

    @classmethod
    def of(cls, text):
        """Return the Augmenting of words separated by commas, or None for None. Raises ValueError."""
        if text is None:
            return None
        return cls(tuple(dict.fromkeys(word.strip() for word in str(text).split(","))))

    def check(self, config):
        """Raise ValueError if a word does not suit the network's input: turned, it must keep its shape."""
        mode = config.IMAGE_RESIZE_MODE
        if "turns" in self.words and mode not in FIXED_SIZE_MODES:
            known = " or ".join(FIXED_SIZE_MODES)
            raise ValueError(
                f"tta turns needs IMAGE_RESIZE_MODE {known}, whose input is a square; got {mode}."
            )

    def lower(self, config):
        """Let the network of a Config find weak detections too; return an Augmenting that omits them later.

        An object that scores low in one view may still have a mean that is high enough. Raises ValueError as
        ``check`` does.
        """
        self.check(config)
        least = config.DETECTION_MIN_CONFIDENCE
        config.update({"DETECTION_MIN_CONFIDENCE": min(least, _WEAK)}, source="tta")
        return replace(self, least=least)

    def __str__(self):
        return ",".join(self.words)
