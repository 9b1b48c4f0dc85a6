"""Report a file whose reading hangs, for example on a network drive, while the run waits for it."""

import threading
import time

SECONDS = 60.0


class NameStalls:
    """Within its block, each file that takes ``seconds`` or more to read is reported once.

    loaders: a list of Loaders and None. report: called with the sentence from another thread.
    """

    def __init__(self, loaders, report, seconds=SECONDS):
        self.loaders = [loader for loader in loaders if loader is not None]
        self.report, self.seconds = report, seconds
        self._reported = set()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="stalls", daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *details):
        self._closed.set()
        self._thread.join()

    def _watch(self):
        while not self._closed.wait(self.seconds / 10):
            for loader in self.loaders:
                for thread, (path, since) in list(loader.loading.items()):
                    waited = time.monotonic() - since
                    if waited >= self.seconds and (thread, since) not in self._reported:
                        self._reported.add((thread, since))
                        self.report(
                            f"{path} has been loading for {waited:.0f} s. Is its disk or network slow, or "
                            "the file very large? Ctrl-C stops the run, which can be resumed."
                        )
