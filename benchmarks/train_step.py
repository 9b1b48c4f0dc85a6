"""Measure the time, arithmetic and memory of a training step.

    python benchmarks/train_step.py
    python benchmarks/train_step.py --precision mixed_bfloat16
    python benchmarks/train_step.py --backbone resnet50 --size 512

It trains through Keras's fit as scripts/train.py does, deterministically, with the default Config and 81
classes. It repeats the same batch, so that preparing images does not count. Weights and image are random: the
time of a step does not depend on them.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a clone, not installed

from mrcnn import startup


def main(argv=None):
    args = parse(argv)
    startup.start(training=True, deterministic=not args.free)
    import keras

    from benchmarks import flops, networks

    peak = flops.Peak(args.precision)
    peak.measure()
    model = networks.build("training", args.backbone, args.size, args.precision, args.batch, args.set)
    seconds, logs = steps(model, args)
    peak.measure()
    _, flop = flops.count(model.keras_model, args.batch)
    free = ", not deterministic" if args.free else ""
    title = (
        f"training step: {args.backbone} at {args.size}, {args.precision}, {keras.backend.backend()}, "
        f"{args.batch} images per batch, layers {args.layers}{free}; loss {logs['loss']:.3f}"
    )
    networks.report(title, seconds, flop, peak.best)


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="resnet101")
    parser.add_argument("--size", type=int, default=1024)
    parser.add_argument("--precision", default="float32", help="or mixed_bfloat16")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--layers", default="all", help="layers to train: all, heads, 3+, 4+ or 5+")
    parser.add_argument("--runs", type=int, default=7, help="steps to measure (7)")
    parser.add_argument(
        "--warm-up", type=int, default=2, help="steps before these (2); the first builds the graph"
    )
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="further settings")
    parser.add_argument("--free", action="store_true", help="do not ask for deterministic kernels")
    return parser.parse_args(argv)


def steps(model, args):
    """Train through fit; return (seconds of each measured step, the logs of the epoch)."""
    import keras

    from mrcnn.backbones import layers_regex
    from mrcnn.training import driver
    from mrcnn.training.schedule import build_optimizer

    network, config, total = model.keras_model, model.config, args.warm_up + args.runs
    driver.set_trainable(network, layers_regex(args.layers, config.BACKBONE))
    network.compile(optimizer=build_optimizer(config, config.LEARNING_RATE, total))
    network.optimizer.build(network.trainable_variables)

    class Same(keras.utils.PyDataset):
        """A data set that repeats one batch."""

        batch = one_batch(config)

        def __len__(self):
            return total

        def __getitem__(self, index):
            return (self.batch,)

    class Clock(keras.callbacks.Callback):
        ends = ()

        def on_train_batch_end(self, batch, logs=None):
            self.ends = (*self.ends, time.perf_counter())

    clock = Clock()
    history = network.fit(Same(), shuffle=False, callbacks=[clock], verbose=0).history
    return np.diff(clock.ends)[args.warm_up - 1 :].tolist(), {
        name: values[-1] for name, values in history.items()
    }


def one_batch(config):
    """Return the images of discs.draw as a batch of the Loader."""
    from benchmarks import discs
    from mrcnn.datasets.dataset import Dataset
    from mrcnn.pipeline.loader import Loader

    class Discs(Dataset):
        def load_image(self, image_id):
            return self.draw(image_id)[0]

        def load_mask(self, image_id):
            return self.draw(image_id)[1:]

        def draw(self, image_id):
            return discs.draw(image_id, config.IMAGE_SHAPE[0], config.NUM_CLASSES)

    dataset = Discs()
    for number in range(1, config.NUM_CLASSES):
        dataset.add_class("benchmark", number, f"class {number}")
    for number in range(config.BATCH_SIZE):
        dataset.add_image("benchmark", number, path=None)
    dataset.prepare()
    return Loader(dataset, config, shuffle=False).batch(0)


if __name__ == "__main__":
    main()
