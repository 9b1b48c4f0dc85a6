"""Where pycocotools is not installed, supply faster-coco-eval under its names; the numbers are the same."""

from mrcnn.legacy.imports import names_of, supply_module

TOLD = "is not installed; using faster-coco-eval."


def supply():
    """Make ``pycocotools`` and its modules coco, cocoeval and mask importable."""
    supply_module("pycocotools", lambda module: None, TOLD)
    supply_module("pycocotools.coco", _fill_coco, "")
    supply_module("pycocotools.cocoeval", _fill_cocoeval, "")
    supply_module("pycocotools.mask", names_of("faster_coco_eval.core.mask"), "")


def _fill_coco(module):
    from faster_coco_eval.core import coco

    class PrintingCOCO(coco.COCO):
        """A COCO that prints its progress, as in pycocotools."""

        def __init__(self, annotation_file=None):
            super().__init__(annotation_file, print_function=print)

    module.COCO = PrintingCOCO


def _fill_cocoeval(module):
    from faster_coco_eval.core import cocoeval, faster_eval_api

    class PrintingCOCOeval(faster_eval_api.COCOeval_faster):
        """A COCOeval whose summarize() prints its table, as in pycocotools."""

        def __init__(self, cocoGt=None, cocoDt=None, iouType="segm"):
            super().__init__(cocoGt, cocoDt, iouType, print_function=print)

    module.COCOeval = PrintingCOCOeval
    module.Params = cocoeval.Params
