"""Write scenes as a data set: names, files, the manifest, and several processes.

``<out>/<split>/pumpkin/<ImageID>.jpg``, ``<out>/<split>/pumpkin/masks/<ImageID>_m05zsy_<BoxID>.png`` and
``<out>/synthetic.json``, which records the arguments and the sha256 of each file. All bytes depend on the
arguments alone. A process renders whole scenes, so the number of processes makes no difference.
Other package versions or another kind of CPU may round a few pixels differently; the digests show it.
"""

import hashlib
import io
import json
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
from PIL import Image

from mrcnn.files import FileError, read_json, write_bytes
from mrcnn.machine import cores
from mrcnn.progress_bar import progress_bar
from pumpkin.synthetic.layout import STYLES
from pumpkin.synthetic.scene import OVERLAPPED, render_scene

VERSION = 5  # of the renderer: increase it when the same arguments give other bytes
MANIFEST = "synthetic.json"
MOST = 1_000_000  # scenes of a split
SPLITS = ("train", "val", "test")
MID = "m05zsy"  # Pumpkin, /m/05zsy in Open Images
SMALLEST, LARGEST = 64, 2048  # longer side of an image, in pixels


class SyntheticError(ValueError):
    """Raised when arguments are invalid or when the output folder holds other files."""


def image_id(seed, split, index):
    """Return the 16 hexadecimal digits that name a scene."""
    return hashlib.sha256(f"pumpkin scene {seed} {split} {index}".encode()).hexdigest()[:16]


def box_id(seed, split, index, instance):
    """Return the 8 hexadecimal digits that name a pumpkin of a scene."""
    return hashlib.sha256(f"pumpkin box {seed} {split} {index} {instance}".encode()).hexdigest()[:8]


def scene_seed(seed, split, index):
    """Return the SeedSequence of one scene, which does not depend on the number of other scenes."""
    return np.random.SeedSequence([seed, SPLITS.index(split), index])


def generate(out, counts, seed, size=320, clumps="normal", workers=None, overwrite=False, progress=True):
    """Render scenes into ``out`` and return the manifest (a dict, as in synthetic.json).

    counts: number of scenes of each split. seed: seed of all randomness. size: longer side of the images in
    pixels. clumps: "normal" or "heavy". workers: number of processes; None uses one per CPU core. overwrite:
    replace scenes that this renderer made with other arguments. progress: show a progress bar.
    A folder made with the same arguments is left unchanged, and files that this renderer did not make are
    never touched.
    Raises SyntheticError for invalid arguments and for a folder that holds other files.
    """
    unknown = sorted(set(counts) - set(SPLITS))
    if unknown:
        raise SyntheticError(f"Unknown split {unknown[0]!r}; the splits are {', '.join(SPLITS)}.")
    counts = {split: counts.get(split, 0) for split in SPLITS}
    arguments = {**counts, "seed": seed, "size": size, "clumps": clumps}
    _check(arguments, workers)
    out = Path(out)
    found = _read_manifest(out)
    if found is not None and _is_same(out, found, arguments):
        return found
    _make_room(out, found, overwrite)
    manifest = {"made_by": "pumpkin.synthetic", "version": VERSION, "complete": False, "arguments": arguments}
    _write(out / MANIFEST, _encode(manifest))
    jobs = [(str(out), seed, split, k, size, clumps) for split in SPLITS for k in range(counts[split])]
    results = _run(jobs, workers or cores(), progress)
    files = {name: digest for result in results for name, digest in result["files"].items()}
    manifest.update(complete=True, summary=_summary(results), files=dict(sorted(files.items())))
    _write(out / MANIFEST, _encode(manifest))
    return manifest


def write_scene(out, seed, split, index, size, clumps):
    """Render one scene and write its files.

    Returns a dict: ``files`` maps names to sha256, ``hidden`` and ``touching`` are the scene's numbers.
    """
    scene = render_scene(scene_seed(seed, split, index), size, clumps)
    name = image_id(seed, split, index)
    folder = Path(out) / split / "pumpkin"
    (folder / "masks").mkdir(parents=True, exist_ok=True)
    files = {folder / f"{name}.jpg": _jpeg(scene.image, scene.quality)}
    for k, mask in enumerate(scene.masks()):
        files[folder / "masks" / f"{name}_{MID}_{box_id(seed, split, index, k)}.png"] = _png(mask)
    digests = {path.relative_to(out).as_posix(): _write(path, data) for path, data in files.items()}
    return {"files": digests, "hidden": scene.hidden, "touching": scene.touching()}


def _check(arguments, workers):
    for name in SPLITS:
        if not 0 <= arguments[name] <= MOST:
            raise SyntheticError(f"--{name} must be 0 to {MOST:,} scenes, got {arguments[name]}.")
    if not any(arguments[name] for name in SPLITS):
        raise SyntheticError("There are no scenes to render: give --train, --val or --test a number above 0.")
    if arguments["seed"] < 0:
        raise SyntheticError(f"--seed must be 0 or more, got {arguments['seed']}.")
    if not SMALLEST <= arguments["size"] <= LARGEST:
        raise SyntheticError(
            f"--size, the longer side of an image, must be {SMALLEST} to {LARGEST} pixels, "
            f"got {arguments['size']}."
        )
    if arguments["clumps"] not in STYLES:
        raise SyntheticError(f"--clumps must be one of {', '.join(STYLES)}, got {arguments['clumps']!r}.")
    if workers is not None and workers < 1:
        raise SyntheticError(f"--workers must be 1 or more, got {workers}.")


