"""Measure the memory of detect on videos of different lengths.

    python benchmarks/video.py --weights runs/demo20261128T0746
    python benchmarks/video.py --weights runs/demo20261128T0746 --frames 100 300 --width 1920 --height 1080

Each row is the command in a process of its own. The videos show orange discs that move over a noisy ground.
Memory is flat if its peak does not grow with the number of frames.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # runs from a clone, not installed

RATE = 25.0


def main(argv=None):
    args = parse(argv)
    print(f"{args.width} x {args.height} pixels, --save {args.save}")
    print("| frames | found | s per frame | peak, MB | detections.json, MB |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for count in args.frames:
            clip, out = Path(folder) / f"clip_{count}.mp4", Path(folder) / f"out_{count}"
            write_clip(clip, count, args.height, args.width)
            seconds, peak = measured(args, clip, out)
            text = (out / "detections.json").read_text(encoding="utf-8")
            size, found = len(text) / 1e6, text.count('"score"')
            print(f"| {count} | {found} | {seconds / count:.2f} | {peak:.0f} | {size:.1f} |", flush=True)


def parse(argv):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", required=True, help="a weights file or a run's folder")
    parser.add_argument("--frames", type=int, nargs="+", default=[100, 300])
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=720)
    parser.add_argument("--save", default="overlay,splash,coco,csv,polygons")
    return parser.parse_args(argv)


def write_clip(path, count, height, width, discs=12):
    """Write a video of discs that move, the same each time."""
    from mrcnn.detection.video_file import VideoFile

    rng = np.random.default_rng(0)
    ground = cv2.GaussianBlur(rng.integers(40, 160, (height, width, 3), np.uint8), (0, 0), 3)
    size = np.array([width, height])
    places, steps = rng.random((discs, 2)) * size, rng.normal(0, 4, (discs, 2))
    radii = rng.integers(height // 20, height // 8, discs)
    with VideoFile(path, RATE) as video:
        for number in range(count):
            picture = ground.copy()
            for place, radius in zip((places + number * steps) % size, radii):
                cv2.circle(
                    picture, tuple(place.astype(int).tolist()), int(radius), (230, 120, 20), -1, cv2.LINE_AA
                )
            video.write(picture, number / RATE)


def measured(args, clip, out):
    """Run detect; return its seconds and the peak of its resident memory in 10^6 bytes."""
    words = [str(clip), "--weights", args.weights, "--out", str(out), "--save", args.save]
    start = time.perf_counter()
    command = [sys.executable, str(ROOT / "scripts/detect.py"), *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with exit code {process.returncode}")
    return time.perf_counter() - start, usage.ru_maxrss * 1024 / 1e6


if __name__ == "__main__":
    main()
