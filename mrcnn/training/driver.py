"""Train stage by stage, from data sets to checkpoints, from the start or from a saved state."""

import contextlib
import re

from mrcnn.backbones import layers_regex
from mrcnn.config import ConfigError
from mrcnn.modeling.layer_names import leaf_layers
from mrcnn.screen import show
from mrcnn.training import resume
from mrcnn.training.averaging import ValidateAverages, swap_averages
from mrcnn.training.checkpoint import Checkpoint
from mrcnn.training.curves import Curves
from mrcnn.training.data import report_skipped
from mrcnn.training.errors import NonFiniteLoss, OutOfMemory
from mrcnn.training.failures import explain
from mrcnn.training.memory import is_out_of_memory, memory_advice
from mrcnn.training.metrics import EventFiles, MetricsCsv
from mrcnn.training.non_finite import StopAtNonFinite
from mrcnn.training.order import in_order
from mrcnn.training.progress import Progress
from mrcnn.training.run import checkpoints
from mrcnn.training.schedule import build_optimizer
from mrcnn.training.signals import StopSignals
from mrcnn.training.speed import Speed
from mrcnn.training.stages import check_stages
from mrcnn.training.stalls import NameStalls
from mrcnn.training.state import state_files
from mrcnn.training.validation import MeanAP, StopEarly


def train(model, data, run, stages=None, callbacks=(), report=show, state=None, keep_state=False):
    """Train stage by stage, and write checkpoints and metrics to the run's folder.

    model: a Trainable, see interface; epochs are counted from its ``epoch``. data: TrainingData. run: a Run.
    stages: None uses config.STAGES. callbacks: further Keras callbacks; ``order`` defines their places,
    ``resume`` their saved state. report: called with each line of progress. state: the State to resume from,
    with the same stages or a longer last one; its arrays are released once restored. keep_state: whether to
    save the state, see resume.SaveState.
    Returns the path of the last checkpoint, or None if no epoch was completed. A callback that sets the Keras
    model's ``stop_training`` ends the run.
    Raises ConfigError for stages or classes that do not fit, images.ImageError for an unreadable image
    (unless skip_bad), errors.NonFiniteLoss after writing a record to the run's folder, errors.OutOfMemory,
    errors.StateError for another network's state, and errors.Interrupted if the user stops it.
    """
    config = model.config
    stages = config.STAGES if stages is None else stages
    check(model, data, stages)
    loaders = data.loaders(config, model.epoch if state is None else state.epoch)
    model.begin_run(run.folder, list(data.train.class_names))
    try:
        with (
            StopSignals() as signals,
            NameStalls(loaders, report),
            model.scope(),
            causes_named(config, loaders),
        ):
            trainer = _Trainer(model, loaders, run, stages, state, report)
            saved_to = run.folder if keep_state else None
            return trainer.train([*trainer.mean_ap(data), *callbacks], signals, saved_to)
    except NonFiniteLoss as error:
        raise trainer.explained(error) from error
    finally:
        for loader, purpose in zip(loaders, ("training", "validation")):
            report_skipped(loader, purpose, report)


@contextlib.contextmanager
def causes_named(config, loaders):
    """Return a context in which an error of a step becomes that of its cause.

    loaders: those in use, None among them. Raises OutOfMemory, and the error that stopped a loader.
    """
    try:
        yield
    except NonFiniteLoss:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise OutOfMemory(memory_advice(config)) from error
        # A backend that runs the loader in its own thread passes only the text of its error on.
        causes = [loader.error for loader in loaders if loader is not None and loader.error is not None]
        if causes and causes[0] is not error:
            raise causes[0] from error
        raise


def check(model, data, stages):
    """Raise ConfigError for stages or classes that do not fit; call it before making a run's folder."""
    config = model.config
    config.check()
    check_stages(stages, config.BACKBONE)
    _check_layers(model.keras_model, stages, config.BACKBONE)
    data.check_classes(config)


def _check_layers(keras_model, stages, backbone):
    names = [name for name, layer in leaf_layers(keras_model).items() if layer.weights]
    for number, stage in enumerate(stages, start=1):
        if not any(re.fullmatch(layers_regex(stage["layers"], backbone), name) for name in names):
            raise ConfigError(f"STAGES, stage {number}: no layer has a name like {stage['layers']!r}.")


