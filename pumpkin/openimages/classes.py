"""Class names and their MIDs, Open Images' ids of classes (``/m/05zsy`` is Pumpkin)."""

import csv
import difflib
import io
import re
from dataclasses import dataclass

from pumpkin.openimages.errors import IntegrityError, UsageError

MID = re.compile(r"/m/[0-9a-z_]{2,16}")
_SAFE_NAME = re.compile(r"[^/\\.][^/\\]{0,99}")  # a name becomes a folder


@dataclass(frozen=True, order=True)
class ObjectClass:
    """A class of Open Images, for example with mid ``/m/05zsy`` and name ``Pumpkin``.

    twin: another class of the same choice would have the same folder. Raises IntegrityError for an invalid
    MID or name.
    """

    mid: str
    name: str
    twin: bool = False

    def __post_init__(self):
        safe = _SAFE_NAME.fullmatch(self.name) and self.name.isprintable()
        if not MID.fullmatch(self.mid) or not safe:
            raise IntegrityError(
                f"{self.mid!r}, {self.name!r} is not a class of Open Images; fetch the list of classes again."
            )

    @property
    def key(self):
        """The MID as it appears in file names, ``m05zsy``."""
        return mid_key(self.mid)

    @property
    def folder(self):
        """The name of the class's folder: as in oidv6's layout, but a twin's ends with its MID."""
        return f"{self.plain_folder}_{self.key}" if self.twin else self.plain_folder

    @property
    def plain_folder(self):
        """The name of the class's folder in oidv6's layout: lower case, with underscores for spaces."""
        return self.name.lower().replace(" ", "_")


def mid_key(mid):
    """Convert a MID such as ``/m/05zsy`` to its form in file names, ``m05zsy``."""
    return mid.replace("/", "")


class ClassTable:
    """The classes that have boxes (about 600), and the subset that has masks (350)."""

    def __init__(self, names, with_masks):
        """Create a table. names: {mid: name}. with_masks: set of MIDs."""
        self.names, self.with_masks = names, with_masks

    @classmethod
    def parse(cls, names_csv, masks_txt):
        """Parse the texts of Open Images' two lists, with or without a header.

        Raises IntegrityError if a list holds no MIDs, or if they contradict each other.
        """
        rows = csv.reader(io.StringIO(names_csv, newline=""), skipinitialspace=True)
        try:
            names = {row[0].strip(): row[1].strip() for row in rows if len(row) >= 2}
        except csv.Error as error:
            raise IntegrityError(
                f"The list of classes is not CSV ({error}); check the base address."
            ) from error
        names = {mid: name for mid, name in names.items() if MID.fullmatch(mid)}
        with_masks = {line.strip() for line in masks_txt.splitlines() if MID.fullmatch(line.strip())}
        if not names or not with_masks:
            raise IntegrityError("The lists of classes hold no MIDs (/m/...); check the base address.")
        if nameless := sorted(with_masks - names.keys()):
            raise IntegrityError(
                f"The lists of classes contradict each other: {nameless[0]} has masks but no name; run the "
                f"same command again, or check the base address."
            )
        return cls(names, with_masks)

    def find(self, text):
        """Return the ObjectClass of a name (in any case, with spaces or underscores) or of a MID.

        Raises UsageError for an unknown class or one without masks; the message names the nearest classes.
        Raises it also for a name that several classes have.
        """
        mid = text if text in self.names else self._named(text)
        if mid is None and MID.fullmatch(text):  # similar MIDs do not mean similar classes
            raise UsageError(f"There is no class with MID {text}; give the class by its name.")
        if mid is None:
            raise UsageError(f"There is no class {text!r}; {self._nearest(text)}")
        if mid not in self.with_masks:
            raise UsageError(
                f"{self.names[mid]} has boxes but no masks in Open Images ({len(self.with_masks)} classes "
                f"have masks); {self._nearest(text)}"
            )
        return ObjectClass(mid, self.names[mid])

    def _named(self, text):
        """Return the MID of the class with a name, in this spelling or else in any; None if there is none."""
        alike = sorted(mid for mid, name in self.names.items() if _plain(name) == _plain(text))
        found = [mid for mid in alike if self.names[mid] == text] or alike
        if len(found) > 1:
            raise UsageError(
                f"{len(found)} classes have the name {text!r}; give the MID: {', '.join(found)}."
            )
        return found[0] if found else None

    def _nearest(self, text):
        """Return the end of a sentence that names the classes with masks whose names are most similar."""
        known = {_plain(self.names[mid]): self.names[mid] for mid in self.with_masks if mid in self.names}
        close = difflib.get_close_matches(_plain(text), known, n=3, cutoff=0.0)
        return f"the nearest with masks are {', '.join(known[name] for name in close)}."


def _plain(text):
    return " ".join(text.lower().replace("_", " ").split())
