"""A list on the disk, for what is kept of any number of photographs and frames."""

import pickle
import tempfile
import weakref
from array import array


class Spool:
    """A list that grows, in a nameless temporary file: in memory is one value at a time.

    It may be iterated any number of times. The file is gone when the list is.
    """

    def __init__(self):
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self._starts, self._end = array("q"), 0
        weakref.finalize(self, self._file.close)

    def append(self, value):
        """Add a value at the end. Raises OSError for a full disk, and is then as before."""
        self._file.seek(self._end)
        pickle.dump(value, self._file, pickle.HIGHEST_PROTOCOL)
        self._starts.append(self._end)
        self._end = self._file.tell()

    def __len__(self):
        return len(self._starts)

    def __getitem__(self, index):
        self._file.seek(self._starts[index])
        return pickle.load(self._file)

    def __iter__(self):
        return (self[index] for index in range(len(self)))
