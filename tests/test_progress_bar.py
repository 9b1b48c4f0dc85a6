"""Progress: a bar on a terminal, and elsewhere plain lines, of which a file holds few."""

import io
import sys
from types import SimpleNamespace

import pytest
from tqdm import tqdm

from mrcnn import progress_bar


@pytest.fixture
def clock():
    return SimpleNamespace(now=100.0)


def lines_of(clock, *args, **options):
    return progress_bar.Lines(*args, clock=lambda: clock.now, **options)


def test_a_line_every_thirty_seconds(clock, capsys):
    with lines_of(clock, 500, "evaluate", "image") as bar:
        for _ in range(400):
            clock.now += 0.25
            bar.update(1)
    assert capsys.readouterr().err.splitlines() == [
        "evaluate: 120 of 500 images, 4 images/s, 2 min left",
        "evaluate: 240 of 500 images, 4 images/s, 65 s left",
        "evaluate: 360 of 500 images, 4 images/s, 35 s left",
    ]


def test_what_was_done_before_does_not_count_as_speed(clock, capsys):
    bar = lines_of(clock, 3_000_000, "a.h5", "byte", done=1_000_000, is_bytes=True)
    clock.now += 40
    bar.update(1_000_000)
    assert capsys.readouterr().err == "a.h5: 2.00MB of 3.00MB, 25.0kB/s, 40 s left\n"


def test_a_total_may_be_unknown_or_come_late(clock, capsys):
    bar = lines_of(clock, None, "read", "file")
    clock.now += 60
    bar.update(30)
    bar.total = 60
    clock.now += 60
    bar.update(0)
    assert capsys.readouterr().err.splitlines() == [
        "read: 30 files, 0.5 files/s",
        "read: 30 of 60 files, 0.25 files/s, 2 min left",
    ]


def test_a_postfix_is_printed_at_once_or_with_the_next_line(clock, capsys):
    bar = lines_of(clock, 10, "epoch 1/3", "step")
    bar.set_postfix_str("compiling")
    bar.set_postfix_str("loss 1.5", refresh=False)
    clock.now += 30
    bar.update(5)
    assert capsys.readouterr().err.splitlines() == [
        "epoch 1/3: compiling",
        "epoch 1/3: 5 of 10 steps, 0.167 steps/s, 30 s left, loss 1.5",
    ]


def test_a_terminal_has_a_bar_and_other_outputs_have_none(monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_bar.progress_bar(10, "check", "image") as bar:
        assert isinstance(bar, tqdm)
    written = terminal.getvalue()
    assert "check" in written
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert isinstance(progress_bar.progress_bar(10, "check", "image"), progress_bar.Lines)
    with progress_bar.progress_bar(10, "check", "image", shown=False) as bar:
        bar.update(10)
    assert sys.stderr.getvalue() == ""


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (89, "89 s"), (90, "2 min"), (5399, "90 min"), (5400, "1.5 h")]
)
def test_durations(seconds, words):
    assert progress_bar.duration(seconds) == words
