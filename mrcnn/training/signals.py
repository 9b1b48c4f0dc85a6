"""Stop a run at the end of its step on Ctrl-C or SIGTERM."""

import os
import signal
import threading

_ANSWER = b"\nStopping at the end of the step, or of a running validation; repeat to stop at once.\n"


class StopSignals:
    """Within its block the first signal sets ``asked``; the second raises KeyboardInterrupt at once.

    The first also writes a line to stderr. Signals that the program handles or ignores keep their handlers,
    and so do all signals outside the main thread, where Python forbids handlers.
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
        os.write(2, _ANSWER)  # the signal may have interrupted print, which is not reentrant
