"""What tests of pages share: an Outcome with a mistake of each kind, and a look at a page's elements."""

import re
from html.parser import HTMLParser

import numpy as np

from mrcnn.datasets.dataset import Dataset
from mrcnn.evaluation import coco
from mrcnn.evaluation.fates import FATES
from mrcnn.evaluation.outcome import Outcome
from mrcnn.evaluation.overlaps import SLICES
from tests.evaluation.test_tally import annotation, box, gt_of

EVIL = "<b>'\"&\x1b[2J$x$"  # a class that wants to be markup, and a formula
LEFT, RIGHT, FAR = box(5, 5, 20, 20), box(5, 35, 20, 20), box(40, 40, 10, 10)
_VOID = {"img", "input", "meta", "br"}


class Scenes(Dataset):
    """Images of 60 px with names of their own."""

    def __init__(self, count=3):
        super().__init__()
        self.add_class("scenes", 1, EVIL)
        self.add_class("scenes", 2, "stone")
        for number in range(count):
            self.add_image("scenes", f"scene <{number}>", path="")
        self.prepare()

    def load_image(self, image_id):
        return np.full((60, 60, 3), 90 + 40 * image_id, np.uint8)


def outcome(found=(0, 1, 2)):
    """Three images: one right, one with a mistake of each kind, one missed. found: images with detections."""
    ground_truth = gt_of(
        3, [(0, 1, LEFT), (1, 1, LEFT), (1, 1, RIGHT), (1, 2, FAR), (2, 2, LEFT)], names=(EVIL, "stone")
    )
    results = [
        annotation(0, 1, LEFT, score=0.95),
        annotation(1, 1, box(5, 12, 20, 20), score=0.9),
        annotation(1, 2, RIGHT, score=0.88),
        annotation(1, 1, box(40, 5, 9, 9), score=0.86),
        annotation(2, 2, LEFT, score=0.85),
    ]
    results = [result for result in results if result["image_id"] in found]
    scores = coco.score(ground_truth, results)
    fates = dict.fromkeys(FATES, 1)
    scores["clumps"] = [
        {"overlap": name, "instances": len(FATES), "AP": 0.5, "AP50": -1.0, "fates": fates, "merged": 1}
        for name in (*SLICES, "all")
    ]
    return Outcome(ground_truth, results, scores)


class Elements(HTMLParser):
    """The elements of a page: their names in order, their attributes, and whether each is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.found, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"{tag} closes {self.open[-3:]}"
        self.open.pop()

    def handle_data(self, data):
        self.texts.append(data)

    def named(self, tag):
        """The attributes of the elements of one name."""
        return [attributes for name, attributes in self.found if name == tag]


def assert_sound(text):
    """A page that is well-formed, has no id twice and leads nowhere; returns its Elements."""
    assert text.startswith("<!DOCTYPE html>")
    page = Elements(text)
    ids = [attributes["id"] for _, attributes in page.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    for name, attributes in page.found:
        for key in ("src", "href", "xlink:href", "srcset", "action"):
            value = attributes.get(key, "#")
            assert value.startswith(("#", "data:image/")), (name, key, value)
            if value.startswith("#") and len(value) > 1:
                assert value[1:] in ids
        assert name not in ("link", "iframe", "object", "base", "form", "b>")
    named = set(re.findall(r"https?://[\w./-]+", text))
    assert named <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert all(name[1:-1] in ids for name in re.findall(r"url\((#[^)]*\))", text))
    policies = [a["content"] for a in page.named("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert policies and policies[0].startswith("default-src 'none';")
    assert "\x1b" not in text
    return page
