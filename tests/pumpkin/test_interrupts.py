"""Ctrl-C before a command has anything to put in order ends the process at once, whatever is imported."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pumpkin import __main__ as program
from pumpkin import interrupts

ROOT = Path(__file__).resolve().parents[2]
CTRL_C = "os.kill(os.getpid(), signal.SIGINT)"
SWALLOWED = f"try:\n    {CTRL_C}; time.sleep(9)\nexcept BaseException: pass"


def python(*lines):
    """Run lines of Python in a process; return its status, output and errors."""
    begin = ["import os, signal, time", "from pumpkin import interrupts"]
    code = "\n".join([*begin, *lines, "print('went on')"])
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
class TestCtrlC:
    def test_it_ends_the_process_whatever_catches_exceptions(self):
        told = python("interrupts.end_at_once('train')", SWALLOWED)
        assert told == (130, "", "\ntrain: stopped.\n")

    def test_the_line_is_shown_while_stderr_is_held_back(self):
        held = ["file = open(os.devnull, 'w')", "os.dup2(file.fileno(), 2)"]
        told = python("interrupts.end_at_once('train')", *held, SWALLOWED)
        assert told == (130, "", "\ntrain: stopped.\n")

    def test_work_that_is_put_in_order_gets_an_exception(self):
        told = python("interrupts.end_at_once('train')", "interrupts.end_in_order()", SWALLOWED)
        assert told == (0, "went on\n", "")

    def test_a_process_in_the_background_ignores_it(self):
        told = python(
            "signal.signal(signal.SIGINT, signal.SIG_IGN)", "interrupts.end_at_once('train')", CTRL_C
        )
        assert told == (0, "went on\n", "")


def test_the_program_sets_it_up_and_takes_it_back(monkeypatch, capsys):
    seen = []
    monkeypatch.setattr(
        program, "_run", lambda *words: seen.append((words, signal.getsignal(signal.SIGINT))) or 3
    )
    assert program.main(["check", "--all"]) == 3
    [(words, handler)] = seen
    assert words == ("check", "--all") and handler.__module__ == interrupts.__name__
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
class TestHeldBack:
    def test_ctrl_c_waits_for_the_end_of_the_block(self):
        done = []
        with pytest.raises(KeyboardInterrupt), interrupts.held_back():
            os.kill(os.getpid(), signal.SIGINT)
            done.append(True)
        assert done == [True]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    def test_an_error_of_the_block_stays(self):
        with pytest.raises(ValueError, match="its own"), interrupts.held_back():
            os.kill(os.getpid(), signal.SIGINT)
            raise ValueError("its own")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

    def test_a_program_with_its_own_handler_keeps_it(self):
        own = signal.signal(signal.SIGINT, lambda *_: pressed.append(True))
        pressed = []
        try:
            with interrupts.held_back():
                os.kill(os.getpid(), signal.SIGINT)
                assert pressed == [True]
        finally:
            signal.signal(signal.SIGINT, own)

    def test_other_threads_have_no_signals(self):
        held = []
        thread = threading.Thread(target=lambda: held.append(interrupts.held_back().__enter__()))
        thread.start()
        thread.join()
        assert held == [None]
