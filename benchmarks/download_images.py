"""Time the download of 1,000 images by the native engine and by oidv6, from the same local server.

    python benchmarks/download_images.py [--native 1000] [--oidv6 1000]

The server is moto's S3, which oidv6 reads through ``aws s3 cp`` and the native engine over plain HTTP. Each
runs in its own process, timed from start to end. Images are JPEGs of 768 x 1024 pixels, about 290 kB.
"""

import argparse
import csv
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import requests
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.openimages.world import box_id, image_id, pack, png

ROOT = Path(__file__).resolve().parents[1]
MID, BUCKET = "/m/05zsy", "open-images-dataset"


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--native", type=int, default=1000, help="images for the native engine (1000)")
    parser.add_argument("--oidv6", type=int, default=1000, help="images for oidv6 (1000)")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        address, server = start_server()
        try:
            ids = [image_id("train", k) for k in range(max(args.native, args.oidv6))]
            fill(address, ids)
            native = time_native(address, folder, args.native) / args.native
            oidv6 = time_oidv6(address, folder, ids[: args.oidv6]) / args.oidv6
        finally:
            server.terminate()
    print(
        f"native: {args.native} images in {native * args.native:.2f} s; oidv6: {args.oidv6} images in "
        f"{oidv6 * args.oidv6:.1f} s; oidv6 takes {oidv6 / native:.0f} times as long per image"
    )


def start_server():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    for _ in range(300):
        try:
            requests.put(f"{address}/{BUCKET}", timeout=5).raise_for_status()
            return address, server
        except requests.ConnectionError:
            time.sleep(0.1)
    raise SystemExit("moto's server does not start.")


def fill(address, ids):
    """Upload images, zips with one mask per image, and the lists of classes to the bucket."""
    noise = np.random.default_rng(0).integers(0, 255, (1024, 768, 3), np.uint8)
    smooth = Image.fromarray(noise).resize((384, 512)).resize((768, 1024))
    file = io.BytesIO()
    smooth.save(file, "JPEG", quality=88)
    print(f"images of {len(file.getvalue()) / 1e3:.0f} kB")
    mask = png(768, 1024, (0.2, 0.8, 0.2, 0.8))
    with requests.Session() as session:
        for name in ids:
            put(session, f"{address}/{BUCKET}/train/{name}.jpg", file.getvalue())
        for shard in "0123456789abcdef":
            members = {
                f"{n}_m05zsy_{box_id('train', k, 0)}.png": mask for k, n in enumerate(ids) if n[0] == shard
            }
            put(session, f"{address}/{BUCKET}/v5/train-masks/train-masks-{shard}.zip", pack(members))
        put(session, f"{address}/{BUCKET}/v5/class-descriptions-boxable.csv", f"{MID},Pumpkin\n".encode())
        put(session, f"{address}/{BUCKET}/v5/classes-segmentation.txt", f"{MID}\n".encode())


def put(session, address, data):
    session.put(address, data=data, headers={"x-amz-acl": "public-read"}, timeout=30).raise_for_status()


def time_native(address, folder, count):
    """Return the seconds that scripts/download.py takes, masks and checks included."""
    command = [
        sys.executable, str(ROOT / "scripts/download.py"), "--dataset", f"{folder}/native", "--yes",
        "--type_data", "train", "--limit", str(count),
        "--annotations-url", f"{address}/{BUCKET}", "--images-url", f"{address}/{BUCKET}",
    ]  # fmt: skip
    started = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - started
    check(Path(folder, "native"), count)
    return seconds


def time_oidv6(address, folder, ids):
    """Return the seconds that oidv6 alone takes; its tables are on disk, so it does not fetch them."""
    root = Path(folder, "oidv6")
    (root / "metadata").mkdir(parents=True)
    (root / "boxes").mkdir()
    (root / "metadata/class-descriptions-boxable.csv").write_text(f"{MID},Pumpkin\n")
    with (root / "boxes/oidv6-train-annotations-bbox.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("ImageID", "LabelName", "XMin", "XMax", "YMin", "YMax"))
        writer.writerows((name, MID, 0, 1, 0, 1) for name in ids)
    arguments = {
        "command": "downloader", "dataset": str(root), "type_data": "train", "classes": ["Pumpkin"],
        "limit": 0, "multi_classes": False, "yes": True, "no_labels": True,
    }  # fmt: skip
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    environment = {**os.environ, "PATH": path, "AWS_ENDPOINT_URL": address}
    command = [sys.executable, "-m", "pumpkin.openimages.oidv6_driver", json.dumps(arguments)]
    started = time.monotonic()
    subprocess.run(command, check=True, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - started
    check(root, len(ids))
    return seconds


def check(root, count):
    found = len(list(root.rglob("*.jpg")))
    if found != count:
        raise SystemExit(f"{root.name} brought {found} of {count} images.")


if __name__ == "__main__":
    main()
