"""The kinds of files that we read: how to write an honest one, how to read it, and how that may fail.

The functions import libraries that start slowly where they need them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from mrcnn.config import ConfigError
from mrcnn.datasets import DatasetError, ImageError
from mrcnn.detection.clips import ClipError
from mrcnn.training.errors import RunError, StateError
from mrcnn.weights.errors import WeightsError
from pumpkin.openimages.errors import ERRORS
from pumpkin.synthetic.folder import SyntheticError
from tests.damaged import annotations, commands, images, runs, weights


@dataclass(frozen=True)
class Kind:
    """write: makes files in a folder and returns those to damage. use: reads the folder. errors: how that may
    end. change: damages a file; None damages its bytes, or the tree of JSON and YAML. shows: whether messages
    are free of control characters already, before they are printed.
    """

    write: Callable
    use: Callable
    errors: tuple
    change: Callable | None = None
    shows: bool = False


def of_annotations(name):
    """The Kind of a format of annotations."""
    write, use = annotations.SETS[name], partial(annotations.use, name)
    return Kind(write, use, (DatasetError, ImageError), shows=True)


WEIGHTS = partial(Kind, use=weights.read_weights, errors=(WeightsError, ConfigError))
KINDS = {
    "photographs": Kind(images.write_photographs, images.read_photographs, (ImageError,)),
    "videos": Kind(images.write_videos, images.read_videos, (ClipError,)),
    "masks of an instance": Kind(images.write_masks, images.read_masks, (ImageError,)),
    "crowds": Kind(images.write_crowds, images.read_crowds, (DatasetError,)),
    "configs": Kind(runs.write_config, runs.read_config, (ConfigError,)),
    "run": Kind(runs.write_run, runs.read_run, (RunError, ConfigError, DatasetError)),
    "metrics": Kind(runs.write_metrics, runs.read_metrics, (RunError,)),
    "state": Kind(runs.write_state, runs.read_state, (StateError,), runs.change_state),
    "weights of ours": WEIGHTS(weights.write_ours, change=weights.change_hdf5),
    "weights of matterport": WEIGHTS(weights.write_matterports, change=weights.change_hdf5),
    "weights of Keras": WEIGHTS(weights.write_keras, change=weights.change_hdf5),
    "archive of Keras": WEIGHTS(weights.write_archive),
    "manifest": Kind(commands.write_manifest, commands.read_manifest, (SyntheticError,)),
    "result": Kind(commands.write_result, commands.read_result, ()),
    "hashes": Kind(commands.write_hashes, commands.hashes_in, ()),
    "lock": Kind(commands.write_lock, commands.read_lock, ERRORS),
    **{name: of_annotations(name) for name in annotations.SETS},
}
