"""The steps of the command train: settings and data first, then weights and network, then training."""

import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pumpkin
from mrcnn import startup
from mrcnn.backbones import find as find_backbone
from mrcnn.config import Config, ConfigError
from mrcnn.datasets import check, formats
from mrcnn.datasets.check import Report
from mrcnn.datasets.errors import DatasetError
from mrcnn.datasets.images import ImageError
from mrcnn.datasets.set_aside import Choice
from mrcnn.files import is_disk_full, write_text
from mrcnn.pipeline.loading import load_masks
from mrcnn.screen import show
from mrcnn.training.errors import Interrupted, RunError
from mrcnn.training.run import Run, checkpoints
from mrcnn.training.stages import check_for_training, scale_stages
from mrcnn.training.state import newest_state
from mrcnn.weights.errors import WeightsError
from pumpkin import default_config, earlier_runs, minutes, recipe_file
from pumpkin.calls import typed
from pumpkin.config import load_config, parse_settings
from pumpkin.data import Opened, open_data
from pumpkin.ending import sentence
from pumpkin.interrupts import STOPPED, end_in_order
from pumpkin.models import fetch_weights, find_weights
from pumpkin.options import data_settings

SPECIAL_WEIGHTS = ("coco", "imagenet", "last", "none")


@dataclass
class Job:
    """The work of one call of the command train.

    config: the run's. weights: the initial weights, as for find_start. folder: that of the run to resume;
    None makes a new one in ``out``. old: the facts of the run to resume or repeat. reproduces: the folder of
    the run to repeat. extended: a text on added epochs. check: whether to check the data first. choice: the
    images that the run to resume or repeat set aside. by_recipe: whether the default recipe completes the
    config. epochs: those that the recipe is scaled to. notes: lines to print after the one on the data.
    data: the Opened data, once they are open. recipe: the Recipe, once there is one. checked:
    the result of the data check, once it is done. report: whether to write a page when the training ends.
    minutes: that the training may take, or None. begun: when the work began, by time.monotonic.
    """

    config: object
    weights: str
    skip_bad: bool = False
    out: str = "runs"
    folder: Path | None = None
    old: dict | None = None
    reproduces: Path | None = None
    extended: str | None = None
    force: bool = False
    check: bool = False
    choice: Choice | None = None
    by_recipe: bool = False
    epochs: int | None = None
    notes: tuple = ()
    data: Opened | None = None
    recipe: recipe_file.Recipe | None = None
    checked: Report | None = None
    report: bool = True
    minutes: float | None = None
    begun: float = field(default_factory=time.monotonic)


def job_of(args, report=show):
    """Return the Job that the options of the command train describe. Raises ConfigError and RunError."""
    if args.resume:
        job = resume_job(args, report)
    else:
        job = reproduce_job(args, report) if args.reproduce else new_job(args)
    job.report = not args.no_report
    return job


def resume_job(args, report=show):
    """Return the job of ``--resume``."""
    folder, config, facts = earlier_runs.read_run(
        args.resume, args.out, parse_settings(args.set), _moved(args), report
    )
    extended = earlier_runs.extend(config, args.epochs)
    return Job(
        config, _start_of(facts), facts["options"]["skip_bad"], args.out, folder=folder, old=facts,
        reproduces=facts.get("reproduces"), extended=extended, force=args.force, choice=Choice.read(folder),
    )  # fmt: skip


def reproduce_job(args, report=show):
    """Return the job of ``--reproduce``."""
    folder, config, facts = earlier_runs.read_run(
        args.reproduce, args.out, parse_settings(args.set), _moved(args), report
    )
    earlier_runs.finished_result(folder, facts)
    return Job(
        config, _start_of(facts), facts["options"]["skip_bad"], args.out, old=facts, reproduces=folder,
        choice=Choice.read(folder),
    )  # fmt: skip


