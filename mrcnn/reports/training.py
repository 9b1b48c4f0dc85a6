"""The sections on a training: its curves, settings and data, and what augmentation makes of these."""

import base64
import io

from mrcnn.datasets import sheets
from mrcnn.modeling.network import LOSSES
from mrcnn.reports import charts
from mrcnn.reports.html import lines, section, table, tag

_QUALITY = 80  # of JPEG


def curves(columns):
    """Return the section of charts by epoch. columns: {column of metrics.csv: [(epoch, value), ...]}."""
    drawn = [
        charts.epochs(columns, {"val_mask_ap": "masks", "val_box_ap": "boxes"}, "Validation: COCO AP", "ap")
    ]
    losses = {"loss": "Total loss", **{loss.name: loss.title for loss in LOSSES}}
    for name, title in losses.items():
        pair = {name: "training", f"val_{name}": "validation"}
        drawn.append(charts.epochs(columns, pair, title, name.replace("_", "-")))
    drawn.append(charts.epochs(columns, {"learning_rate": "at the end"}, "Learning rate", "rate"))
    return section("Curves", tag("div", *drawn, class_="charts"))


def settings(config):
    """Return the section of the settings that differ from the defaults of the config's class."""
    own, usual = config.to_plain(), type(config)().to_plain()
    rows = [(name, str(own[name]), str(usual[name])) for name in own if own[name] != usual[name]]
    return section(
        "Settings that differ from the defaults",
        table(("setting", "here", "default"), rows, numbers=False) if rows else tag("p", "There are none."),
    )


def data_check(texts):
    """Return the section of the data check. texts: the lines of datasets.check.Report."""
    return section("Data", lines(texts))


def augmentation(pictures, columns=4):
    """Return the section of what training sees. pictures: of datasets.preview.seen_in_training."""
    file = io.BytesIO()
    figure = sheets.draw(pictures, columns, columns * 275)
    with sheets.without_warnings_of_letters():
        figure.savefig(file, format="jpeg", dpi=sheets.DPI, pil_kwargs={"quality": _QUALITY})
    source = f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
    alt = "images with outlined masks, as training sees them"
    width, height = (round(inches * sheets.DPI) for inches in figure.get_size_inches())
    picture = tag("img", src=source, alt=alt, width=width, height=height)
    caption = tag(
        "figcaption", f"The first {len(pictures)} images of this training, augmented as in its first epoch."
    )
    return section("What training sees", tag("figure", picture, caption))
