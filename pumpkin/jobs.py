"""A job: the work of one call of the command train, from its options or from an earlier run."""

import time
from dataclasses import dataclass, field
from pathlib import Path

from mrcnn import startup
from mrcnn.config import Config, ConfigError
from mrcnn.datasets.check import Report
from mrcnn.datasets.set_aside import Choice
from mrcnn.screen import show
from mrcnn.training.stages import check_for_training, scale_stages
from pumpkin import earlier_runs, recipe_file
from pumpkin.config import load_config, parse_settings
from pumpkin.data import Opened
from pumpkin.options import data_settings


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


def _moved(args):
    """Return the settings on the new place of a run's data, if they were moved."""
    places = {"DATASET": args.dataset, "IMAGES": args.images}
    return {name: place for name, place in places.items() if place is not None}


def _start_of(facts):
    """Return a run's initial weights for find_start: a name that still means the same file, or a path."""
    weights = facts["weights"]
    return weights["name"] if weights["name"] in ("coco", "imagenet", "none") else weights.get("file")
