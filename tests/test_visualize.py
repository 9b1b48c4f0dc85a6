"""Pictures: what is drawn where, captions that can be read, files of a bounded size."""

import matplotlib
import numpy as np
import pytest
from PIL import Image

from mrcnn import visualize
from mrcnn.drawing import Captions
from mrcnn.pipeline.masks import extract_bboxes
from mrcnn.visualize import _figure

NAMES = ["BG", "pumpkin", "gourd"]


@pytest.fixture(autouse=True)
def shown(monkeypatch):
    """matplotlib without windows; the figures that would have been shown."""
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figures = []
    monkeypatch.setattr(plt, "show", lambda: figures.append(plt.gcf()))
    yield figures
    plt.close("all")


def image_of(height=80, width=120, value=100):
    return np.full((height, width, 3), value, np.uint8)


def result_of(*boxes, shape=(80, 120)):
    masks = np.zeros((*shape, len(boxes)), bool)
    for i, (y1, x1, y2, x2) in enumerate(boxes):
        masks[y1:y2, x1:x2, i] = True
    count = len(boxes)
    return {
        "rois": extract_bboxes(masks),
        "class_ids": np.array([1 + i % 2 for i in range(count)], int),
        "scores": np.linspace(0.95, 0.5, count),
        "masks": masks,
    }


def pixels(figure):
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int)


def texts(figure):
    return [text for ax in figure.axes for text in ax.texts]


class TestColors:
    def test_they_stay_apart(self):
        colors = np.array(visualize.random_colors(26))
        gaps = np.abs(colors[:, None] - colors[None]).max(axis=2) + np.eye(26)
        assert gaps.min() > 0.1
        assert ((colors >= 0) & (colors <= 1)).all()

    def test_the_same_ones_each_time(self):
        assert visualize.random_colors(9)[:4] == visualize.random_colors(4)
        assert visualize.random_colors(0) == []
        assert max(visualize.random_colors(1, bright=False)[0]) == pytest.approx(0.7)

    def test_apply_mask_tints_in_place(self):
        image, mask = image_of(2, 2), np.array([[True, False], [False, False]])
        assert visualize.apply_mask(image, mask, (1, 0, 0), alpha=0.5) is image
        assert image[0, 0].tolist() == [177, 50, 50]
        assert (image[0, 1] == 100).all() and (image[1] == 100).all()


