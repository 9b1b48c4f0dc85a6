"""Progress bars for downloads, and sizes in readable units."""

import threading

from mrcnn.progress_bar import progress_bar


class Progress:
    """A progress bar of bytes that also counts files; thread-safe."""

    def __init__(self, title, total_bytes, total_files=0):
        self._bar = progress_bar(total_bytes or None, title, "byte", is_bytes=True)
        self._files, self._total_files = 0, total_files
        self._lock = threading.Lock()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._bar.close()

    def bytes(self, count):
        """Add bytes that have arrived."""
        with self._lock:
            self._bar.update(count)

    def file(self, count=1):
        """Add files that are complete."""
        with self._lock:
            self._files += count
            if self._total_files:
                self._bar.set_postfix_str(f"{self._files}/{self._total_files} files", refresh=False)


def megabytes(count):
    """Format a number of bytes in kB, MB or GB."""
    if count < 1e6:
        return f"{count / 1e3:.1f} kB"
    return f"{count / 1e6:.1f} MB" if count < 1e9 else f"{count / 1e9:.2f} GB"
