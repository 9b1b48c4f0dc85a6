"""The renderer of pumpkin scenes: same bytes, true masks, honest layout."""

import json
import re

import cv2
import numpy as np
import pytest
from PIL import Image

from pumpkin.commands.synthetic import main
from pumpkin.synthetic import (
    SyntheticError,
    contact_sheet,
    generate,
    layout,
    lookalikes,
    pumpkins,
    render_scene,
    scene_seed,
)
from pumpkin.synthetic.folder import image_id
from pumpkin.synthetic.lighting import Occluder, sunlight
from pumpkin.synthetic.noise import ring_field
from pumpkin.synthetic.scene import MIN_VISIBLE_AREA, OVERLAPPED, see
from pumpkin.synthetic.solids import TABLE, Solid
from pumpkin.synthetic.view import Light, View

SMALL = 96  # longer side of the scenes here


@pytest.fixture(scope="module")
def scenes():
    return [render_scene(scene_seed(7, "train", k), SMALL) for k in range(70)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("scenes") / "data"
    manifest = generate(out, {"train": 6, "val": 3}, seed=7, size=SMALL, workers=1, progress=False)
    return out, manifest


@pytest.fixture
def view():
    light = Light((0.6, 0.64, -0.48), (1, 1, 1), (0.5, 0.5, 0.5), 0.2)
    return View(160, 200, 0.4, -400.0, 140.0, 1.0, light)


def _files(out):
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}


def _pixels(path):
    with Image.open(path) as image:
        return np.array(image)


def test_bytes_do_not_depend_on_the_number_of_workers(folder, tmp_path):
    generate(tmp_path / "again", {"train": 6, "val": 3}, seed=7, size=SMALL, workers=2, progress=False)
    assert _files(tmp_path / "again") == _files(folder[0])


def test_a_scene_does_not_depend_on_the_others(folder, tmp_path):
    generate(tmp_path / "fewer", {"train": 2}, seed=7, size=SMALL, workers=1, progress=False)
    images = [name for name in _files(tmp_path / "fewer") if name.endswith((".jpg", ".png"))]
    assert images
    assert all((tmp_path / "fewer" / n).read_bytes() == (folder[0] / n).read_bytes() for n in images)


def test_another_seed_gives_other_scenes(scenes):
    other = render_scene(scene_seed(8, "train", 0), SMALL)
    assert other.image.shape != scenes[0].image.shape or (other.image != scenes[0].image).any()


def test_layout(folder):
    out, manifest = folder
    images, masks = set(), []
    for name in _files(out):
        if name == "synthetic.json":
            continue
        found = re.fullmatch(
            r"(train|val)/pumpkin/(?:([0-9a-f]{16})\.jpg|masks/([0-9a-f]{16})_m05zsy_([0-9a-f]{8})\.png)",
            name,
        )
        assert found, name
        split, image, of, box = found.groups()
        images.add((split, image)) if image else masks.append((split, of, box))
    assert len(images) == 9
    assert {(split, of) for split, of, _ in masks} <= images
    assert len(masks) == len(set(masks)) == manifest["summary"]["pumpkins"]
    assert ("train", image_id(7, "train", 0)) in images


def test_masks_fit_their_image_and_never_overlap(folder):
    out, _ = folder
    other_size = 0
    for image in sorted(out.glob("*/pumpkin/*.jpg")):
        height, width = _pixels(image).shape[:2]
        total = None
        for path in sorted((image.parent / "masks").glob(f"{image.stem}_*.png")):
            mask = _pixels(path)
            assert mask.dtype == bool
            assert mask.any()
            assert abs((mask.shape[1] / mask.shape[0]) / (width / height) - 1) < 0.01
            total = mask.astype(int) if total is None else total + mask
        if total is not None:
            assert total.max() == 1
            other_size += total.shape != (height, width)
    assert other_size >= 4