def new_job(args):
    """Return the job of ``--weights``."""
    by_recipe, notes = args.config is None, []
    epochs = None if by_recipe else args.epochs
    config = settings(args.config, args.set, epochs, notes.append, **options_in(args))
    if by_recipe and args.epochs is not None:
        scale_stages(config.STAGES, args.epochs)  # raises for too few before data are read
    return Job(
        config, args.weights, args.skip_bad, args.out, check=not args.no_check, by_recipe=by_recipe,
        epochs=args.epochs if by_recipe else None, notes=tuple(notes), minutes=args.minutes,
    )  # fmt: skip


def options_in(args):
    """Return the settings that have an option of their own on the command line; None for unused ones."""
    return {"SEED": args.seed, "VAL_SHARE": args.val_share, **data_settings(args)}


def _moved(args):
    """Return the settings on the new place of a run's data, if they were moved."""
    places = {"DATASET": args.dataset, "IMAGES": args.images}
    return {name: place for name, place in places.items() if place is not None}


def _start_of(facts):
    """Return a run's initial weights for find_start: a name that still means the same file, or a path."""
    weights = facts["weights"]
    return weights["name"] if weights["name"] in ("coco", "imagenet", "none") else weights.get("file")


def preview(args, report=show):
    """Do ``--preview`` and ``--preview-presets`` of the training that the other options describe.

    Returns the exit code. Raises ConfigError, RunError, DatasetError and ImageError.
    """
    job = job_of(args, report)
    dataset = _open(job, report).splits["train"]
    startup.start()  # the loader is a Keras dataset

    from mrcnn.datasets.preview import write_presets, write_preview

    if args.preview:
        count = write_preview(dataset, job.config, args.preview, skip_bad=job.skip_bad)
        report(f"The first {count} images of a training: {args.preview}")
    if args.preview_presets:
        names = write_presets(dataset, job.config, args.preview_presets, skip_bad=job.skip_bad)
        report(f"The same images under {', '.join(names)}: {args.preview_presets}")
    return 0


def train(job, log):
    """Do a job and return the exit code. log: a Log. Raises the errors of driver.train, and RunError."""
    if job.folder is not None:
        log.write_to(job.folder / "train.log")
    opened = _open(job, log.report).splits
    splits = opened["train"], opened.get("val")
    if job.check:
        check_data(*splits, job, log.report)
    state = None if job.folder is None else newest_state(job.folder, log.report)
    start = None if state is not None else find_start(job.weights, job.config, job.out)
    _start_backend(job, log.report)
    hashes = _hashes(splits)
    if job.minutes is not None:
        _fit_minutes(job, splits, start, log.report)
    facts = _ingredients(job, hashes, start, state)
    log.report(_fingerprint_line(facts))
    changes = _compare(job, facts, log.report)
    if state is not None and _is_done(job, state):
        from mrcnn.training.checkpoint import Checkpoint

        log.report(
            f"Nothing is left to train: {state.epoch} epochs are complete. --epochs N extends the run."
        )
        run = _open_run(job, facts, changes, state)
        if "Checkpoint" in state.facts["callbacks"]:
            Checkpoint(run, save=None).restore(state.facts["callbacks"]["Checkpoint"])  # the best epoch
        return _finish(job, run, log.report, anew=False)

    from mrcnn.model import MaskRCNN
    from mrcnn.training import driver

    model = MaskRCNN("training", job.config, job.out)
    data = _training_data(job, splits)
    driver.check(model, data, job.config.STAGES)  # before the run's folder is made
    if state is None:
        load_start(model, start, log.report)
    run = _open_run(job, facts, changes, state)
    log.write_to(run.folder / "train.log")
    log.report(f"Run: {run.folder}{_where(state)}")
    end_in_order()
    try:
        with run.starting():
            driver.train(model, data, run, report=log.report, state=state, keep_state=True)
    except KeyboardInterrupt as interrupt:
        what = "is saved" if isinstance(interrupt, Interrupted) else "since the last saved state is lost"
        log.report(f"Stopped. Progress {what}. Resume with: {typed('train')} --resume {run.folder}")
        return STOPPED
    except (OSError, WeightsError) as error:
        if run.discarded or not is_disk_full(error):
            raise
        raise RunError(
            f"{sentence(error)} Make room, then resume with: {typed('train')} --resume {run.folder}"
        ) from error
    del model, data  # the page opens a network of its own
    return _finish(job, run, log.report)


