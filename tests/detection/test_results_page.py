"""The examples of docs/results.md are what the writers write."""

import json
import re
from pathlib import Path

import numpy as np
from PIL import Image

from mrcnn.detection.clips import VIDEO_SUFFIXES, Clip, Frame
from mrcnn.detection.detections import Detections
from mrcnn.detection.results import record_of
from mrcnn.detection.writers import WRITERS
from mrcnn.detection.writers.photograph import Photograph
from mrcnn.detection.writers.writer import open_writers

PAGE = (Path(__file__).resolve().parents[2] / "docs/results.md").read_text(encoding="utf-8")
NAMES = ["BG", "fig"]


def blocks(language):
    found = re.findall(r"^```(\w*)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return [text for kind, text in found if kind == language]


def test_examples_and_formats(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path, out = Path("photos/a.png"), Path("out")
    path.parent.mkdir()
    image = np.zeros((6, 8, 3), np.uint8)
    Image.fromarray(image).save(path)
    crop = np.ones((4, 5), bool)
    crop[2, 2] = False
    boxes, scores = np.array([[1, 2, 5, 7]], np.int32), np.array([0.75], np.float32)
    found = Detections((6, 8), boxes, np.array([1], np.int32), scores, [crop])
    with open_writers(list(WRITERS), out, NAMES) as writers:
        for writer in writers:
            writer.finish([writer.write(Photograph(str(path), "a", path), image, found)])
    files = ("coco.json", "coco_results.json", "polygons.json", "labelme/a.json")
    written = [json.loads((out / name).read_text()) for name in files]
    records = json.loads(json.dumps([record_of(path, image, found, NAMES)]))
    frame = Photograph.of(Frame(Clip("clip.mp4", "clip"), 120, 4.004, 30.0))
    nothing = Detections((1080, 1920), np.zeros((0, 4)), np.zeros(0, int), np.zeros(0), [])
    of_frame = record_of(frame.name, np.zeros((1080, 1920, 3)), nothing, NAMES, frame.keys())
    assert [json.loads(block) for block in blocks("json")] == [of_frame, records, *written]
    assert list(json.loads(blocks("json")[0])) == list(of_frame)
    assert blocks("csv") == [(out / "detections.csv").read_text()]
    assert blocks("yaml") == [(out / "yolo/data.yaml").read_text()]
    assert [text for text in blocks("") if not text.startswith("python ")] == [
        "".join(f"{p.relative_to(out).as_posix()}\n" for p in sorted(out.rglob("masks/**/a*.png")))
    ]


def test_the_table_lists_every_format():
    table = PAGE.split("\n\n")[2]
    assert re.findall(r"^\| `(\w+)`", table, re.MULTILINE) == [
        "overlay",
        *[w for w in WRITERS if w != "overlay"],
    ]


def test_the_suffixes_of_videos():
    (listed,) = re.findall(r"with one of these suffixes: (.*?)\. Those", PAGE, re.DOTALL)
    assert sorted(re.findall(r"`(\.\w+)`", listed)) == sorted(VIDEO_SUFFIXES)
