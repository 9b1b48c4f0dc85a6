"""A replacement of distutils.version, which old programs use to compare versions of TensorFlow and Keras."""

import functools
import re

__all__ = ["LooseVersion", "StrictVersion"]


@functools.total_ordering
class LooseVersion:
    """A version, compared number by number with another version or a text. ``version`` lists its parts."""

    def __init__(self, vstring):
        self.vstring = str(vstring)
        parts = re.findall(r"\d+|[a-z]+", self.vstring)
        self.version = [int(part) if part.isdigit() else part for part in parts]

    def __str__(self):
        return self.vstring

    def __repr__(self):
        return f"LooseVersion ('{self}')"

    def __eq__(self, other):
        return self.version == _parts(other)

    def __lt__(self, other):
        return self.version < _parts(other)


StrictVersion = LooseVersion


def _parts(version):
    return (version if isinstance(version, LooseVersion) else LooseVersion(version)).version
