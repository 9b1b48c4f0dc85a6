"""Draw docs/images/geometry.svg, the figure of docs/geometry.md: python benchmarks/geometry_figure.py."""

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import pyplot as plt

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "geometry"  # the same bytes on every run

FIGURE = Path(__file__).resolve().parents[1] / "docs" / "images" / "geometry.svg"
SIDE, SAMPLES = 12, 6  # pixels of the box, samples of its mask
BLUE, ORANGE, GREY = "#1f77b4", "#d95f02", "#bbbbbb"


def main():
    """Draw three rows: where samples are taken, and where they are pasted."""
    corner = 0.5 + np.linspace(0, SIDE - 1, SAMPLES)
    middle = (np.arange(SAMPLES) + 0.5) * SIDE / SAMPLES
    rows = [
        ("taken: corner", corner, BLUE),
        ("pasted: matterport", middle, ORANGE),
        ("pasted: as_trained", corner, BLUE),
        ("taken and pasted: aligned", middle, BLUE),
    ]
    figure, axes = plt.subplots(len(rows), 1, figsize=(7.6, 3.9), sharex=True)
    # An object covers pixels 2.5 to 9.5. Each row shows the object as its samples place it.
    edges = np.array([2.5, 9.5])
    as_pasted = np.interp(edges, corner, middle)
    for axis, (label, places, color) in zip(axes, rows):
        left, right = as_pasted if color == ORANGE else edges
        axis.barh(0.5, right - left, left=left, height=0.62, color=color, alpha=0.28)
        for x in range(SIDE + 1):
            axis.axvline(x, color=GREY, lw=0.8 if 0 < x < SIDE else 2)
        axis.plot(places, np.full(SAMPLES, 0.5), "o", color=color, ms=7)
        axis.set(yticks=[], ylim=(0, 1), xlim=(-0.4, SIDE + 0.4))
        axis.tick_params(length=0)
        axis.set_ylabel(label, rotation=0, ha="right", va="center", labelpad=8)
        for spine in axis.spines.values():
            spine.set_visible(False)
    axes[-1].set_xticks(range(SIDE + 1))
    axes[-1].set_xlabel("pixels of the box, half-open: pixel 0 covers 0 to 1")
    figure.tight_layout(h_pad=0.3)
    figure.savefig(FIGURE, metadata={"Date": None})


if __name__ == "__main__":
    main()
