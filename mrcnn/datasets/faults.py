"""Finding, a fault of a data set, and the kinds of faults of files with what to do about each."""

from dataclasses import dataclass

SHOWN = 5  # number of files that a finding names

# Faults of files: label, whether it is fatal, its meaning, what to do.
FAULTS = {
    "image": (
        "unreadable", True, "Images that cannot be read",
        "Download them again, or delete them with their masks.",
    ),
    "mask": (
        "unreadable mask", True, "Masks that cannot be read",
        "Download or draw them again, or delete them.",
    ),
    "method": (
        "wrong masks or image", True, "Images whose load_image or load_mask fails or returns something else",
        "Correct the class of the data set; each line says what it must return.",
    ),
    "size": (
        "mask of another size", True, "Masks whose size is not their image's",
        "Save them at their image's size.",
    ),
    "crowd": (
        "crowd is not a box", True, "Rows of crowd files that are not boxes",
        "A row holds XMin,XMax,YMin,YMax from 0 to 1. Correct it or delete it.",
    ),
    "empty": (
        "empty mask", False, "Masks without any pixel, which are left out",
        "Delete them, or draw the instances again.",
    ),
    "shape": (
        "mask of another shape", False,
        "Masks whose proportions are not their image's. They are left out, so their instances are background",
        "Draw them again: they belong to another image, or the image has been cropped or rotated since.",
    ),
    "several": (
        "several instances", True, "Mask files of one instance that hold several",
        "Save a mask file for each instance, or keep label maps apart (LAYOUT: label_maps).",
    ),
    "inverted": (
        "looks inverted", False, "Masks that look inverted: they cover the border and most of the image",
        "Look at them on the sheet; in a mask the instance is white and all else black.",
    ),
    "whole": (
        "covers its image", False, "Masks that cover their whole image",
        "Look at them on the sheet; draw them again unless the instance does fill its image.",
    ),
    "pieces": (
        "many pieces", False,
        "Masks of three or more pieces, alone in their image: one map for several instances?",
        "Look at them on the sheet; each instance needs a mask of its own.",
    ),
    "no_map": (
        "no map", False, "Images without a map of their instances",
        "Draw one, or delete the images: without instances, an image is learned as background.",
    ),
    "no_masks": (
        "no masks", False, "Images without a folder of masks",
        "Draw masks, or delete the images: without instances, an image is learned as background.",
    ),
    "stray": (
        "no mask's name", False, "Files among the masks that belong to no image, which are left out",
        "Name a mask <name of its image>_<anything>.png, or move the file elsewhere.",
    ),
    "mid": (
        "another class's MID", False, "Masks whose MID contradicts their folder; the folder counts",
        "Move them to the folder of their class, or rename them.",
    ),
    "twice": (
        "mask twice", False, "Masks that equal another mask of their image",
        "Delete one of each pair.",
    ),
    "outside": (
        "crowd beyond the image", False, "Crowd boxes that reach beyond their image, which are clipped",
        "Check that they belong to this image.",
    ),
    "nowhere": (
        "crowd without area", False, "Crowd boxes without area inside their image, which are left out",
        "Delete them, or draw them again.",
    ),
    "ring": (
        "ring without area", False, "Rings of fewer than three points or without area, which are left out",
        "Delete them, or draw the instances again.",
    ),
    "no_shape": (
        "no outline", False, "Annotations without an outline (a box, a line, a point), which are left out",
        "Draw outlines, or delete them: their instances are learned as background.",
    ),
    "no_image": (
        "image missing", False, "Annotated images that are missing, which are left out",
        "Put the files where the annotations say, or name their folder with --images.",
    ),
    "same_name": (
        "same name", False, "Images that share a name with another one, which are left out",
        "Rename one of each, in its annotations too.",
    ),
    "beyond": (
        "beyond the image", False, "Annotations wholly outside their image, which are left out",
        "Check that they belong to this image.",
    ),
    "no_class": (
        "no class", False, "Annotations without a class, which are left out",
        "Give each a class, or name the attribute that holds it with --class-attribute.",
    ),
    "unlabelled": (
        "not annotated", False, "Images without an annotation file, which are left out",
        "Annotate them, or save a file without shapes if they show nothing.",
    ),
    "foreign": (
        "not an annotation file", False, "JSON files without annotations, which are left out",
        "Move them out of the data set's folder.",
    ),
    "classes": (
        "several classes", False, "Annotations with several classes, which are left out",
        "Leave each one class, or name another attribute with --class-attribute.",
    ),
}  # fmt: skip


def summaries(faults):
    """Return a sentence on each kind of faults, with an example. faults: (kind, path, detail) of them."""
    found = {}
    for kind, path, detail in faults:
        found.setdefault(kind, []).append(f"{path}: {detail}" if detail else path)
    return [f"{FAULTS[kind][2]}: {len(files)}, such as {files[0]}." for kind, files in found.items()]


@dataclass(frozen=True)
class Finding:
    """A fault of a data set.

    fatal: whether training must not start. label: the finding in two words. text: the finding
    in a sentence. advice: what to do. files: the affected files, each with a detail. images: (split,
    image_id) of the images to show.
    """

    fatal: bool
    label: str
    text: str
    advice: str
    files: tuple = ()
    images: tuple = ()

    def lines(self, shown=SHOWN):
        """Return the finding as lines of text. shown: number of files to name; None: all."""
        head = "FATAL " if self.fatal else "note  "
        named = self.files if shown is None else self.files[:shown]
        lines = [f"{head} {self.text}", f"       {self.advice}", *(f"         {file}" for file in named)]
        if len(named) < len(self.files):
            lines.append(f"         and {len(self.files) - len(named)} more")
        return lines