def test_images_have_many_shapes_and_light(scenes):
    assert all(max(s.image.shape) == SMALL and s.image.dtype == np.uint8 for s in scenes)
    assert len({s.image.shape for s in scenes}) > 15
    assert any(s.image.shape[0] > s.image.shape[1] for s in scenes)
    assert all(25 < s.image.mean() < 200 and s.image.std() > 10 for s in scenes)


def test_from_one_to_a_dozen_pumpkins_and_some_scenes_without(scenes):
    counts = [len(s.hidden) for s in scenes]
    assert min(counts) == 0
    assert 6 <= max(counts) <= 12
    assert 0 < counts.count(0) <= 8


def test_each_mask_is_the_seen_part_of_its_pumpkin(scenes):
    for scene in scenes:
        instances = np.unique(scene.labels[scene.labels > 0])
        assert instances.tolist() == list(range(1, len(scene.hidden) + 1))
        half = scene.masks(scene.image.shape[:2])
        for k, mask in zip(instances, half):
            canvas = scene.labels == k
            assert canvas.sum() >= 4 * MIN_VISIBLE_AREA
            # the mask is the canvas's silhouette at half size: equal but for the edge
            grown = np.kron(mask, np.ones((2, 2), bool))
            inner = cv2.erode(canvas.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
            outer = cv2.dilate(canvas.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
            assert (grown | ~inner).all()
            assert (outer | ~grown).all()


def test_masks_lie_on_their_pumpkins(scenes):
    """Most pumpkins are warmer than what lies just round them."""
    warmer = []
    for scene in scenes:
        shape = scene.image.shape[:2]
        warmth = scene.image[..., 0].astype(float) - scene.image[..., 2]
        occupied = np.any(scene.masks(shape), axis=0) if scene.hidden else None
        for mask in scene.masks(shape):
            around = (cv2.dilate(mask.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0) & ~occupied
            if around.any():
                warmer.append(warmth[mask].mean() > warmth[around].mean())
    assert np.mean(warmer) > 0.75


def test_share_of_overlapped_pumpkins(scenes):
    hidden = np.array([share for s in scenes for share in s.hidden])
    assert 0.08 <= (hidden >= OVERLAPPED).mean() <= 0.40
    assert hidden.max() < 0.9
    assert sum(s.touching() for s in scenes) > 10


def test_heavy_clumps_overlap_more(scenes):
    heavy = [
        share for k in range(12) for share in render_scene(scene_seed(7, "test", k), SMALL, "heavy").hidden
    ]
    normal = [share for s in scenes for share in s.hidden]
    assert np.mean(np.array(heavy) >= OVERLAPPED) > 1.5 * np.mean(np.array(normal) >= OVERLAPPED)


def test_a_nearer_pumpkin_hides_a_farther_one():
    """Labels count from the nearest: adding farther things never takes a pixel from a nearer one."""
    rng = np.random.default_rng(3)
    style = layout.STYLES["heavy"][0]
    view = layout.random_view(rng, SMALL, style, 30, indoors=False)
    items = layout.arrange(rng, view, style, 30, False, np.random.SeedSequence(3))
    items = sorted((i for i in items if i.thing.is_pumpkin), key=lambda item: -item.y)
    assert len(items) >= 4
    _, labels, _ = see(view, items)
    for count in range(1, len(items)):
        _, fewer, _ = see(view, items[:count])
        near = fewer > 0
        assert (labels[near] == fewer[near]).all()


def test_a_look_alike_hides_pumpkins_and_has_no_mask(view):
    pumpkin = pumpkins.grow(np.random.default_rng(1), np.random.SeedSequence(1))
    ball = lookalikes.Ball(Solid(), lambda rng, hits: (hits.normal, hits.depth), pumpkin.seed)
    far, near = layout.Item(pumpkin, 100.0, 90.0, 30.0), layout.Item(ball, 100.0, 112.0, 20.0)
    alone, both = see(view, [far]), see(view, [far, near])
    (_, sprite), _ = both[0]
    assert alone[2] == (0.0,)
    assert 0.1 < both[2][0] < 0.9
    assert set(np.unique(both[1])) == {0, 1}
    assert not both[1][sprite.rows, sprite.columns].any()
    seen = (both[1] == 1).sum() / (alone[1] == 1).sum()
    assert both[2][0] == pytest.approx(1 - seen)


def test_a_pumpkin_that_can_hardly_be_seen_is_left_out(view):
    pumpkin = pumpkins.grow(np.random.default_rng(1), np.random.SeedSequence(1))
    far, near = layout.Item(pumpkin, 100.0, 100.0, 15.0), layout.Item(pumpkin, 100.0, 120.0, 60.0)
    pieces, labels, hidden = see(view, [far, near])
    assert [item for item, _ in pieces] == [near]
    assert labels.max() == 1
    assert hidden == (0.0,)


def test_a_plain_solid_is_a_ball(view):
    hits = Solid().march(view, 40.0, (0.0, 0.0))
    assert hits.depth.size == pytest.approx(np.pi * 40**2, rel=0.01)
    place = np.stack([hits.right, hits.up, hits.depth])
    assert np.allclose(np.linalg.norm(place, axis=0), 40, atol=0.2)
    axes = np.stack([view.right, view.up, view.forward], axis=1)
    assert np.allclose(hits.normal, axes @ place / 40, atol=0.02)
    assert hits.depth.max() < 3  # only the side that looks at the camera


def test_lobes_have_creases_between_crests(view):
    angle = np.linspace(-np.pi, np.pi, TABLE)
    groove = (0.5 - 0.5 * np.cos(8 * angle)).astype(np.float32)
    lobed = Solid(depth=np.full(TABLE, 0.1, np.float32), groove=groove).march(view, 40.0, (0.0, 0.0))
    radius = np.sqrt(lobed.right**2 + lobed.up**2 + lobed.depth**2) / 40
    assert radius.min() == pytest.approx(0.9, abs=0.01)
    assert radius.max() == pytest.approx(1.0, abs=0.01)
    off_axis = lobed.cosine < 0.99  # on the axis itself all lobes meet
    assert np.allclose(radius[off_axis], 1 - 0.1 * lobed.crease[off_axis], atol=0.01)


def test_silhouettes_have_no_holes(view):
    """Rays that graze one lobe still find the lobe behind it."""
    for k in range(12):
        thing = pumpkins.grow(np.random.default_rng(k), np.random.SeedSequence(k))
        hits = thing.solid.march(view, 60.0, (0.0, 0.0))
        cover = np.zeros((160, 160), np.uint8)
        cover[80 - hits.up.astype(int), 80 + hits.right.astype(int)] = 1
        assert cv2.connectedComponents(1 - cover, connectivity=4)[0] == 2  # a label for the solid, one around
        assert cv2.connectedComponents(cover)[0] == 2


def test_shadow_falls_away_from_the_light():
    light = Light((0.6, 0.8, 0.0), (1, 1, 1), (0.5, 0.5, 0.5), 0.1)
    ball = Occluder(np.array([0, 10, 0], np.float32), np.array([10, 10, 10], np.float32))
    # the ray through the middle of the ball meets the ground 7.5 to its left
    points = np.array([[-7.5, 7.5, 40.0], [0, 0, 0], [0, 0, 0]], np.float32)
    assert sunlight(points, light, [ball]).tolist() == pytest.approx([0, 1, 1], abs=1e-3)


def test_ring_field_has_no_seam():
    field = ring_field(np.random.default_rng(0), (32, 128), (4, 8))
    steps = np.abs(np.diff(np.concatenate([field, field[:, :1]], axis=1), axis=1))
    assert steps[:, -1].max() <= steps[:, :-1].max()
    assert 0.5 < field.std() < 1.5


def test_same_arguments_do_nothing(folder):
    out, manifest = folder
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*")}
    assert generate(out, {"train": 6, "val": 3}, seed=7, size=SMALL, progress=False) == manifest
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*")} == before


def test_overwrite_replaces_own_files_only(tmp_path):
    out = tmp_path / "data"
    generate(out, {"train": 2}, seed=1, size=64, workers=1, progress=False)
    with pytest.raises(SyntheticError, match="--overwrite"):
        generate(out, {"train": 1}, seed=2, size=64, workers=1, progress=False)
    note = out / "notes.txt"
    note.write_text("mine")
    generate(out, {"train": 1}, seed=2, size=64, workers=1, overwrite=True, progress=False)
    assert [p.stem for p in (out / "train" / "pumpkin").glob("*.jpg")] == [image_id(2, "train", 0)]
    assert note.read_text() == "mine"
    foreign = out / "train" / "pumpkin" / "holiday.jpg"
    foreign.write_bytes(b"mine")
    with pytest.raises(SyntheticError, match=r"holiday\.jpg was not made by this renderer"):
        generate(out, {"train": 2}, seed=2, size=64, workers=1, overwrite=True, progress=False)
    assert foreign.read_bytes() == b"mine"


def test_changed_or_unfinished_folders_are_noticed(tmp_path):
    out = tmp_path / "data"
    generate(out, {"train": 1}, seed=1, size=64, workers=1, progress=False)
    image = next((out / "train" / "pumpkin").glob("*.jpg"))
    image.write_bytes(b"")
    with pytest.raises(SyntheticError, match="other bytes"):
        generate(out, {"train": 1}, seed=1, size=64, workers=1, progress=False)
    manifest = json.loads((out / "synthetic.json").read_text())
    (out / "synthetic.json").write_text(json.dumps({**manifest, "complete": False}))
    with pytest.raises(SyntheticError, match="did not finish"):
        generate(out, {"train": 1}, seed=1, size=64, workers=1, progress=False)
    generate(out, {"train": 1}, seed=1, size=64, workers=1, overwrite=True, progress=False)
    assert image.stat().st_size > 0


def test_a_folder_of_others_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(SyntheticError, match="did not make"):
        generate(tmp_path, {"train": 1}, seed=0, size=64, overwrite=True, progress=False)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--train", "-1"], "--train must be 0 to 1,000,000 scenes, got -1"),
        ([], "There are no scenes to render"),
        (["--train", "1", "--size", "20"], "must be 64 to 2048 pixels, got 20"),
        (["--train", "1", "--seed", "-3"], "--seed must be 0 or more, got -3"),
        (["--train", "1", "--workers", "0"], "--workers must be 1 or more, got 0"),
    ],
)
def test_bad_arguments(tmp_path, capsys, arguments, message):
    assert main(["--out", str(tmp_path / "data"), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_command_line_writes_scenes_and_a_sheet(tmp_path, capsys):
    sheet = tmp_path / "pictures" / "sheet.png"
    arguments = [
        "--out",
        str(tmp_path / "data"),
        "--val",
        "3",
        "--seed",
        "4",
        "--size",
        "64",
        "--workers",
        "1",
    ]
    assert main([*arguments, "--sheet", str(sheet)]) == 0
    assert re.search(r"3 images \(\d without a pumpkin\), \d+ pumpkins", capsys.readouterr().out)
    assert _pixels(sheet).shape[1] == 3 * 275


def test_unknown_split(tmp_path):
    with pytest.raises(SyntheticError, match="Unknown split 'validation'"):
        generate(tmp_path / "data", {"validation": 1}, seed=0)


def test_contact_sheet_wants_images(tmp_path):
    with pytest.raises(ValueError, match=r"holds no \.jpg image"):
        contact_sheet(tmp_path, "train", 4, tmp_path / "sheet.png")
