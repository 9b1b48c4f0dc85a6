"""From the settings of a command to opened data: which format, which splits, which classes."""

from dataclasses import dataclass
from pathlib import Path

from mrcnn.datasets import FORMATS, recognition, set_aside, splits
from mrcnn.datasets.annotated import Options
from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.formats import find_format, open_dataset
from mrcnn.datasets.recognition import AUTO
from mrcnn.screen import show
from pumpkin.calls import typed


@dataclass(frozen=True)
class Opened:
    """The data of a run. splits: {split: Dataset}. choice: the set_aside.Choice, if one was made."""

    splits: dict
    choice: object = None


def open_data(config, names=("train", "val"), share=None, choice=None, report=show):
    """Open the splits of a data set; set LAYOUT and CLASSES of the config to what was found.

    names: of the splits to open if they exist; the first must. share: of the images to set aside if there is
    no validation split; None takes VAL_SHARE. choice: the Choice of an earlier run, which is used instead.
    report: called with each line to print; the first says what was read.
    Raises DatasetError.
    """
    layout, lines = find_layout(config)
    classes = list(config.CLASSES) if config.is_set("CLASSES") else None
    options = options_of(config)
    found = splits.open_splits(layout, config.DATASET, classes, names, lines.append, options)
    report(splits.read_as(layout, list(found.values())))
    _set(config, LAYOUT=layout, CLASSES=splits.names_of(found[names[0]]))
    if "val" in names and "val" not in found:
        share = config.VAL_SHARE if share is None else share
        found, choice = _divided(found, share, config.SEED, choice, lines.append)
    else:
        choice = None
    for line in lines:
        report(line)
    return Opened(found, choice)


def options_of(config):
    """Return the Options for annotation files that a config names."""
    return Options(config.IMAGES, config.CLASS_ATTRIBUTE)


def find_layout(config):
    """Return the layout of a config's data set and lines about it. Raises DatasetError."""
    root = Path(config.DATASET)
    if not root.exists() and (config.LAYOUT == AUTO or config.LAYOUT in FORMATS):
        raise DatasetError(_nothing_there(config))
    return recognised(root) if config.LAYOUT == AUTO else (config.LAYOUT, [])


def recognised(root):
    """Return the likeliest layout of a path, and a line on others that it may have. Raises DatasetError."""
    layout, *others = recognition.recognise(root)
    titles = [f"{recognition.title_of(other)} (--set LAYOUT={other})" for other in others]
    return layout, [f"It may also be read as {', '.join(titles)}"] if others else []


def _nothing_there(config):
    root = config.DATASET
    told = f"{root}: there is no such file or folder."
    if config.source_of("DATASET") in ("the command line", "--dataset"):
        return told
    return (
        f"{told} Download Open Images with `{typed('download')} --classes "
        f"{' '.join(config.CLASSES)} --dataset {root}`, or render scenes with "
        f"`{typed('synthetic')} --out {root} --train 200 --val 40`."
    )


def _set(config, **values):
    """Set what the data say, with the data set as the origin of the values."""
    config.update(values, source=str(config.DATASET))


def _divided(found, share, seed, choice, report):
    """Return the splits with a part of the first one for validation, if there can be one, and the Choice."""
    first, *others = found
    if choice is None and not share:
        return found, None
    if choice is None:
        choice = set_aside.choose(found[first], share, seed)
        if choice is None:
            why = "there is only one" if found[first].num_images == 1 else "all of them look alike"
            report(f"No image is set aside for validation: {why}")
            return found, None
        total = len(choice.train) + len(choice.val)
        how = f"VAL_SHARE {share}, SEED {seed}"
        report(f"Set aside for validation: {len(choice.val)} of {total} images ({how})")
    train, val = set_aside.apply(found[first], choice, report)
    if train is None:
        raise DatasetError("none of the images that the run trained on is in the data set any more.")
    parts = {first: train} if val is None else {first: train, "val": val}
    return {**parts, **{name: found[name] for name in others}}, choice


def open_for_evaluation(config, split, weights, dataset=None, images=None, report=show):
    """Open a split to evaluate a model on; return the Dataset, whose classes are the config's.

    config: of the weights. weights: their path; a run's folder may hold its choice of images. dataset,
    images: the data set and the folder of its images, if they are not the run's.
    Raises DatasetError, also if no class is in common.
    """
    same = dataset is None or Path(dataset).resolve() == Path(config.DATASET).resolve()
    if not same:
        if config.source_of("LAYOUT") == str(weights) and not _is_read_by(config.LAYOUT, Path(dataset)):
            config.update({"LAYOUT": AUTO})
        config.update({"DATASET": str(dataset), "IMAGES": None}, source="--dataset")
    if images is not None:
        config.update({"IMAGES": str(images)}, source="--images")
    layout, lines = find_layout(config)
    config.update({"LAYOUT": layout})
    found = _evaluated(config, split, Path(weights).parent, same, lines.append)
    report(splits.read_as(layout, [found]))
    for line in [*lines, *_classes_lines(found, config)]:
        report(line)
    return found


def _is_read_by(layout, root):
    """Return whether a layout is a user's own class, or recognises a path that exists."""
    return layout not in FORMATS or (root.exists() and find_format(layout).recognises(root))


def _evaluated(config, split, folder, same, report):
    """Return the Dataset of a split: the data's own, a run's choice, or all images of data without splits."""
    root, layout = Path(config.DATASET), config.LAYOUT

    def opened(part):
        return open_dataset(layout, root, part, list(config.CLASSES), options_of(config), strict=False)

    present = find_format(layout).splits(root, options_of(config))
    choice = set_aside.Choice.read(folder)
    is_part = split in ("train", "val") and "val" not in (present or ())
    if choice and is_part and (not present or "train" in present):
        whole = opened(None if present == [] else "train")
        known, keys = {*choice.train, *choice.val}, set(set_aside.keys_of(whole))
        if same or keys == known:  # its data, perhaps in another place
            report(f"The {split} images are those of {folder / set_aside.FILE}")
            return _part(set_aside.apply(whole, choice, report), split, root)
        trained = len(keys & set(choice.train))
        if trained:
            report(f"{trained} of its {len(keys)} images have names of images that the run trained on")
    if present == []:
        report(f"{root} has no splits, so all images are used")
    elif present is not None and split not in present:
        raise DatasetError(f"{root}: no split {split!r}; it holds {', '.join(present)}.")
    return opened(None if present == [] else split)


def _part(parts, split, root):
    part = parts[0 if split == "train" else 1]
    if part is None:
        raise DatasetError(f"{root}: none of the {split} images of the run is in it.")
    return part


def _classes_lines(dataset, config):
    """Return a line if model and data have different classes. Raises DatasetError if none is in common."""
    if dataset.known_classes is None:
        return []
    ours, theirs = list(config.CLASSES), list(dataset.known_classes)
    common = [name for name in ours if name in theirs]
    if not common:
        raise DatasetError(
            f"{config.DATASET}: has the classes {', '.join(theirs)}, and the model {', '.join(ours)}; none "
            "is in common, so there is nothing to evaluate."
        )
    lacking = [name for name in ours if name not in theirs]
    unknown = [name for name in theirs if name not in ours]
    if not lacking and not unknown:
        return []
    words = [f"Scored are the classes in common: {', '.join(common)}"]
    words += [f"the data lack {', '.join(lacking)}"] if lacking else []
    words += [f"the model does not know {', '.join(unknown)}"] if unknown else []
    return ["; ".join(words)]
