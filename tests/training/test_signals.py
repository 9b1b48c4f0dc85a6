"""Ctrl-C is first a wish and then an order; other programs' handlers stay."""

import os
import signal
import threading

import pytest

from mrcnn.training.signals import StopSignals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_stops(number, capfd):
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), StopSignals() as signals:
        assert not signals.asked
        os.kill(os.getpid(), number)
        assert signals.asked
        assert "Stopping at the end of the step" in capfd.readouterr().err
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def test_a_programs_own_handlers_stay():
    seen = []
    before = signal.signal(signal.SIGINT, lambda *args: seen.append(args[0]))
    try:
        with StopSignals() as signals:
            os.kill(os.getpid(), signal.SIGINT)
            assert not signals.asked
        assert seen == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_have_no_handlers():
    found = []

    def use():
        with StopSignals() as signals:
            found.append(signals.asked)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert found == [False]
