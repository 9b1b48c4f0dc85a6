"""Where the samples of a detected mask lie in its box, which the training of the weights decides."""

from dataclasses import dataclass

from mrcnn.choices import MASK_TARGETS

_MATTERPORTS_MINI_MASK = (56, 56)  # the default of its Config, under which its COCO weights were trained


@dataclass(frozen=True)
class MaskRule:
    """How the mask targets of some weights were sampled.

    target: a word of MASK_TARGET. mini_mask: (height, width) of the mini-masks that they were sampled from,
    or None if they were sampled from whole masks. With target "aligned" it does not matter.
    """

    target: str = "corner"
    mini_mask: tuple | None = _MATTERPORTS_MINI_MASK

    @classmethod
    def of(cls, settings):
        """Return the rule of a training. settings: values by name; missing ones are matterport's."""
        target = settings.get("MASK_TARGET")
        shape = settings.get("MINI_MASK_SHAPE", _MATTERPORTS_MINI_MASK)
        return cls(
            target if target in MASK_TARGETS else "corner",
            tuple(int(side) for side in shape) if settings.get("USE_MINI_MASK", True) else None,
        )

    def settings(self):
        """Return the settings from which ``of`` makes this rule."""
        found = {"MASK_TARGET": self.target, "USE_MINI_MASK": self.mini_mask is not None}
        return found if self.mini_mask is None else {**found, "MINI_MASK_SHAPE": list(self.mini_mask)}

    def first_sample(self, sides):
        """Return where the first sample lies, as shares of the box's (height, width); see masks.paste_mask.

        sides: (height, width) of the box in pixels of the molded image. None stands for the middle of the
        first of equal cells.
        """
        if self.target == "aligned":
            return None
        # The corners of a crop are the centres of the outermost cells: of a mini-mask, or else of pixels.
        cells = sides if self.mini_mask is None else self.mini_mask
        return tuple(0.5 / max(count, 1) for count in cells)
