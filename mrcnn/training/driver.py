"""The course of a run: stage after stage, from data sets to checkpoints, from the start or a saved state."""

import re

from mrcnn.backbones import layers_regex
from mrcnn.config import ConfigError
from mrcnn.modeling.layer_names import leaf_layers
from mrcnn.pipeline.loader import Loader
from mrcnn.training import resume
from mrcnn.training.averaging import ValidateAverages, swap_averages
from mrcnn.training.checkpoint import Checkpoint
from mrcnn.training.curves import Curves
from mrcnn.training.errors import NonFiniteLoss, OutOfMemory
from mrcnn.training.failures import StopAtNonFinite, explain, is_out_of_memory, memory_advice
from mrcnn.training.metrics import EventFiles, MetricsCsv
from mrcnn.training.order import in_order
from mrcnn.training.progress import Progress
from mrcnn.training.run import checkpoints
from mrcnn.training.schedule import build_optimizer, current_rate
from mrcnn.training.signals import StopSignals
from mrcnn.training.speed import Speed
from mrcnn.training.stages import check_stages
from mrcnn.training.stalls import NameStalls
from mrcnn.training.state import state_files
from mrcnn.training.validation import MeanAP, StopEarly


def train(
    model, train_dataset, val_dataset, config, run, stages=None, augmentation=None, plain_sources=(),
    skip_bad=False, callbacks=(), report=print, state=None, keep_state=False,
):  # fmt: skip
    """Train stage after stage and write checkpoints and metrics into the run's folder.

    model: a MaskRCNN made for training; its ``epoch`` counts on. val_dataset: None for no validation.
    stages: none: config.STAGES. augmentation, plain_sources, skip_bad: as in Loader. callbacks: further
    Keras callbacks; those with memory can be resumed as told in resume. report: called with each line of
    progress. state: the State of this run to go on from, with the same stages or a longer last one;
    its arrays are let go once restored. keep_state: whether to save the state, see resume.SaveState.
    Returns the path of the last checkpoint, None if no epoch was whole. A callback that sets the model's
    ``stop_training`` ends the run.
    Raises ConfigError for stages or classes that do not fit, images.ImageError for an unreadable image
    (unless skip_bad), errors.NonFiniteLoss with a record in the run's folder, errors.OutOfMemory,
    errors.StateError for a state of another network, and errors.Interrupted when the user stopped it.
    """
    stages = config.STAGES if stages is None else stages
    config.check()
    check_stages(stages, config.BACKBONE)
    _check_layers(model.keras_model, stages, config.BACKBONE)
    for dataset in (train_dataset, val_dataset):
        _check_classes(dataset, config)
    model.class_names = list(train_dataset.class_names)
    model.log_dir = str(run.folder)
    loader = Loader(
        train_dataset, config, augmentation=augmentation, plain_sources=plain_sources, skip_bad=skip_bad,
        steps=config.STEPS_PER_EPOCH, start_epoch=model.epoch if state is None else state.epoch,
    )  # fmt: skip
    validation = None
    if val_dataset is not None and config.VALIDATION_STEPS != 0:
        validation = Loader(
            val_dataset, config, shuffle=False, skip_bad=skip_bad, steps=config.VALIDATION_STEPS
        )
    try:
        with StopSignals() as signals, NameStalls([loader, validation], report), model.scope():
            course = _Course(model, stages, loader, validation, run, state)
            mean_ap = _mean_ap(course, val_dataset, skip_bad, report)
            return course.follow(callbacks, signals, report, run.folder if keep_state else None, mean_ap)
    except NonFiniteLoss as error:
        raise course.explained(error) from error
    except Exception as error:
        if is_out_of_memory(error):
            raise OutOfMemory(memory_advice(config)) from error
        # A backend that runs the loader in its own thread passes on the error as text alone.
        cause = loader.error or (validation.error if validation is not None else None)
        if cause is not None and cause is not error:
            raise cause from error
        raise
    finally:
        _report_skipped(loader, "training", report)
        _report_skipped(validation, "validation", report)