def _read_manifest(out):
    """Read the manifest of a folder; None if the folder does not exist or is empty."""
    if out.exists() and not out.is_dir():
        raise SyntheticError(f"{out} is a file; --out must be a folder.")
    path = out / MANIFEST
    if not path.exists():
        if out.exists() and any(out.iterdir()):
            raise SyntheticError(f"{out} holds files that this renderer did not make; choose another folder.")
        return None
    try:
        manifest = read_json(path)
    except FileError as error:
        raise SyntheticError(f"{str(error).rstrip('.')}; choose another folder.") from error
    if not _is_manifest(manifest):
        raise SyntheticError(f"{path} is not a manifest of this renderer; choose another folder.")
    return manifest


def _is_manifest(value):
    """Return whether a dict has the values of a manifest, as far as they are used."""
    arguments = value.get("arguments")
    if value.get("made_by") != "pumpkin.synthetic" or not isinstance(arguments, dict):
        return False
    if not all(type(arguments.get(name)) is int and arguments[name] >= 0 for name in (*SPLITS, "seed")):
        return False
    if max(arguments[split] for split in SPLITS) > MOST or type(value.get("complete")) is not bool:
        return False
    if not value["complete"]:
        return True
    summary, files = value.get("summary"), value.get("files")
    return (
        isinstance(files, dict)
        and isinstance(summary, dict)
        and all(type(summary.get(name)) in (int, float) for name in _summary([]))
    )


def _is_same(out, manifest, arguments):
    """Return whether a folder is complete, unchanged and made with these arguments."""
    if manifest["arguments"] != arguments or manifest.get("version") != VERSION or not manifest["complete"]:
        return False
    return all(_digest_of(out / name) == digest for name, digest in manifest["files"].items())


def _digest_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest() if os.path.isfile(path) else None


def _make_room(out, manifest, overwrite):
    """Delete the files of an earlier run of this renderer.

    Raises SyntheticError without ``overwrite``, or if the folder also holds other files.
    """
    if manifest is None:
        out.mkdir(parents=True, exist_ok=True)
        return
    if not overwrite:
        state = "other arguments or other bytes" if manifest["complete"] else "a run that did not finish"
        raise SyntheticError(f"{out} holds scenes of {state}; add --overwrite to replace them.")
    own = set(_own_files(out, manifest["arguments"]))
    for split in SPLITS:
        for path in sorted((out / split).rglob("*")):
            if path.is_file() and path not in own:
                raise SyntheticError(
                    f"{path} was not made by this renderer; move it or choose another folder."
                )
    for path in own:
        path.unlink()


def _own_files(out, arguments):
    """Yield the files in a folder that a run with these arguments may have written, partial ones included."""
    for split in SPLITS:
        names = {image_id(arguments["seed"], split, k) for k in range(arguments[split])}
        for path in (out / split / "pumpkin").rglob("*"):
            if path.is_file() and path.name.lstrip(".")[:16] in names:
                yield path


def _run(jobs, workers, progress):
    """Run ``write_scene`` for all jobs and return the results in order."""
    with progress_bar(len(jobs), "scenes", "scene", progress) as bar:
        if min(workers, len(jobs)) == 1:
            return [_step(bar, write_scene(*job)) for job in jobs]
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(min(workers, len(jobs)), mp_context=context, initializer=_start_worker)
        try:
            futures = [pool.submit(write_scene, *job) for job in jobs]
            return [_step(bar, future.result()) for future in futures]
        except BrokenProcessPool as error:
            raise SyntheticError(
                "A worker process died or could not start. If memory is short, use one worker. A script "
                'that calls generate() must do so under if __name__ == "__main__".'
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _step(bar, result):
    bar.update()
    return result


def _start_worker():
    """Let the parent handle Ctrl-C, so that started scenes are finished, and exit when the parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent():
    multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


def _summary(results):
    hidden = [share for result in results for share in result["hidden"]]
    overlapped = sum(share >= OVERLAPPED for share in hidden)
    touching = sum(result["touching"] for result in results)
    return {
        "images": len(results),
        "without_pumpkins": sum(not result["hidden"] for result in results),
        "pumpkins": len(hidden),
        "most_in_an_image": max((len(result["hidden"]) for result in results), default=0),
        "overlapped": round(overlapped / max(len(hidden), 1), 4),
        "touching": round(touching / max(len(hidden), 1), 4),
    }


def _jpeg(image, quality):
    file = io.BytesIO()
    Image.fromarray(image).save(
        file, "JPEG", quality=quality, subsampling=2, optimize=False, progressive=False
    )
    return file.getvalue()


def _png(mask):
    """Encode a mask as a 1-bit PNG."""
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "PNG", compress_level=9)
    return file.getvalue()


def _encode(manifest):
    return (json.dumps(manifest, indent=1) + "\n").encode()


def _write(path, data):
    """Write a file under a temporary name, rename it, and return its sha256."""
    write_bytes(path, data, durable=False)
    return hashlib.sha256(data).hexdigest()