def _open(job, report):
    """Open the data of a job, and complete its config by the default recipe if there is no other one.

    An earlier run without a choice trained without validation images.
    """
    share = None if job.old is None else 0
    job.data = open_for_training(job.config, share, job.choice, report)
    for line in job.notes:
        report(line)
    if job.by_recipe:
        train = job.data.splits["train"]
        job.recipe = default_config.fill(job.config, train, job.weights, job.out, job.epochs, report)
    return job.data


def _start_backend(job, report):
    """Import the backend: that of the run to resume or repeat, unless the user chose one."""
    if job.old is not None and "keras" not in sys.modules:
        os.environ.setdefault("KERAS_BACKEND", job.old["versions"]["backend"])
    startup.start(training=True, deterministic=True)

    from mrcnn import backend

    slow = backend.slow_precision(job.config.PRECISION)
    if slow:
        report(f"Note: {slow} Its option is --precision fp32.")


def _is_done(job, state):
    """Return whether a run has nothing left to train after a state."""
    total = sum(stage["epochs"] for stage in job.config.STAGES)
    return state.epoch >= total or (state.facts["stopped"] and not job.extended)


def _where(state):
    if state is None:
        return ""
    return f" resumes after {state.epoch} epochs" + (f" and {state.step} steps" if state.step else "")


def _hashes(splits):
    """Return the data_hashes of the training and the validation images; that module needs the backend."""
    from mrcnn.training.hashes import data_hashes

    return data_hashes(*splits)


def _training_data(job, splits):
    from mrcnn.training.data import TrainingData

    return TrainingData(*splits, job.config.AUGMENTATION, skip_bad=job.skip_bad)


def _fit_minutes(job, splits, start, report):
    """Set the length of a job's training, and perhaps its image size, by the speed of this machine."""
    from mrcnn.model import MaskRCNN

    def make():
        model = MaskRCNN("training", job.config, job.out)
        load_start(model, start, lambda line: None)
        return model

    end_in_order()  # measuring writes a temporary file
    learned = job.weights not in ("none", "imagenet")
    data = _training_data(job, splits)
    chosen = minutes.fit(job.config, job.minutes, job.begun, data, make, learned, job.report, report)
    if job.recipe is not None:
        job.recipe.chosen.update(chosen)


def _ingredients(job, data, start, state):
    """Return everything that decides the weights of a job, see fingerprint.ingredients."""
    from mrcnn.training import fingerprint

    if state is None:
        weights = fingerprint.start_facts(job.weights, start or job.config.BACKBONE_WEIGHTS or None)
    else:
        weights = job.old["weights"]  # the state holds the trained ones
    packages = (fingerprint.PACKAGE, Path(pumpkin.__file__).parent, *formats.source_files(job.config.LAYOUT))
    return fingerprint.ingredients(job.config, data, packages, weights, {"skip_bad": job.skip_bad})


def _fingerprint_line(facts):
    from mrcnn.training.fingerprint import fingerprint

    versions, code, data = facts["versions"], facts["code"], facts["data"]
    libraries = ", ".join(f"{name} {versions[name]}" for name in (versions["backend"], "keras"))
    return (
        f"Fingerprint: {fingerprint(facts)} (data {data['train'][:8]} and {(data['val'] or 'none')[:8]}, "
        f"code {code['sources'][:8]} at {code['commit'][:8]}, {libraries}, "
        f"seed {facts['config']['SEED']})"
    )


