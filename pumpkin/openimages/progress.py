"""What the user sees while files arrive, and how much there is."""

import threading

from tqdm import tqdm


class Progress:
    """A bar of bytes that also counts files; silent where stderr is no terminal. Safe between threads."""

    def __init__(self, title, total_bytes, total_files=0):
        self._bar = tqdm(
            total=total_bytes or None, desc=title, unit="B", unit_scale=True, disable=None, mininterval=0.2
        )
        self._files, self._total_files = 0, total_files
        self._lock = threading.Lock()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._bar.close()

    def bytes(self, count):
        """Bytes that have arrived."""
        with self._lock:
            self._bar.update(count)

    def file(self, count=1):
        """Files that are whole."""
        with self._lock:
            self._files += count
            if self._total_files:
                self._bar.set_postfix_str(f"{self._files}/{self._total_files} files", refresh=False)


def megabytes(count):
    """A number of bytes as people read it."""
    if count < 1e6:
        return f"{count / 1e3:.1f} kB"
    return f"{count / 1e6:.1f} MB" if count < 1e9 else f"{count / 1e9:.2f} GB"
