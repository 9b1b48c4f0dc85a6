"""Ctrl-C and SIGTERM ask a run to stop at the end of its step."""

import os
import signal
import threading

_ANSWER = b"\nStopping at the end of the step, or of the validation where one runs; once more: at once.\n"


class StopSignals:
    """Within its block the first signal sets ``asked``; a second one stops at once, by KeyboardInterrupt.

    The first is answered on stderr. Signals that the program handles or ignores itself stay as
    they are, and so do all outside the main thread, where Python forbids handlers.
    """

    def __init__(self):
        self.asked = False
        self._before = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL):
                    self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *error):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number, frame):
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        os.write(2, _ANSWER)  # print may be what was interrupted, and cannot be entered twice
