"""The benchmark of four tools writes the same masks in each format."""

import numpy as np

from benchmarks import four_tools
from mrcnn.datasets.formats import open_dataset
from mrcnn.datasets.recognition import recognise


def test_each_tool_has_the_masks_of_the_first(tmp_path):
    args = four_tools.parse(["--scenes", "3"])
    source = four_tools.open_source(tmp_path, args)
    four_tools.write_sets(tmp_path, source)
    assert [recognise(tmp_path / tool)[0] for tool in four_tools.TOOLS] == list(four_tools.TOOLS)
    truth = open_dataset("openimages", tmp_path / "scenes", "train")
    areas = [area for k in truth.image_ids for area in truth.load_mask(k)[0].sum(axis=(0, 1))]
    for tool in four_tools.TOOLS:
        found = four_tools.masks_of(tmp_path / tool)
        assert [mask.sum() for _, _, mask in found] == areas
        assert {name for _, name, _ in found} == {"pumpkin"}


def test_a_row_that_differs_is_not_the_same(capsys):
    mask = np.eye(4, dtype=bool)
    row = four_tools.Row("", [("a.png", "fig", mask)], {"loss": "1.5"}, "abc", [{"detections": [1]}], 2.0)
    other = four_tools.Row("", [("a.png", "fig", mask.T[::-1])], {"loss": "1.5"}, "abd", [], 2.0)
    assert four_tools.print_row("via", row, row)
    assert not four_tools.print_row("via", other, row)
    assert capsys.readouterr().out.splitlines() == [
        "| via | 1 of 1 equal | 1.5, equal | abc, equal | 1, equal | 2 |",
        "| via | 0 of 1 equal | 1.5, equal | abd, DIFFER | 0, DIFFER | 2 |",
    ]
