"""curves.png shows the numbers of metrics.csv."""

import csv
import math

import matplotlib.pyplot
import numpy as np
from PIL import Image

from mrcnn.modeling.network import LOSS_NAMES
from mrcnn.training import curves
from mrcnn.training.curves import Curves, draw, figure_of


def rows_of(epochs, ap_every=0):
    rows = []
    for epoch in range(1, epochs + 1):
        row = {"epoch": str(epoch), "finished": "2026-01-01T12:00:00", "learning_rate": str(0.1 / epoch)}
        for number, name in enumerate(["loss", *LOSS_NAMES]):
            row[name], row[f"val_{name}"] = str((number + 1) / epoch), str((number + 1) / epoch + 0.5)
        row["val_mask_ap"] = str(epoch / 10) if ap_every and epoch % ap_every == 0 else ""
        rows.append(row)
    return rows


def lines(figure, panel):
    return [line.get_xydata().tolist() for line in figure.axes[panel].lines]


def test_each_panel_has_its_numbers():
    figure = figure_of(rows_of(4, ap_every=2))
    assert len(figure.axes) == 1 + len(LOSS_NAMES) + 2
    assert lines(figure, 0) == [
        [[1, 1], [2, 1 / 2], [3, 1 / 3], [4, 1 / 4]],
        [[1, 1.5], [2, 1.0], [3, 1 / 3 + 0.5], [4, 0.75]],
    ]
    assert lines(figure, 5)[0][0] == [1, 6]
    assert lines(figure, -2) == [[[2, 0.2], [4, 0.4]]]
    assert lines(figure, -1) == [[[1, 0.1], [2, 0.05], [3, 0.1 / 3], [4, 0.025]]]
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == [
        "training 0.25", "validation 0.75",
    ]  # fmt: skip
    assert {axes.get_xlim() for axes in figure.axes} == {(0.5, 4.5)}


def test_a_further_loss_has_a_panel_of_its_own(monkeypatch):
    monkeypatch.setitem(curves._LOSSES, "edge_loss", "heads: edges")
    rows = [{**row, "edge_loss": "0.5"} for row in rows_of(2)]
    figure = figure_of(rows)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[5] == "heads: masks"
    assert titles[-3:] == ["heads: edges", "validation: COCO AP", "learning rate"]
    assert lines(figure, -3) == [[[1, 0.5], [2, 0.5]]]


def test_what_was_not_measured_is_said():
    figure = figure_of([{"epoch": 1, "loss": 2.0, "val_loss": math.nan}])
    assert lines(figure, 0) == [[[1, 2.0]]]
    assert [text.get_text() for text in figure.axes[-2].texts] == ["not measured"]


def test_a_high_first_loss_does_not_flatten_the_rest():
    rows = rows_of(10)
    rows[0]["loss"] = "1000"
    assert figure_of(rows).axes[0].get_ylim()[1] < 5
    assert figure_of(rows[:2]).axes[0].get_ylim()[1] > 1000


def test_the_picture_is_a_whole_png_without_pyplot(tmp_path):
    rows = rows_of(3)
    with open(tmp_path / "metrics.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    Curves(tmp_path).on_epoch_end(2)
    first = np.asarray(Image.open(tmp_path / "curves.png").convert("RGB"))
    assert first.shape == (700, 1400, 3)
    blue = (np.abs(first.astype(int) - (0x1B, 0x6C, 0xA8)).sum(axis=2) < 30).sum()
    assert blue > 500
    draw(tmp_path / "metrics.csv", tmp_path / "curves.png")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "curves.png").convert("RGB")), first)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curves.png", "metrics.csv"]
    assert matplotlib.pyplot.get_fignums() == []
