"""What is printed has no control characters, and letters that the screen has."""

import io
import sys

import pytest

from mrcnn.screen import printable, show


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "Kürbis, 南瓜, تمر, a\tb \u3000\u200d",
            "Kürbis, 南瓜, تمر, a\tb \u3000\u200d",
        ),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("a.png\nFine to train on.\r", r"a.png\nFine to train on.\r"),
        ("\x00\x7f\x85\x9b31m", r"\x00\x7f\x85\x9b31m"),
        ("a\u2028b\u2029c", r"a\u2028b\u2029c"),
        ("gnp.\u202egpj", r"gnp.\u202egpj"),
        ("\udcff\ud800", r"\udcff\ud800"),
        (ValueError("a\x1b"), r"a\x1b"),
    ],
)
def test_what_terminals_obey_is_escaped(text, shown):
    assert printable(text) == shown


def test_letters_that_a_screen_lacks_are_escaped(monkeypatch):
    screen = io.TextIOWrapper(io.BytesIO(), encoding="ascii", newline="\n")
    monkeypatch.setattr(sys, "stdout", screen)
    show("Kürbis \u5357\x1b", "and more")
    assert screen.buffer.getvalue() == b"K\\xfcrbis \\u5357\\x1b\nand more\n"


def test_lines_go_to_the_file(capsys):
    show("a", "b\nc", file=sys.stderr)
    assert capsys.readouterr() == ("", "a\nb\\nc\n")
