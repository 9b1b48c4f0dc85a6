"""Measure memory and speed of streaming a 2 GB table for the rows of one class.

    python benchmarks/download_table.py [--gigabytes 2]

A server in another process generates the table as it sends it. The rows are as long as those of Open Images'
boxes, and one in 1,000 has the class.
"""

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mrcnn.http import Client
from pumpkin.openimages.tables import Table

HEADER = (
    "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf,IsDepiction,"
    "IsInside,XClick1X,XClick2X,XClick3X,XClick4X,XClick1Y,XClick2Y,XClick3Y,XClick4Y\n"
)
ROW = "{:016x},xclick,/m/{},1,0.1024,0.3345678,0.25,0.78125,0,1,0,0,0,0.1,0.2,0.3,0.4,0.1,0.2,0.3,0.4\n"


def block():
    """Return 1,000 rows; the first has the class."""
    return "".join(ROW.format(k, "04yx4" if k else "05zsy") for k in range(1000)).encode()


class Handler(BaseHTTPRequestHandler):
    blocks = 1

    def do_GET(self):
        data = block()
        self.send_response(200)
        self.send_header("Content-Length", str(len(HEADER) + self.blocks * len(data)))
        self.end_headers()
        self.wfile.write(HEADER.encode())
        for _ in range(self.blocks):
            self.wfile.write(data)

    def log_message(self, *_):
        pass


def serve(blocks, pipe):
    Handler.blocks = blocks
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    pipe.send(server.server_address[1])
    server.serve_forever()


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=2, help="size of the table (2)")
    blocks = int(parser.parse_args(argv).gigabytes * 1e9 / len(block()))
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(blocks, there), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{here.recv()}/boxes.csv"
    with tempfile.TemporaryDirectory() as folder:
        columns = ("LabelName", "ImageID", "XMin", "XMax", "YMin", "YMax")
        table = Table(Client(), url, "boxes.csv", Path(folder), "boxes.csv", columns, ["/m/05zsy"])
        started = time.monotonic()
        rows, facts = table.fetch()
        seconds = time.monotonic() - started
    server.terminate()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{facts.size / 1e9:.2f} GB in {seconds:.1f} s ({facts.size / 1e6 / seconds:.0f} MB/s), kept "
        f"{len(rows)} rows of {1000 * blocks}, peak memory {memory:.0f} MiB"
    )


if __name__ == "__main__":
    main()
