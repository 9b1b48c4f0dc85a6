"""The folder of a run: its config, its fingerprint, its log, its states and its checkpoints.

``<runs>/<name><YYYYMMDDTHHMM>/`` holds config.yaml, run.json, train.log, metrics.csv, TensorBoard's event
files, ``state_<epoch>_<step>.bin`` to resume from, and ``mask_rcnn_<name>_<epoch, four digits>.h5``, named
as by matterport's code.
"""

import contextlib
import math
import re
import shutil
import sys
from datetime import datetime
from pathlib import Path

import yaml

from mrcnn.files import FileError, read_json, remove_leftovers, write_json, write_text
from mrcnn.screen import show
from mrcnn.training.errors import NonFiniteLoss, RunError
from mrcnn.training.state import NAME as STATE
from mrcnn.training.state import state_files
from mrcnn.weights import best_score

CHECKPOINT = re.compile(r"mask_rcnn_(?P<run>.+)_(?P<epoch>\d{4})\.h5")
_FOLDER = re.compile(r".+?(?P<begun>\d{8}T\d{4}(_\d+)?)")


class Run:
    """One training in its own folder: a new one, or ``folder``, which is made if it does not exist.

    best_loss, best_epoch: the lowest validation loss so far, or 1 - mask AP with BEST_BY mask_ap, and the
    number of epochs completed then. spared: the epochs of checkpoints that are never pruned, because another
    run wrote them. discarded: whether the folder has been deleted again, see ``starting``.
    Raises RunError if the folder cannot be made.
    """

    def __init__(self, runs_dir, config, folder=None):
        self.name = str(config.NAME).lower()
        if Path(self.name).name != self.name:
            raise RunError(f"NAME is used in file names and cannot be {config.NAME!r}.")
        self.config = config
        self.best_loss, self.best_epoch = math.inf, None
        self.spared = frozenset()
        self.discarded = False
        folder = None if folder is None else Path(folder)
        self._is_new, self._made_parent = folder is None or not folder.exists(), not Path(runs_dir).exists()
        wanted = Path(runs_dir) / folder_name(config) if folder is None else folder
        self.folder = _new_folder(wanted) if self._is_new else wanted

    @contextlib.contextmanager
    def starting(self):
        """Delete the folder of a new run if an error leaves the block before anything is saved in it.

        Otherwise "last" would find it and take it for a run. The folder stays if it holds the record of a
        failure, or if Ctrl-C stopped the run.
        """
        try:
            yield
        except NonFiniteLoss:
            raise
        except Exception:
            kept = [*checkpoints(self.folder), *state_files(self.folder), *self.folder.glob("failure.json")]
            if self._is_new and not kept:
                shutil.rmtree(self.folder, ignore_errors=True)
                if self._made_parent:
                    with contextlib.suppress(OSError):
                        self.folder.parent.rmdir()  # unless other files have appeared in it
                self.discarded = True
            raise

    def checkpoint(self, epoch):
        """Return the path of the weights after ``epoch`` epochs."""
        return self.folder / f"mask_rcnn_{self.name}_{epoch:04d}.h5"

    def write_settings(self, **facts):
        """Write config.yaml, then run.json with ``facts``, the command line and the time.

        The facts of an existing run.json are kept under the key ``before``.
        """
        self.write_config()
        path = self.folder / "run.json"
        if path.exists():
            facts["before"] = read_facts(self.folder)
            path.unlink()
        started = datetime.now().isoformat(timespec="seconds")
        return self.note(seed=self.config.SEED, command=sys.argv, started=started, **facts)

    def write_config(self):
        """Write config.yaml."""
        write_text(self.folder / "config.yaml", yaml.safe_dump(self.config.to_plain(), sort_keys=True))

    def note(self, **facts):
        """Add facts to run.json, replacing those of the same names; return all."""
        path = self.folder / "run.json"
        known = {**(read_facts(self.folder) if path.exists() else {}), **facts}
        write_json(path, known, sort_keys=True)
        return known

    def forget_later(self, epoch, step):
        """Delete half-written files, and states and checkpoints after a position; training repeats them."""
        remove_leftovers(self.folder)
        for path in state_files(self.folder):
            if tuple(int(number) for number in STATE.fullmatch(path.name).groups()) > (epoch, step):
                path.unlink()
        for done, path in checkpoints(self.folder).items():
            if done > epoch:
                delete_checkpoint(path)