class TestDrawDetections:
    def test_it_has_the_images_proportions_and_no_margin(self):
        drawn = pixels(visualize.draw_detections(image_of(), result_of(), NAMES, width=600))
        assert drawn.shape == (400, 600, 3)
        assert (drawn == 100).all()

    def test_small_images_are_enlarged_and_large_ones_kept(self):
        for width, expected in ((64, 800), (1000, 1000)):
            image = image_of(width // 2, width)
            figure = visualize.draw_detections(image, result_of(shape=image.shape[:2]), NAMES)
            assert figure.get_size_inches().tolist() == [expected / 100, expected / 200]

    def test_a_mask_is_tinted_and_outlined_where_it_lies(self):
        drawn = pixels(visualize.draw_detections(image_of(), result_of((20, 30, 60, 90)), NAMES, width=600))
        changed = (np.abs(drawn - 100) > 20).any(axis=2)
        assert changed[105:295, 155:445].all()
        # Outside there are the outline's half width and the caption above.
        rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        assert (columns[0], columns[-1]) == (pytest.approx(150, abs=4), pytest.approx(449, abs=4))
        assert rows[-1] == pytest.approx(299, abs=4)
        assert 70 < rows[0] < 100

    def test_captions_name_class_and_score(self):
        figure = visualize.draw_detections(image_of(), result_of((20, 5, 40, 50), (50, 60, 79, 110)), NAMES)
        assert [text.get_text() for text in texts(figure)] == ["pumpkin 0.95", "gourd 0.50"]

    @pytest.mark.parametrize("box", [(0, 0, 10, 10), (0, 110, 10, 120), (70, 110, 80, 120), (0, 0, 80, 120)])
    def test_captions_are_not_cut_at_the_border(self, box):
        figure = visualize.draw_detections(image_of(), result_of(box), NAMES)
        (label,) = texts(figure)
        extent, frame = label.get_window_extent(), figure.bbox
        assert frame.x0 <= extent.x0 and extent.x1 <= frame.x1
        assert frame.y0 <= extent.y0 and extent.y1 <= frame.y1

    def test_captions_do_not_cover_one_another(self):
        boxes = [(y, x, y + 9, x + 9) for y in range(0, 70, 10) for x in range(0, 110, 10)]
        labels = texts(visualize.draw_detections(image_of(), result_of(*boxes), NAMES))
        assert 20 < len(labels) < len(boxes)
        assert labels[0].get_text() == "pumpkin 0.95"  # the most certain first
        extents = [label.get_window_extent() for label in labels]
        for i, one in enumerate(extents):
            assert not any(one.overlaps(other) for other in extents[:i])

    def test_letters_grow_with_large_pictures(self):
        small, large = (
            texts(visualize.draw_detections(image_of(), result_of((20, 30, 60, 90)), NAMES, width=width))[0]
            for width in (1000, 3000)
        )
        assert large.get_size() == pytest.approx(3 * small.get_size())

    def test_padding_and_empty_masks_are_no_trouble(self):
        result = result_of((20, 30, 60, 90), (0, 0, 0, 0), (5, 5, 10, 10))
        result["masks"][..., 2] = False
        labels = texts(visualize.draw_detections(image_of(), result, NAMES))
        assert [label.get_text() for label in labels] == ["pumpkin 0.95", "pumpkin 0.50"]

    def test_the_image_is_left_as_it_was(self):
        image = image_of()
        visualize.draw_detections(image, result_of((20, 30, 60, 90)), NAMES)
        assert (image == 100).all()


class TestSheet:
    def items(self, *sizes):
        return [(image_of(*size), result_of(shape=size)) for size in sizes]

    def test_rows_are_as_wide_as_the_sheet(self):
        sizes = [(80, 120), (80, 60), (100, 50), (60, 60), (50, 100), (90, 80)]
        figure = visualize.detection_sheet(self.items(*sizes), NAMES, columns=3, width=500)
        places = [ax.get_position() for ax in figure.axes]
        assert [place.x1 for place in places[2::3]] == pytest.approx([1, 1])
        assert places[0].y1 == pytest.approx(1) and places[5].y0 == pytest.approx(0)
        width, height = figure.get_size_inches()
        for (rows, columns), place in zip(sizes, places):
            assert place.width * width / (place.height * height) == pytest.approx(columns / rows)

    def test_a_shorter_row_is_not_blown_up(self):
        figure = visualize.detection_sheet(self.items(*[(80, 120)] * 4), NAMES, columns=3)
        heights = [ax.get_position().height for ax in figure.axes]
        assert heights[3] == pytest.approx(heights[0])

    def test_a_single_image_fills_the_sheet(self):
        (ax,) = visualize.detection_sheet(self.items((80, 120)), NAMES, columns=3).axes
        assert (ax.get_position().width, ax.get_position().height) == pytest.approx((1, 1))

    def test_outlines_without_captions(self):
        figure = visualize.detection_sheet([(image_of(), result_of((20, 30, 60, 90)))], NAMES)
        assert texts(figure) == []
        assert (pixels(figure) != 100).any()

    @pytest.mark.parametrize(("color_by", "legend"), [("auto", ["pumpkin", "gourd"]), ("instance", [])])
    def test_classes_have_their_colours_and_a_legend(self, color_by, legend):
        items = [(image_of(), result_of((5, 5, 35, 55), (40, 60, 75, 115), (45, 5, 75, 55)))]
        figure = visualize.detection_sheet(items, NAMES, color_by=color_by)
        assert [text.get_text() for text in figure.texts] == legend
        painted = figure.axes[0].images[0].get_array()
        colors = np.array(visualize.random_colors(3))[[0, 1, 0] if legend else [0, 1, 2]]
        middles = [painted[20, 30], painted[57, 87], painted[60, 30]]
        np.testing.assert_allclose(middles, 100 * 0.65 + 255 * 0.35 * colors, atol=2)


class TestSaveFigure:
    def test_equal_pictures_give_equal_bytes(self, tmp_path):
        for name in ("a.png", "b.png"):
            figure = visualize.draw_detections(image_of(), result_of((20, 30, 60, 90)), NAMES)
            visualize.save_figure(figure, tmp_path / name)
        assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]

    def test_a_bound_on_the_size(self, tmp_path):
        noise = np.random.default_rng(0).integers(0, 255, (80, 120, 3)).astype(np.uint8)
        figure = visualize.draw_detections(noise, result_of(), NAMES, width=240)
        visualize.save_figure(figure, tmp_path / "free.png")
        bound = (tmp_path / "free.png").stat().st_size // 3
        visualize.save_figure(figure, tmp_path / "bound.png", max_bytes=bound)
        assert (tmp_path / "bound.png").stat().st_size <= bound
        with Image.open(tmp_path / "free.png") as free, Image.open(tmp_path / "bound.png") as bounded:
            assert (bounded.mode, bounded.size) == ("P", free.size)
            free, bounded = (np.asarray(x.convert("RGB"), int) for x in (free, bounded))
        assert np.abs(free - bounded).mean() < 12


