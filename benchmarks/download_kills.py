"""Kill downloads at random moments, run them again, and compare: python benchmarks/download_kills.py.

Real processes of scripts/download.py fetch all splits from a server on the loopback that waits a little
before each answer. One kill in four is by Ctrl-C, the others are by SIGKILL; their moments are drawn from the
whole course of a run. A run that goes on may be killed again. At the end all files and the lock file must
equal those of a run that was not interrupted.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.openimages.server import FileServer
from tests.openimages.world import ANNOTATIONS, IMAGES, World

ROOT = Path(__file__).resolve().parents[1]
LATENCY = 0.02  # seconds before each answer


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0, help="seed of the moments (0)")
    args = parser.parse_args(argv)
    server = FileServer(World().files, LATENCY)
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        process = start(server, Path(folder) / "reference" / "data")
        if process.wait():
            raise SystemExit("the reference run failed")
        course, expected = time.monotonic() - began, content(Path(folder) / "reference")
        print(f"reference: {course:.1f} s, {len(expected)} files\n\nrun  kills      files found  result")
        rng, results = np.random.default_rng(args.seed), []
        while sum(len(kills) for kills, _ in results) < args.kills:
            place = Path(folder) / f"run{len(results)}"
            kills, files = killed_run(server, place / "data", course, rng)
            same = content(place) == expected
            results.append((kills, same))
            if kills:
                print(f"{len(results):3}  {', '.join(kills):20} {files}  {'equal' if same else 'DIFFERS'}")
    server.close()
    kills, equal = sum(len(kills) for kills, _ in results), sum(same for _, same in results)
    print(f"\n{kills} kills of {len(results)} runs; equal to the reference: {equal} of {len(results)} runs")
    return 0 if equal == len(results) else 1


def start(server, root):
    command = [
        sys.executable, str(ROOT / "scripts/download.py"), "--dataset", str(root), "--yes", "--attribution",
        "--crowds", "--annotations-url", server.url + ANNOTATIONS, "--images-url", server.url + IMAGES,
        "--connections", "4",
    ]  # fmt: skip
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "NO_PROXY": "127.0.0.1"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip


def killed_run(server, root, course, rng):
    """Run a download to its end, killing it on the way; return the kills and the files there after each."""
    kills, files, code = [], [], None
    while code != 0:
        process, code = start(server, root), None
        if not kills or rng.random() < 0.3:
            number = signal.SIGINT if rng.random() < 0.25 else signal.SIGKILL
            try:
                code = process.wait(rng.uniform(0.2, 1) * course)
            except subprocess.TimeoutExpired:
                process.send_signal(number)
                code = process.wait()
                kills.append(number.name)
                files.append(len(content(root.parent)))
        else:
            code = process.wait()
            if code:
                raise SystemExit(f"{root}: the last run ended with code {code}")
    return kills, files


def content(folder):
    """{relative path: bytes} of all files."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


if __name__ == "__main__":
    sys.exit(main())
