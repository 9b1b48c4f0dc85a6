"""pycocotools where it is not installed: its names, and its printed table."""

import re
from importlib.machinery import PathFinder

import pytest

from tests.legacy.launching import launch, write
from tests.programs.datasets import write_coco

PROGRAM = """
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval, Params
    from pycocotools import mask as maskUtils
    import pycocotools.mask

    coco = COCO("annotations/instances_val2017.json")
    rows = []
    for annotation in coco.loadAnns(coco.getAnnIds(iscrowd=False)):
        info = coco.loadImgs([annotation["image_id"]])[0]
        rle = maskUtils.frPyObjects(annotation["segmentation"], info["height"], info["width"])
        assert pycocotools.mask.decode(rle).sum() > 0
        rows.append(dict(image_id=info["id"], category_id=annotation["category_id"], score=0.9,
                         segmentation=maskUtils.merge(rle)))
    evaluation = COCOeval(coco, coco.loadRes(rows), "segm")
    evaluation.params.imgIds = sorted(coco.getImgIds())
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    print("stats", len(evaluation.stats), float(evaluation.stats[0]), Params(iouType="segm").maxDets)
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    if PathFinder.find_spec("pycocotools") is not None:
        pytest.skip("pycocotools itself is installed")
    folder = write_coco(tmp_path_factory.mktemp("coco"))
    write(folder / "evaluate.py", PROGRAM)
    return launch("evaluate.py", cwd=folder)


def test_a_perfect_detector_has_a_table_of_ones(done):
    assert done.returncode == 0, done.stderr
    line = " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 1.000"
    assert line in done.stdout
    table = re.findall(r"Average (Precision|Recall) .* = (-?\d\.\d{3})$", done.stdout, re.MULTILINE)
    assert len(table) >= 12 and {value for _, value in table} <= {"1.000", "-1.000", "0.500", "0.750"}
    assert "stats 12 1.0 [1, 10, 100]" in done.stdout


def test_it_prints_its_progress_and_is_told_once(done):
    assert done.stdout.startswith("loading annotations into memory...\n")
    assert done.stderr == "mrcnn.legacy: pycocotools is not installed; using faster-coco-eval.\n"
