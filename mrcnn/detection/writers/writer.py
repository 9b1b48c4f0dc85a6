"""Writer: the base class of writers, and how several are opened for one folder."""

import contextlib
import importlib

from mrcnn.datasets.convert import require_new
from mrcnn.detection.look import Look
from mrcnn.detection.writers import WRITERS
from mrcnn.files import replacing_folder

_USUAL = Look()


class Writer:
    """Writes the detections of any number of photographs in one format.

    folder: a Path, see ``own_folder``. class_names: indexed by class id, the background first. look: the Look
    of pictures.
    """

    # The name of a folder that is the format's alone. It must be new: files of an earlier run would mix with
    # these, or hold what a person corrected.
    own_folder = None
    # The folder, below that of the output, for pictures named after each photograph; None if there is none.
    pictures = None

    def __init__(self, folder, class_names, look):
        self.folder, self.class_names, self.look = folder, list(class_names), look

    def write(self, photograph, image, found):
        """Write what is of one photograph, and return what ``add`` needs of it.

        It is called in several threads at once. photograph: a Photograph. image: [H, W, 3] uint8. found: its
        Detections.
        """
        raise NotImplementedError

    def add(self, photograph, record):
        """Write what must be written in the order of the photographs; return what ``finish`` needs.

        It is called in one thread. record: what ``write`` returned.
        """
        return record

    def finish(self, records):
        """Write what is of all photographs; return lines on what the format could not keep.

        records: an iterable, for any number of times, of what ``add`` returned for each. Others may have been
        written, too.
        """
        return []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        """Leave nothing half written if an error ends the work before ``finish``."""


def find_writer(word):
    """Return the class of a key of WRITERS."""
    module, _, name = WRITERS[word].partition(":")
    return getattr(importlib.import_module(module), name)


@contextlib.contextmanager
def open_writers(words, out, class_names, look=_USUAL):
    """The writers of some formats, in a list. What has a folder of its own appears when the block ends.

    words: keys of WRITERS. out: a Path, the folder for all. class_names: indexed by class id.
    look: the Look of pictures. Raises DatasetError if such a folder has something in it already. If the block
    raises, such folders are absent.
    """
    kinds = [find_writer(word) for word in words]
    for kind in kinds:
        if kind.own_folder is not None:
            require_new(out / kind.own_folder)
    with contextlib.ExitStack() as stack:
        folders = [
            out if kind.own_folder is None else stack.enter_context(replacing_folder(out / kind.own_folder))
            for kind in kinds
        ]
        writers = [kind(folder, class_names, look) for kind, folder in zip(kinds, folders)]
        yield [stack.enter_context(writer) for writer in writers]