def delete_checkpoint(path):
    """Delete a checkpoint, and the score of best F1 that belongs to it."""
    path.unlink()
    best_score.path_of(path).unlink(missing_ok=True)


def checkpoints(folder):
    """Return the checkpoints in a run's folder, {epoch: path} in order of epochs."""
    found = {}
    for path in sorted(Path(folder).glob("mask_rcnn_*.h5")):
        name = CHECKPOINT.fullmatch(path.name)
        if name:
            found[int(name["epoch"])] = path
    return dict(sorted(found.items()))


def position_of(path):
    """Return when the run of a checkpoint began, as its folder says, and the epoch; None for another path."""
    path = Path(path)
    name, folder = CHECKPOINT.fullmatch(path.name), _FOLDER.fullmatch(path.parent.name)
    return (folder["begun"], int(name["epoch"])) if name and folder else None


def find_last(runs_dir="runs", name=""):
    """Return the last checkpoint of the newest run that has one. name: that of the run; "" for any.

    Raises RunError, which says what to do, if there is none.
    """
    found = [list(checkpoints(path).values()) for path in Path(runs_dir).glob("*") if path.is_dir()]
    last = [paths[-1] for paths in found if paths]
    last = [path for path in last if not name or CHECKPOINT.fullmatch(path.name)["run"] == name]
    if last:
        # By the file's time, not its folder's: an evaluation written to an old run must not make it new.
        return max(last, key=lambda path: (path.stat().st_mtime_ns, path.parent.name))
    raise RunError(
        f"{runs_dir}: no run here has a checkpoint yet; train one first, or give the path of a weights file."
    )


def weights_in(folder):
    """Return the checkpoint of a run's folder to use: the best one, if run.json names it, or else the last.

    Raises RunError if there is no checkpoint, or if run.json is damaged.
    """
    found = checkpoints(folder)
    if not found:
        raise RunError(
            f"{folder}: this folder holds no checkpoint; give the folder of a run or a weights file."
        )
    best = read_facts(folder).get("best") if (Path(folder) / "run.json").exists() else None
    epochs = best.get("epochs") if isinstance(best, dict) else None
    return found[epochs if isinstance(epochs, int) and epochs in found else max(found)]


def find_run(name, runs_dir="runs", report=show):
    """Return the folder of a run: a path, or for "last" the run in ``runs_dir`` that began last.

    report: called with a line on each run that is skipped because its run.json is damaged.
    Raises RunError unless it holds config.yaml and run.json.
    """
    if name == "last":
        return _begun_last(runs_dir, report)
    folder = Path(name)
    if not folder.is_dir():
        raise RunError(f"{folder}: there is no such folder; give the folder of a run, or last.")
    for needed in ("config.yaml", "run.json"):
        if not (folder / needed).is_file():
            raise RunError(
                f"{folder}: holds no {needed}. It cannot be resumed or repeated; if it is a run, it was "
                "stopped before its first step: start a new one."
            )
    return folder


def _begun_last(runs_dir, report):
    """Return the folder of the run that began last."""
    begun = {}
    for path in sorted(Path(runs_dir).glob("*/run.json")):
        try:
            started = read_facts(path.parent).get("started")
        except RunError as error:
            report(f"Skipped: {error}")
            continue
        if (path.parent / "config.yaml").is_file():
            begun[path.parent] = started if isinstance(started, str) else ""
    if not begun:
        raise RunError(f"{runs_dir}: there is no run here yet.")
    return max(begun, key=lambda folder: (begun[folder], folder.name))


def read_facts(folder):
    """Return the facts in a run's run.json. Raises RunError."""
    try:
        return read_json(Path(folder) / "run.json")
    except FileError as error:
        raise RunError(str(error)) from error


def folder_name(config, begun=None):
    """Return the name of a run's folder. begun: as position_of returns it; None: now."""
    return f"{str(config.NAME).lower()}{begun or f'{datetime.now():%Y%m%dT%H%M}'}"


def _new_folder(wanted):
    """Make the wanted folder, or the first free one with a number added to its name."""
    for number in range(1, 1000):
        folder = wanted if number == 1 else wanted.with_name(f"{wanted.name}_{number}")
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            continue
        except OSError as error:
            raise RunError(f"{folder}: cannot be made: {error.strerror}.") from error
    raise RunError(f"{wanted.parent}: a thousand runs started in this minute.")