class _Course:
    """Stages with the position in them. state: where to begin, none: before the first step."""

    def __init__(self, model, stages, loader, validation, run, state):
        self.model, self.stages, self.loader, self.validation = model, stages, loader, validation
        self.run, self.state = run, state
        self.position = _position(loader, model.epoch, state)
        self.last_epoch = self.position.first_epoch + sum(stage["epochs"] for stage in stages)
        self.watch = StopAtNonFinite()

    def follow(self, callbacks, signals, report, state_folder, mean_ap=None):
        """Train to the end; returns the path of the last checkpoint. mean_ap: a MeanAP, or None."""
        run, position, config = self.run, self.position, self.model.config
        checkpoint = Checkpoint(run, self.model.save_weights, by=config.BEST_BY)
        metrics = MetricsCsv(run.folder / "metrics.csv", position.epoch)
        events = EventFiles(run.folder, metrics.rows)
        progress = Progress(self.last_epoch, report, mean_ap.every if mean_ap else 0)
        members = in_order([
            position, ValidateAverages(), self.watch, Speed(self.loader), *([mean_ap] if mean_ap else []),
            progress, metrics, events, Curves(run.folder), checkpoint, *self._stop_early(report), *callbacks,
        ])  # fmt: skip
        saving = resume.SaveState(
            state_folder, position, members, config.CHECKPOINT_MINUTES, signals, self.state
        )
        every = in_order([*members, saving])
        end = position.first_epoch
        try:
            for number, stage in enumerate(self.stages):
                end += stage["epochs"]
                if position.epoch >= end:
                    continue  # done before the run was interrupted
                self._prepare(number, stage)
                self._fit(end, every)
                if self.model.keras_model.stop_training:
                    break
        finally:
            self.model.epoch = position.epoch
            events.close()
        swap_averages(self.model.keras_model)  # what the checkpoints hold
        for old in state_files(run.folder)[1:]:  # the newest is enough to extend the run
            old.unlink()
        return checkpoint.last

    def explained(self, error):
        """The NonFiniteLoss with its likely cause, after a record of it was written."""
        kept = list(checkpoints(self.run.folder).values())
        keras_model = self.model.keras_model
        return explain(
            error, keras_model, self.loader, self.model.config, self.run.folder, current_rate(keras_model),
            start=self.watch.start, checkpoint=kept[-1] if kept else None,
        )  # fmt: skip

    def _stop_early(self, report):
        config = self.model.config
        if not config.PATIENCE:
            return []
        first = self.last_epoch - self.stages[-1]["epochs"]
        return [StopEarly(self.run, config.PATIENCE, first, config.BEST_BY, report)]

    def _prepare(self, number, stage):
        """Compile the model for a stage; the first one takes over the saved state, if there is one."""
        self.position.stage = number
        keras_model, config = self.model.keras_model, self.model.config
        set_trainable(keras_model, layers_regex(stage["layers"], config.BACKBONE))
        steps = stage["epochs"] * len(self.loader)
        optimizer = build_optimizer(config, stage["learning_rate"], steps, warm_up=number == 0)
        keras_model.compile(optimizer=optimizer)
        # Where the first step makes them, TensorFlow traces that step twice.
        keras_model.optimizer.build(keras_model.trainable_variables)
        if self.state is not None:
            resume.restore(keras_model, self.state.arrays, optimizer=self.state.facts["stage"] == number)
            self.state.arrays.clear()  # as large as the model and its optimiser
            self.state = None

    def _fit(self, end, callbacks):
        """Train to the end of epoch number ``end``, first the rest of one that was begun."""
        position, keras_model = self.position, self.model.keras_model
        parts = [(self.loader, end)]
        if position.step:
            parts.insert(0, (resume.RestOfEpoch(self.loader, position.step), position.epoch + 1))
        for loader, epochs in parts:
            if position.epoch < epochs:
                keras_model.fit(
                    loader,
                    initial_epoch=position.epoch,
                    epochs=epochs,
                    shuffle=False,  # the loader shuffles, from the run's seed
                    validation_data=self.validation,
                    callbacks=callbacks,
                    verbose=0,
                )
            if keras_model.stop_training:
                break


def _position(loader, epoch, state):
    """The Position of a run that begins after ``epoch`` epochs, or of one that is resumed from a state."""
    if state is None:
        return resume.Position(loader, epoch, 0, first_epoch=epoch)
    return resume.Position(loader, state.epoch, state.step, state.facts["first_epoch"])


def _mean_ap(course, val_dataset, skip_bad, report):
    """A MeanAP if AP is to be measured and can be; what cannot be measured is told."""
    config = course.model.config
    measured = val_dataset if config.BEST_BY == "mask_ap" else course.validation
    if config.PATIENCE and measured is None:
        report("The run does not stop early, for nothing is validated.")
    if not config.AP_EVERY:
        return None
    if val_dataset is None:
        report("No AP is measured, for there are no validation images.")
        return None
    return MeanAP(course.model, val_dataset, config.AP_EVERY, course.last_epoch, skip_bad)


def _check_layers(keras_model, stages, backbone):
    names = [name for name, layer in leaf_layers(keras_model).items() if layer.weights]
    for number, stage in enumerate(stages, start=1):
        if not any(re.fullmatch(layers_regex(stage["layers"], backbone), name) for name in names):
            raise ConfigError(f"STAGES, stage {number}: no layer has a name like {stage['layers']!r}.")


def _check_classes(dataset, config):
    if dataset is not None and dataset.num_classes != config.NUM_CLASSES:
        raise ConfigError(
            f"NUM_CLASSES is {config.NUM_CLASSES}, but the data set has {dataset.num_classes} classes: "
            f"{', '.join(dataset.class_names)}."
        )


def _report_skipped(loader, purpose, report):
    if loader is not None and loader.skipped:
        report(f"Skipped in {purpose}: {len(loader.skipped)} of {len(loader.dataset.image_ids)} images")
        for path in sorted(loader.skipped):
            report(f"  {loader.skipped[path]}")


def set_trainable(keras_model, layer_regex):
    """Train the layers whose whole name matches a regular expression, and no others."""
    for name, layer in leaf_layers(keras_model).items():
        layer.trainable = bool(re.fullmatch(layer_regex, name))
