"""Write crowds, labels, the manifest and attributions after the files are fetched."""

import csv
import io

from pumpkin.openimages import catalog, files, layout
from pumpkin.openimages.errors import Absent
from pumpkin.openimages.tables import Table

_AUTHORS = ("ImageID", "Author", "AuthorProfileURL", "License", "OriginalLandingURL", "Title")


def annotation_files(plan, places, sizes, masks):
    """Return {path: bytes} of the crowds and labels files of a download.

    places: Layout. sizes: {(split, image id): (width, height)}. masks: {split: names of masks}.
    """
    box_ids = {}
    for mask in plan.masks:
        if mask.member.name in masks.get(mask.split, ()):
            box_ids.setdefault((mask.split, mask.image_id, mask.mid), set()).add(mask.box_id)
    shown = {(image.split, image.image_id, mid) for image in plan.images for mid in image.mids}
    texts = {}
    for (split, image_id, mid), boxes in plan.boxes.items():
        if (split, image_id) not in sizes:
            continue
        one = plan.choice.class_of(mid)
        crowds = boxes.crowds(box_ids.get((split, image_id, mid), set()))
        if crowds:
            texts[places.crowds(split, one, image_id)] = layout.crowds_text(crowds)
        if plan.choice.labels and (split, image_id, mid) in shown:
            size = sizes[split, image_id]
            texts[places.labels(split, one, image_id)] = layout.labels_text(one, boxes.boxes, *size)
    return texts


def write_annotations(plan, places, outcome):
    """Write crowds and labels and remove the crowds of an earlier choice; return {path: bytes}."""
    sizes = {key: (facts.width, facts.height) for key, facts in outcome.images.items()}
    texts = annotation_files(plan, places, sizes, outcome.masks)
    for path, data in texts.items():
        files.write_if_other(path, data)
    for image in plan.images:
        for one in plan.choice.classes:
            path = places.crowds(image.split, one, image.image_id)
            if plan.choice.crowds.get(image.split) and path not in texts:
                path.unlink(missing_ok=True)
    return texts


def count_regions(texts):
    """Count the crowd regions in {path: bytes} of crowds and labels files."""
    return sum(data.count(b"\n") - 1 for path, data in texts.items() if path.suffix == ".csv")


def write_manifest(plan, places, outcome):
    """Write manifest.json: size, pixels and hash of each image and mask, and the area of each mask."""
    images, masks = [], []
    for image in plan.images:
        facts = outcome.images.get(image.key)
        for mid in image.mids if facts else ():
            path = places.image(image.split, plan.choice.class_of(mid), image.image_id)
            images.append({"file": path.relative_to(places.root).as_posix(), **vars(facts)})
    for mask in plan.masks:
        facts = outcome.masks[mask.split].get(mask.member.name)
        if facts:
            path = places.mask(mask.split, plan.choice.class_of(mask.mid), mask.member.name)
            masks.append({"file": path.relative_to(places.root).as_posix(), **vars(facts)})
    left_out = {**plan.left_out, **plan.refused, **outcome.left_out, **outcome.damaged}
    content = {
        "images": images,
        "masks": masks,
        "left_out": left_out,
        "missing": sorted({*plan.missing, *plan.missing_sources, *outcome.missing}),
    }
    files.write_if_other(places.manifest, files.to_json(content))


def attribution_table(client, bases, plan, places, split):
    """Return the Table of authors of a split's images."""
    ids = {image.image_id for image in plan.images if image.split == split}
    path, folder = catalog.attribution_path(split), places.metadata / "rows"
    name = f"{split}-authors.csv"
    # Titles and names are free text, of which a faulty one should not take all others with it.
    return Table(client, bases.file(path), path, folder, name, _AUTHORS, ids, rare=False, lenient=True)


def write_attribution(client, bases, plan, places, progress):
    """Write attribution.csv: author, licence and source of each image.

    Record in the plan, as missing sources, absent tables and images without a row.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("Split", *_AUTHORS))
    for split in plan.choice.splits:
        table = attribution_table(client, bases, plan, places, split)
        try:
            rows, _ = table.fetch(progress.bytes)
            rows = [(image_id.strip().lower(), *row) for image_id, *row in rows]
        except Absent:
            plan.missing_sources.append(table.path)
            continue
        writer.writerows((split, *row) for row in sorted(rows))
        lost = {image.image_id for image in plan.images if image.split == split} - {row[0] for row in rows}
        plan.missing_sources += [f"{table.path}: the row of {image_id}" for image_id in sorted(lost)]
        if lost:
            table.forget()  # another run may find them
    files.write_if_other(places.attribution, text.getvalue().encode())


def strangers(plan, places, annotations):
    """Return the files in the folder that are not part of this download, as sorted paths.

    annotations: paths of its crowds and labels files.
    """
    own = set(annotations)
    for image in plan.images:
        for mid in image.mids:
            own.add(places.image(image.split, plan.choice.class_of(mid), image.image_id))
    for mask in plan.masks:
        own.add(places.mask(mask.split, plan.choice.class_of(mask.mid), mask.member.name))
    return sorted(places.present() - own)