def test_captions_find_the_free_side():
    figure = _figure(400, 300)
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(-0.5, 399.5), ylim=(299.5, -0.5))
    captions = Captions(ax)
    assert [captions.add((100, 100, 200, 300), "pumpkin", "red") for _ in range(5)] == [True] * 4 + [False]
    above, inside, right, below = (label.get_window_extent() for label in ax.texts)
    assert above.y0 >= 200 and right.y0 >= 200
    assert inside.y0 > 100 and inside.y1 < 200
    assert below.y1 <= 100
    assert right.x1 == pytest.approx(300, abs=4)


def test_a_class_may_have_any_name(tmp_path):
    name = r"南瓜 $\date$"
    masks = np.zeros((60, 80, 1), bool)
    masks[10:40, 10:60] = True
    found = {
        "rois": np.array([[10, 10, 40, 60]]),
        "masks": masks,
        "class_ids": np.array([1]),
        "scores": [0.9],
    }
    figure = visualize.draw_detections(np.zeros((60, 80, 3), np.uint8), found, ["BG", name])
    visualize.save_figure(figure, tmp_path / "a.png")
    assert [text.get_text() for text in figure.axes[0].texts] == [f"{name} 0.90"]


class TestMatterportsNames:
    """Programs' notebooks call these; each draws without a word and without a warning."""

    def test_display_instances_opens_a_window_with_the_images_proportions(self, shown):
        result = result_of((20, 30, 60, 90))
        visualize.display_instances(
            image_of(),
            result["rois"],
            result["masks"],
            result["class_ids"],
            NAMES,
            result["scores"],
            title="t",
        )
        (ax,) = shown[0].axes
        assert ax.get_title() == "t"
        assert ax.get_aspect() == 1

    def test_display_instances_takes_colors_captions_and_an_axes(self, shown):
        figure = _figure(400, 300)
        ax = figure.add_axes((0, 0, 1, 1))
        result = result_of((20, 30, 60, 90), (5, 5, 15, 20))
        visualize.display_instances(
            image_of(), result["rois"], result["masks"], result["class_ids"], NAMES, ax=ax,
            colors=np.array([(1, 0, 0), (0, 0, 1)]), captions=["one", ""], show_mask=False,
        )  # fmt: skip
        assert [text.get_text() for text in ax.texts] == ["one"]
        assert [patch.get_edgecolor()[:3] for patch in ax.patches] == [(1, 0, 0), (0, 0, 1)]
        assert not shown
        assert len(ax.lines) == 4  # an outline and a dark line below it for each mask
        for lines, (y1, x1, y2, x2) in zip((ax.lines[:2], ax.lines[2:]), result["rois"]):
            for line in lines:
                np.testing.assert_allclose(
                    [line.get_xdata().min(), line.get_xdata().max()], [x1 - 0.5, x2 - 0.5]
                )
                np.testing.assert_allclose(
                    [line.get_ydata().min(), line.get_ydata().max()], [y1 - 0.5, y2 - 0.5]
                )
        np.testing.assert_array_equal(ax.images[0].get_array(), image_of())  # not tinted
        visualize.display_instances(
            image_of(), result["rois"], result["masks"], result["class_ids"], NAMES, captions=["", ""],
            ax=(bare := figure.add_axes((0, 0, 1, 1))), show_mask=False, show_bbox=False,
        )  # fmt: skip
        assert len(bare.lines) == 4 and not bare.patches

    def test_display_instances_counts(self):
        result = result_of((20, 30, 60, 90))
        with pytest.raises(ValueError, match="Received 1 boxes, 1 masks and 2 class ids"):
            visualize.display_instances(image_of(), result["rois"], result["masks"], [1, 1], NAMES)

    def test_display_differences(self):
        gt = result_of((20, 30, 60, 90), (5, 5, 15, 20))
        pred = result_of((20, 30, 58, 90))
        figure = _figure(400, 300)
        ax = figure.add_axes((0, 0, 1, 0.8))
        visualize.display_differences(
            image_of(), gt["rois"], gt["class_ids"], gt["masks"], pred["rois"], pred["class_ids"],
            pred["scores"], pred["masks"], NAMES, ax=ax,
        )  # fmt: skip
        assert [text.get_text() for text in ax.texts] == ["0.95 / 0.95"]

    def test_display_images_and_top_masks(self, shown):
        result = result_of((20, 30, 60, 90), (5, 5, 15, 20))
        visualize.display_images([image_of(), image_of()[..., 0]], ["one", "two"])
        visualize.display_top_masks(image_of(), result["masks"], result["class_ids"], NAMES)
        assert [ax.get_title() for ax in shown[0].axes] == ["one", "two"]
        assert [ax.get_title() for ax in shown[1].axes] == ["H x W = 80 x 120", "pumpkin", "gourd"]

    @pytest.mark.parametrize("kind", [bool, np.uint8, np.float32])
    def test_top_masks_come_by_area_without_empty_classes(self, shown, kind):
        boxes = [(0, 0, 4, 5), (0, 0, 0, 0), (10, 10, 30, 40), (40, 40, 50, 50)]
        masks = result_of(*boxes)["masks"].astype(kind)
        class_ids = np.array([1, 2, 3, 3], np.uint8)
        visualize.display_top_masks(image_of(), masks, class_ids, ["BG", "small", "empty", "large"])
        axes = shown[0].axes
        assert [ax.get_title() for ax in axes] == ["H x W = 80 x 120", "large", "small"]
        large = axes[1].images[0].get_array()
        assert (large[20, 20], large[45, 45], large[0, 0]) == (1, 2, 0)  # a number an instance

    def test_draw_rois(self, shown):
        rois = np.array([[10, 10, 40, 40], [20, 50, 60, 90]])
        masks = np.ones((2, 28, 28), np.float32)
        visualize.draw_rois(image_of(), rois, rois + 2, masks, np.array([1, 0]), NAMES)
        (ax,) = shown[0].axes
        assert ax.get_title() == "2 ROIs, 1 of them positive"
        assert [text.get_text() for text in ax.texts] == ["pumpkin"]
        painted = ax.images[0].get_array()
        assert (painted[12:38, 12:38] != 100).any(axis=2).all() and (painted[20:60, 50:90] == 100).all()

    def test_draw_box(self):
        image = visualize.draw_box(image_of(), (10, 20, 30, 60), (1, 2, 3))
        assert (image[10:12, 20:60] == (1, 2, 3)).all() and (image[10:30, 20:22] == (1, 2, 3)).all()
        assert (image[15:25, 25:55] == 100).all()

    def test_draw_boxes(self):
        ax = _figure(400, 300).add_axes((0, 0, 1, 1))
        boxes = np.array([[10, 10, 40, 40], [0, 0, 0, 0], [20, 50, 60, 90]])
        masks = np.zeros((80, 120, 3), bool)
        visualize.draw_boxes(
            image_of(), boxes, boxes + 1, masks, captions=["a", "b", "c"], visibilities=[0, 1, 2], ax=ax
        )
        assert [patch.get_linestyle() for patch in ax.patches] == ["dashed", "solid", "solid", "solid"]
        assert [text.get_text() for text in ax.texts] == ["a", "b", "c"]

    def test_plots(self):
        import matplotlib.pyplot as plt

        visualize.plot_precision_recall(0.5, np.array([1, 0.5, 0]), np.array([0, 0.5, 1]))
        assert plt.gca().get_title() == "AP@50 = 0.500"
        overlaps = np.array([[0.9, 0.0], [0.1, 0.6]])
        visualize.plot_overlaps(np.array([1, 2]), np.array([1, 1]), [0.9, 0.8], overlaps, NAMES)
        labels = [text.get_text() for text in plt.gcf().axes[0].texts]
        assert labels == ["0.900\nmatch", "0.000\n", "0.100\n", "0.600\nwrong"]

    def test_display_table_without_a_notebook(self, capsys, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "IPython.display", None)
        visualize.display_table([["a", 1], ["b", 2]])
        assert capsys.readouterr().out == "a\t1\nb\t2\n"

    def test_weights_of_a_model(self, capsys, monkeypatch):
        import keras

        class Holder:
            keras_model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="top")])

        Holder.keras_model.layers[0].kernel.assign(np.zeros((3, 2)))
        monkeypatch.setitem(__import__("sys").modules, "IPython.display", None)
        visualize.display_weight_stats(Holder)
        assert "top/kernel *** dead?\t(3, 2)\t+0.0000\t+0.0000\t+0.0000" in capsys.readouterr().out
        visualize.display_weight("top/bias", Holder)
