"""What is printed: lines without control characters, in the letters that the screen has.

Names of files, classes and layers come from strangers. A terminal obeys the escapes in them: they clear the
screen, set its title, or write over the last line.
"""

import sys
import unicodedata

_KEPT = "\t"
_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}  # controls, halves of characters, ends of lines and paragraphs
_ORDER = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # of letters


def printable(text):
    r"""Return a text with its control characters as escapes, such as \x1b or \n, so that it is one line."""
    text = str(text)
    if text.isprintable():
        return text
    return "".join(map(_escaped, text))


def _escaped(letter):
    if letter in _KEPT or (letter not in _ORDER and unicodedata.category(letter) not in _CATEGORIES):
        return letter
    return letter.encode("unicode_escape").decode("ascii")


def show(*lines, file=None):
    """Print each text as one line, and at once. file: a stream other than stdout.

    Letters that the stream's encoding lacks are printed as escapes.
    """
    stream = sys.stdout if file is None else file
    encoding = getattr(stream, "encoding", None) or "utf-8"
    for line in lines:
        shown = printable(line).encode(encoding, "backslashreplace").decode(encoding)
        print(shown, file=stream, flush=True)
