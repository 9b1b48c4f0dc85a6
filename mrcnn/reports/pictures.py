"""Photographs with outlined instances, as JPEG within the page."""

import base64
import io
import json

import cv2
import numpy as np
from PIL import Image

from mrcnn.detection.results import decode_mask
from mrcnn.drawing import apply_mask
from mrcnn.evaluation.mistakes import CLASS, FALSE, FOUND, IN_CROWD, KINDS, MISSED, OUTLINE
from mrcnn.pipeline.loading import load_image
from mrcnn.pipeline.masks import resize_nearest
from mrcnn.reports.html import join, tag

SIDE = 480  # of a picture's longer side, in pixels
COLORS = {
    FOUND: (64, 200, 64), MISSED: (255, 64, 64), FALSE: (255, 0, 255), CLASS: (255, 170, 0),
    OUTLINE: (0, 200, 255), IN_CROWD: (160, 160, 160),
}  # fmt: skip
_QUALITY = 80  # of JPEG
_TINT = 0.3  # opacity


def outlined(dataset, image_id, encoded, words, alt):
    """Return an img element: a photograph whose longer side is SIDE, with outlines.

    encoded: COCO's run lengths of the masks. words: a key of COLORS for each. alt: a text for those who
    cannot see it.
    """
    image = load_image(dataset, image_id).astype(np.uint8)
    colored = image.shape[2] >= 3
    whole = Image.fromarray(image[..., :3] if colored else np.repeat(image[..., :1], 3, axis=2))
    scale = SIDE / max(whole.size)
    size = [max(1, round(side * scale)) for side in whole.size]
    pixels = np.array(whole.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))
    for mask, word in zip(encoded, words):
        draw(pixels, decode_mask(mask), word)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=_QUALITY)
    data = base64.b64encode(file.getvalue()).decode()
    return tag(
        "img", src=f"data:image/jpeg;base64,{data}", alt=alt, width=pixels.shape[1], height=pixels.shape[0]
    )


def draw(pixels, mask, word):
    """Draw the outline of a mask [H, W] into an image [h, w, 3] uint8; one that is wrong is tinted, too.

    word: a key of COLORS.
    """
    small = resize_nearest(mask, pixels.shape[:2])
    if word in KINDS:
        apply_mask(pixels, small, np.array(COLORS[word]) / 255, _TINT)
    outlines, _ = cv2.findContours(small.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(pixels, outlines, -1, (0, 0, 0), 3, cv2.LINE_AA)  # for contrast
    cv2.drawContours(pixels, outlines, -1, COLORS[word], 2, cv2.LINE_AA)


def legend():
    """Return a line that says what the colours mean."""

    def entry(word):
        red, green, blue = COLORS[word]
        square = tag("span", class_="key", style=f"background:rgb({red},{green},{blue})")
        return tag("span", square, word, class_="entry")

    return tag("p", *map(entry, (FOUND, *KINDS)), class_="legend quiet")


def pair(dataset, judged, names):
    """Return a figure of one image: gt and detections side by side, with its mistakes in words.

    judged: a mistakes.Judged. names: of the classes by category id.
    """
    name = name_of(dataset, judged.image_id)
    sides = (("gt", judged.truths, judged.kinds), ("detections", judged.results, judged.verdicts))
    columns = [
        tag("div", tag("div", f"{title}: {len(items)}", class_="quiet"),
            outlined(dataset, judged.image_id, [item["segmentation"] for item in items], words,
                     f"{name}: {title}"))
        for title, items, words in sides
    ]  # fmt: skip
    kinds = [kind for kind, number in judged.mistakes().items() if number]
    classes = sorted(names[category_id] for category_id in judged.classes())
    caption = tag(
        "figcaption", tag("b", name), *(tag("div", line) for line in mistakes_in_words(judged, names))
    )
    words = {"data_kind": json.dumps(kinds), "data_class": json.dumps(classes)}
    return tag("figure", tag("div", *columns, class_="pair"), caption, **words)


def mistakes_in_words(judged, names):
    """Return a line for each kind of mistake in an image, with classes and scores."""
    lines = []
    lost = [names[t["category_id"]] for t, kind in zip(judged.truths, judged.kinds) if kind == MISSED]
    if lost:
        lines.append(f"{MISSED}: {_counted(lost)}")
    for kind in (FALSE, CLASS, OUTLINE):
        rows = [row for row in zip(judged.results, judged.verdicts, judged.partners) if row[1] == kind]
        found = [_words_on(result, partner, judged, names, kind) for result, _, partner in rows]
        if found:
            more = [f"and {len(found) - 6} more"] if len(found) > 6 else []
            lines.append(f"{kind}: {', '.join([*found[:6], *more])}")
    return lines


def _words_on(result, partner, judged, names, kind):
    own = f"{names[result['category_id']]} {result['score']:.2f}"
    return f"{own} for {names[judged.truths[partner]['category_id']]}" if kind == CLASS else own


def _counted(words):
    return ", ".join(f"{word} \N{MULTIPLICATION SIGN} {words.count(word)}" for word in dict.fromkeys(words))


def name_of(dataset, image_id):
    """Return the name of an image for a caption."""
    return str(dataset.image_info[image_id]["id"])


def filtered(figures, classes):
    """Return figures below the choices of a class and of a kind of mistake. classes: the names to choose."""

    def choice(label, name, words):
        options = [tag("option", "all", value=""), *(tag("option", word, value=word) for word in words)]
        return tag("label", f"{label} ", tag("select", *options, name=name))

    shown = tag("span", len(figures), class_="shown")
    count = tag("span", shown, f" of {len(figures)} pictures", class_="quiet")
    by_class, by_kind = choice("class", "class", classes), choice("mistake", "kind", KINDS)
    choices = tag("div", by_class, by_kind, count, class_="filters")
    return tag("div", choices, *figures, class_="pictures")


def grid(titles_and_pictures, caption):
    """Return a figure of several pictures side by side, each under its title."""
    columns = [tag("div", tag("div", title, class_="quiet"), one) for title, one in titles_and_pictures]
    return tag("figure", tag("div", *columns, class_="pair"), tag("figcaption", join(caption)))