def _compare(job, facts, report):
    """Report differences from the run to resume or repeat; when resuming, return lines for run.json."""
    if job.old is None:
        return []
    if job.folder is None:
        from mrcnn.training.fingerprint import differences

        for difference in differences(job.old, facts):
            report(f"Differs from {job.reproduces}: {difference}")
        return []
    old = job.old
    if job.extended:  # the user asked for this difference
        old = {**old, "config": {**old["config"], "STAGES": facts["config"]["STAGES"]}}
    changes = earlier_runs.check_same(old, facts, job.force, report)
    return [*changes, job.extended] if job.extended else changes


def _open_run(job, facts, changes, state):
    """Return the Run of a job: a new one, or an existing one reset to ``state``."""
    from mrcnn.training.fingerprint import fingerprint

    if job.folder is None:
        run = Run(job.out, job.config)
        repeated = {} if job.reproduces is None else {"reproduces": str(job.reproduces)}
        with run.starting():
            run.write_settings(fingerprint=fingerprint(facts), **facts, **repeated)
            if job.data.choice is not None:
                job.data.choice.write(run.folder)
            if job.recipe is not None:
                write_text(run.folder / recipe_file.FILE, job.recipe.text())
        return run
    run = Run(job.out, job.config, job.folder)
    earlier_runs.check_can_start(run.folder, job.old, state)
    run.forget_later(*((0, 0) if state is None else (state.epoch, state.step)))
    if job.extended:
        longer = {**job.old, "config": {**job.old["config"], "STAGES": facts["config"]["STAGES"]}}
        run.note(config=longer["config"], fingerprint=fingerprint(longer))
    run.write_config()  # after run.json: if a kill falls between the two, --epochs can be given again
    earlier_runs.note_changes(run, changes, state)
    return run


def _finish(job, run, report, anew=True):
    """Record the result of a finished run, write its page and return the exit code. Raises RunError.

    anew: whether to replace a page that is there.
    """
    from mrcnn.training.hashes import weights_hash

    found = checkpoints(run.folder)
    if not found:
        raise RunError(
            f"{run.folder}: all epochs are complete, but no checkpoint is left; --epochs N extends the run "
            "and writes one."
        )
    last = max(found)
    result = {"epochs": last, "file": found[last].name, "weights": weights_hash(found[last])}
    best = run.best_epoch if run.best_epoch in found else None
    facts = run.note(result=result, best=best and {"epochs": best, "file": found[best].name})
    report(f"Weights: {found[last]}")
    if best not in (None, last):
        by_loss = job.config.BEST_BY == "loss"  # otherwise best_loss is 1 - AP
        measure = f"loss, {run.best_loss:.4g}" if by_loss else f"mask AP, {1 - run.best_loss:.3f}"
        report(f"Best by validation {measure}: {found[best]}")
    code = 0 if job.reproduces is None else earlier_runs.verdict(job.reproduces, facts, report)
    return _write_page(job, run, report, anew) or code


def _write_page(job, run, report, anew):
    """Write the page of a finished run unless it is there and not wanted ``anew``; return the exit code.

    Without a page the run is whole all the same, so an error is reported and is no failure.
    """
    from pumpkin import run_report

    there = (run.folder / run_report.FILE).exists()
    if not job.report or (there and not anew):
        return 0
    again = f"{typed('evaluate')} --weights {run.folder} --report DIR writes one"
    try:
        path = run_report.write(
            run.folder, job.config, {"val": None, **job.data.splits}, job.skip_bad, job.checked
        )  # fmt: skip
    except KeyboardInterrupt:
        report(f"Stopped. The training is complete, but has no report yet: {again}.")
        return STOPPED
    except (ValueError, OSError) as error:
        report(f"The training is complete, but has no report: {sentence(error).rstrip('.')}. {again}.")
        return 0
    report(f"Report: {path}")
    return 0


