"""Open pages in a real browser: headless Chromium, driven through its pipe by the DevTools protocol."""

import base64
import contextlib
import itertools
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_SECONDS = 60  # without an answer
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-extensions", "--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip

# Chromium reads from file 3 and writes to file 4, whatever their numbers are here.
_START = """
import fcntl, os, sys
pipes = [fcntl.fcntl(int(word), fcntl.F_DUPFD, 10) for word in sys.argv[1:3]]
os.dup2(pipes[0], 3)
os.dup2(pipes[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


def path():
    """The path of a Chromium, or None."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


needed = pytest.mark.skipif(
    path() is None or os.name == "nt", reason="needs Chromium: apt-get install chromium, or any browser of it"
)


class Page:
    """A page that is open. requests: addresses it asked for. faults: errors of its console and scripts."""

    def __init__(self, browser, session):
        self._browser, self._session = browser, session
        self.requests, self.faults = [], []

    def do(self, method, **params):
        """Call a method of the protocol for this page; returns its result."""
        return self._browser.call(method, params, self._session)

    def value(self, script):
        """The value of a JavaScript expression, which must not raise."""
        found = self.do("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def screenshot(self, path, whole=False):
        """Write a PNG of what the window shows, or of the whole page."""
        found = self.do("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        Path(path).write_bytes(base64.b64decode(found["data"]))

    def hear(self, event, params):
        """Note what the browser reports."""
        if event == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.faults.append(params["exceptionDetails"]["text"])
        elif event == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.faults.append(str(params["args"]))
        elif event == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.faults.append(params["entry"]["text"])


class Browser:
    """A running Chromium."""

    def __init__(self, profile):
        to_read, self._out = os.pipe()
        self._in, to_write = os.pipe()
        words = [path(), *_FLAGS, f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, str(to_read), str(to_write), *words],
            pass_fds=(to_read, to_write), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        os.close(to_read)
        os.close(to_write)
        self._ids, self._rest, self._pages = itertools.count(1), b"", {}
        self._heard = []

    def open(self, file, width=1200, height=900):
        """Open a file in a window of the given size, and return its Page once it is loaded."""
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        attached = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})
        session = attached["sessionId"]
        page = self._pages[session] = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network"):
            page.do(f"{domain}.enable")
        page.do("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                mobile=width < 600)  # fmt: skip
        self._heard.clear()
        page.do("Page.navigate", url=Path(file).absolute().as_uri())
        while "Page.loadEventFired" not in self._heard:
            self._read()
        return page

    def call(self, method, params=None, session=None):
        """Call a method of the protocol and return its result."""
        number = next(self._ids)
        message = {"id": number, "method": method, "params": params or {}}
        if session:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            found = self._read()
            if found.get("id") == number:
                assert "error" not in found, (method, found["error"])
                return found["result"]

    def _read(self):
        """Return the next message, which may be an event."""
        end = time.monotonic() + _SECONDS
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], max(0, end - time.monotonic()))
            data = os.read(self._in, 1 << 20) if ready else b""
            assert data, "the browser does not answer"
            self._rest += data
        line, self._rest = self._rest.split(b"\0", 1)
        message = json.loads(line)
        event = message.get("method")
        if event:
            self._heard.append(event)
            if message.get("sessionId") in self._pages:
                self._pages[message["sessionId"]].hear(event, message["params"])
        return message

    def close(self):
        """End the browser and its processes."""
        os.close(self._out)
        os.close(self._in)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@contextlib.contextmanager
def running(profile):
    """A Browser while the block runs. profile: an empty folder."""
    browser = Browser(profile)
    try:
        yield browser
    finally:
        browser.close()
