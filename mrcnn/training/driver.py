"""The course of a run: stage after stage, from data sets to checkpoints."""

import re

from mrcnn.config import ConfigError
from mrcnn.modeling.layer_names import leaf_layers
from mrcnn.pipeline.loader import Loader
from mrcnn.training.callbacks import Checkpoint, EventFiles, MetricsCsv, Progress, SetEpoch, StopAtNonFinite
from mrcnn.training.schedule import build_optimizer, check_stages, layers_regex


def train(
    model, train_dataset, val_dataset, config, run, stages=None, augmentation=None, plain_sources=(),
    skip_bad=False, callbacks=(), report=print,
):  # fmt: skip
    """Train stage after stage and write checkpoints and metrics into the run's folder.

    model: a MaskRCNN made for training; its ``epoch`` counts on. val_dataset: None for no validation.
    stages: none: config.STAGES. augmentation, plain_sources, skip_bad: as in Loader. callbacks: further
    Keras callbacks. report: called with each line of progress. Returns the path of the last checkpoint.
    Raises ConfigError for stages or classes that do not fit, images.ImageError for an unreadable image
    (unless skip_bad) and callbacks.NonFiniteLoss.
    """
    stages = config.STAGES if stages is None else stages
    check_stages(stages)
    _check_layers(model.keras_model, stages)
    for dataset in (train_dataset, val_dataset):
        _check_classes(dataset, config)
    model.class_names = list(train_dataset.class_names)
    model.log_dir = str(run.folder)
    loader = Loader(
        train_dataset, config, augmentation=augmentation, plain_sources=plain_sources, skip_bad=skip_bad,
        steps=config.STEPS_PER_EPOCH, start_epoch=model.epoch,
    )  # fmt: skip
    validation = None
    if val_dataset is not None and config.VALIDATION_STEPS != 0:
        validation = Loader(
            val_dataset, config, shuffle=False, skip_bad=skip_bad, steps=config.VALIDATION_STEPS
        )
    last_epoch = model.epoch + sum(stage["epochs"] for stage in stages)
    checkpoint, events = Checkpoint(run, model.save_weights), EventFiles(run.folder)
    own = [
        SetEpoch(loader),
        StopAtNonFinite(),
        Progress(last_epoch, report),
        MetricsCsv(run.folder / "metrics.csv"),
        events,
        checkpoint,
    ]
    try:
        for number, stage in enumerate(stages):
            _train_stage(model, stage, loader, validation, config, [*own, *callbacks], warm_up=number == 0)
    except Exception as error:
        # A backend that runs the loader in its own thread passes on the error as text alone.
        cause = loader.error or (validation.error if validation is not None else None)
        if cause is not None and cause is not error:
            raise cause from error
        raise
    finally:
        events.close()
        _report_skipped(loader, "training", report)
        _report_skipped(validation, "validation", report)
    return checkpoint.last


def _check_layers(keras_model, stages):
    names = [name for name, layer in leaf_layers(keras_model).items() if layer.weights]
    for number, stage in enumerate(stages, start=1):
        if not any(re.fullmatch(layers_regex(stage["layers"]), name) for name in names):
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


def _train_stage(model, stage, loader, validation, config, callbacks, warm_up):
    set_trainable(model.keras_model, layers_regex(stage["layers"]))
    steps = stage["epochs"] * len(loader)
    model.keras_model.compile(optimizer=build_optimizer(config, stage["learning_rate"], steps, warm_up))
    end = model.epoch + stage["epochs"]
    model.keras_model.fit(
        loader,
        initial_epoch=model.epoch,
        epochs=end,
        shuffle=False,  # the loader shuffles, from the run's seed
        validation_data=validation,
        callbacks=callbacks,
        verbose=0,
    )
    model.epoch = end


def set_trainable(keras_model, layer_regex):
    """Train the layers whose whole name matches a regular expression, and no others."""
    for name, layer in leaf_layers(keras_model).items():
        layer.trainable = bool(re.fullmatch(layer_regex, name))