def settings(config_file, values, epochs=None, report=show, **options):
    """Build the config of a run from command-line options. Raises ConfigError with all faults at once."""
    config = load_config(config_file, values, check=check_for_training, **options)
    if config.BACKBONE_WEIGHTS and not Path(config.BACKBONE_WEIGHTS).is_file():
        raise ConfigError(f"BACKBONE_WEIGHTS {config.BACKBONE_WEIGHTS}: there is no such file.")
    _check_losses(config)
    if epochs is not None:
        stages = scale_stages(config.STAGES, epochs)
        config.update({"STAGES": stages}, source="--epochs")
        if len(stages) > 1:
            report("Epochs by stage: " + ", ".join(f"{s['layers']} {s['epochs']}" for s in stages))
    return config


def _check_losses(config):
    """Raise ValueError for a name in LOSS_WEIGHTS that no loss has. The network knows added losses."""
    if set(config.LOSS_WEIGHTS) - set(Config.LOSS_WEIGHTS):
        startup.start(training=True, deterministic=True)

        from mrcnn.modeling.network import loss_weights

        loss_weights(config)


def open_for_training(config, share=None, choice=None, report=show):
    """Open the training and the validation split as open_data does. Raises DatasetError without instances."""
    found = open_data(config, share=share, choice=choice, report=report)
    train, val = found.splits["train"], found.splits.get("val")
    _check_has_instances(train, config.DATASET)
    report(f"Data: {train.num_images} images to train on, {val.num_images if val else 0} to validate on")
    if config.CACHE_GB:
        report(f"Memory: up to {config.CACHE_GB:g} GB keep decoded images between epochs (CACHE_GB)")
    return found


def check_data(train_dataset, val_dataset, job, report=show):
    """Report findings on the data. Raises DatasetError if one is fatal."""
    splits = {"train": train_dataset, "val": val_dataset}
    known = {name: dataset for name, dataset in splits.items() if dataset is not None}
    job.checked = found = check.check(known, job.config, job.skip_bad)
    for line in found.lines():
        report(line)
    if found.fatal:
        raise DatasetError("the data have fatal faults (FATAL above); fix them, or start with --no-check.")


def _check_has_instances(dataset, root):
    """Raise DatasetError if no image has an instance; it stops at the first one, so it reads few files."""
    unreadable = None
    for image_id in dataset.image_ids:
        try:
            if (load_masks(dataset, image_id)[1] > 0).any():
                return
        except ImageError as error:  # the loader stops at it, or skips it with --skip-bad
            unreadable = unreadable or error
    if unreadable is not None:
        raise unreadable
    raise DatasetError(f"{root}: none of the {dataset.num_images} training images has an instance.")


def find_start(name, config, runs):
    """Return the file of initial weights, or None for random ones. Raises DownloadError and RunError.

    name: "coco", "imagenet", "last", "none" or a path.
    """
    options = "--weights none or --weights PATH"
    if name == "none":
        return None
    if name == "imagenet":
        if find_backbone(config.BACKBONE).imagenet is None:
            raise ConfigError(
                f"There are no ImageNet weights for the backbone {config.BACKBONE!r}; use --weights none."
            )
        return fetch_weights(config.BACKBONE, options)
    path = find_weights(name, runs, options)
    if not path.is_file():
        raise ConfigError(
            f"--weights {name}: there is no such file, and it is none of {', '.join(SPECIAL_WEIGHTS)}."
        )
    return path


def load_start(model, path, report=show):
    """Load the file of find_start into a MaskRCNN, and report what was loaded."""
    from mrcnn.weights import named

    config = model.config
    if path is not None:
        loaded = model.load_weights(path, by_name=True, report=None)
        model.set_log_dir()  # a checkpoint here starts a new run, at epoch 0
    elif config.BACKBONE_WEIGHTS:
        path = Path(config.BACKBONE_WEIGHTS)
        loaded = named.load_backbone(model.keras_model.get_layer("backbone").extractor, path)
    else:
        report("Weights: random, from the seed")
        return
    report(f"Weights: {path.name}: {loaded.summary()}")