class _Trainer:
    """Train a model through the stages of a run. state: the State to resume from, or None."""

    def __init__(self, model, loaders, run, stages, state, report):
        self.model, self.run, self.stages, self.state = model, run, stages, state
        self.report = report
        self.loader, self.validation = loaders
        self.position = _position(self.loader, model.epoch, state)
        self.last_epoch = self.position.first_epoch + sum(stage["epochs"] for stage in stages)
        self.guard = StopAtNonFinite()
        self.checkpoint = Checkpoint(run, model.save_weights, by=model.config.BEST_BY)
        self.metrics = MetricsCsv(run.folder / "metrics.csv", self.position.epoch)
        self.events = EventFiles(run.folder, self.metrics.rows)

    def train(self, added, signals, saved_to):
        """Train to the end and return the path of the last checkpoint.

        added: further callbacks. signals: a StopSignals. saved_to: the folder of saved states, or None.
        """
        callbacks = self._callbacks(added, signals, saved_to)
        position, keras_model = self.position, self.model.keras_model
        end = position.first_epoch
        try:
            for number, stage in enumerate(self.stages):
                end += stage["epochs"]
                if position.epoch >= end:
                    continue  # completed before the interruption
                self._prepare(number, stage)
                self._fit(end, callbacks)
                if keras_model.stop_training:
                    break
        finally:
            self.model.end_run(position.epoch)
            self.events.close()
        swap_averages(keras_model)  # the checkpoints hold the averages too
        for old in state_files(self.run.folder)[1:]:  # the newest suffices to extend the run
            old.unlink()
        return self.checkpoint.last

    def mean_ap(self, data):
        """Return a list with a MeanAP if AP is wanted and can be measured; report why if it cannot."""
        config = self.model.config
        measured = data.val if config.BEST_BY == "mask_ap" else self.validation
        if config.PATIENCE and measured is None:
            self.report("The run will not stop early because there is no validation.")
        if not config.AP_EVERY:
            return []
        if data.val is None:
            self.report("AP will not be measured because there are no validation images.")
            return []
        mean_ap = MeanAP(
            self.model, data.val, config.AP_EVERY, self.last_epoch, data.skip_bad, config.AP_IMAGES
        )  # fmt: skip
        fault = mean_ap.fault()
        if fault:
            self.report(f"AP will not be measured because {fault}.")
        return [] if fault else [mean_ap]

    def explained(self, error):
        """Write a record of a NonFiniteLoss; return the error with its likely cause."""
        kept = list(checkpoints(self.run.folder).values())
        return explain(
            error, self.model, self.loader, self.run.folder,
            start=self.guard.start, checkpoint=kept[-1] if kept else None,
        )  # fmt: skip

    def _callbacks(self, added, signals, saved_to):
        """Return all callbacks in their declared order; their order in this list does not matter."""
        config = self.model.config
        ap_every = max((callback.every for callback in added if isinstance(callback, MeanAP)), default=0)
        members = in_order([
            self.position, self.guard, self.checkpoint, self.metrics, self.events, Curves(self.run.folder),
            ValidateAverages(), Speed(self.loader),
            Progress(self.last_epoch, self.report, ap_every, config.BATCH_SIZE), *self._stop_early(), *added,
        ])  # fmt: skip
        minutes = config.CHECKPOINT_MINUTES
        saving = resume.SaveState(saved_to, self.position, members, minutes, signals, self.state)
        return in_order([*members, saving])

    def _stop_early(self):
        config = self.model.config
        if not config.PATIENCE:
            return []
        first = self.last_epoch - self.stages[-1]["epochs"]
        return [StopEarly(self.run, config.PATIENCE, first, config.BEST_BY, self.report)]

    def _prepare(self, number, stage):
        """Compile the model for a stage; the first stage restores the saved state, if there is one."""
        self.position.stage = number
        keras_model = self.model.keras_model
        compile_stage(keras_model, self.model.config, stage, len(self.loader), warm_up=number == 0)
        if self.state is not None:
            resume.restore(keras_model, self.state.arrays, optimizer=self.state.facts["stage"] == number)
            self.state.arrays.clear()  # as large as the model and its optimiser
            self.state = None

    def _fit(self, end, callbacks):
        """Train until ``end`` epochs are complete, beginning with the rest of an interrupted one."""
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
                    shuffle=False,  # the loader shuffles, with the run's seed
                    validation_data=self.validation,
                    callbacks=callbacks,
                    verbose=0,
                )
            if keras_model.stop_training:
                break


def _position(loader, epoch, state):
    """Return the Position of a run that begins after ``epoch`` epochs or resumes from a state."""
    if state is None:
        return resume.Position(loader, epoch, 0, first_epoch=epoch)
    return resume.Position(loader, state.epoch, state.step, state.facts["first_epoch"])


def compile_stage(keras_model, config, stage, steps, warm_up):
    """Compile a Keras model for a stage of ``steps`` batches an epoch. warm_up: whether it is the first."""
    set_trainable(keras_model, layers_regex(stage["layers"], config.BACKBONE))
    optimizer = build_optimizer(config, stage["learning_rate"], stage["epochs"] * steps, warm_up)
    keras_model.compile(optimizer=optimizer)
    # If the first step creates the variables, TensorFlow traces that step twice.
    keras_model.optimizer.build(keras_model.trainable_variables)


def set_trainable(keras_model, layer_regex):
    """Make trainable exactly those layers whose whole name matches a regular expression."""
    for name, layer in leaf_layers(keras_model).items():
        layer.trainable = bool(re.fullmatch(layer_regex, name))
