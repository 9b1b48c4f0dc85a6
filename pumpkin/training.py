"""The command train: data first, then weights and network, then the training, then its page."""

import os
import sys
from pathlib import Path

import pumpkin
from mrcnn import startup
from mrcnn.backbones import preset_of
from mrcnn.datasets import formats
from mrcnn.files import is_disk_full, write_text
from mrcnn.screen import show
from mrcnn.training.errors import Interrupted, RunError
from mrcnn.training.run import Run, checkpoints
from mrcnn.training.state import newest_state
from mrcnn.weights.errors import WeightsError
from pumpkin import default_config, earlier_runs, initial_weights, jobs, minutes, recipe_file, training_data
from pumpkin.calls import typed
from pumpkin.ending import sentence
from pumpkin.interrupts import STOPPED, end_in_order


def preview(args, report=show):
    """Do ``--preview`` and ``--preview-presets`` of the training that the other options describe.

    Returns the exit code. Raises ConfigError, RunError, DatasetError and ImageError.
    """
    job = jobs.job_of(args, report)
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
    if preset_of(job.config.BACKBONE):
        _open_preset(job, log.report)
    opened = _open(job, log.report).splits
    splits = opened["train"], opened.get("val")
    if job.check:
        training_data.check_data(*splits, job, log.report)
    state = None if job.folder is None else newest_state(job.folder, log.report)
    start = None if state is not None else initial_weights.find_start(job.weights, job.config, job.out)
    _start_backend(job, log.report)
    hashes = _hashes(splits)
    if job.minutes is not None:
        _fit_minutes(job, splits, start, log.report)
    facts = _ingredients(job, hashes, start, state)
    log.report(_fingerprint_line(facts))
    changes = _compare(job, facts, log.report)
    if state is not None and _is_done(job, state):
        return _finish_again(job, facts, changes, state, log.report)
    return _train_on(job, splits, start, state, facts, changes, log)


def _finish_again(job, facts, changes, state, report):
    """Record the result of a run whose epochs are complete, and return the exit code."""
    from mrcnn.training.checkpoint import Checkpoint

    report(f"Nothing is left to train: {state.epoch} epochs are complete. --epochs N extends the run.")
    run = _open_run(job, facts, changes, state)
    if "Checkpoint" in state.facts["callbacks"]:
        Checkpoint(run, save=None).restore(state.facts["callbacks"]["Checkpoint"])  # the best epoch
    return _finish(job, run, report, anew=False)


def _train_on(job, splits, start, state, facts, changes, log):
    """Train from a state of the run, or from the initial weights, and return the exit code.

    start: their file, or None. facts, changes: what the run's folder keeps, see _ingredients and _compare.
    """
    from mrcnn.model import MaskRCNN
    from mrcnn.training import driver

    model = MaskRCNN("training", job.config, job.out)
    data = _training_data(job, splits)
    driver.check(model, data, job.config.STAGES)  # before the run's folder is made
    if state is None:
        initial_weights.load_start(model, start, log.report)
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
    job.data = training_data.open_for_training(job.config, share, job.choice, report)
    for line in job.notes:
        report(line)
    if job.by_recipe:
        train = job.data.splits["train"]
        job.recipe = default_config.fill(job.config, train, job.weights, job.out, job.epochs, report)
    return job.data


def _open_preset(job, report):
    """Read the preset of keras-hub in BACKBONE before the data, unless the config knows what it says."""
    _import_backend(job)

    from mrcnn.weights import hub

    hub.complete(job.config)
    report(hub.described(job.config.BACKBONE_PRESET))


def _import_backend(job):
    """Import the backend: that of the run to resume or repeat, unless the user chose one."""
    if job.old is not None and "keras" not in sys.modules:
        os.environ.setdefault("KERAS_BACKEND", job.old["versions"]["backend"])
    startup.start(training=True, deterministic=True)


def _start_backend(job, report):
    """Import the backend, and report a PRECISION that is slow on this machine."""
    _import_backend(job)

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
        initial_weights.load_start(model, start, lambda line: None)
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
