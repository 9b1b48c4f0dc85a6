"""What Ctrl-C does before a command has anything to put in order: it ends the process at once.

Until then, a command imports libraries. An exception that Ctrl-C raises within an import may be lost there,
and the command would go on.
"""

import contextlib
import os
import signal
import threading

STOPPED = 130  # the exit status after Ctrl-C, as shells have it


def end_at_once(command):
    """Let Ctrl-C end the process, with a line on stderr. Does nothing where Ctrl-C is ignored or handled."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return
    screen = os.dup(2)  # startup holds back what libraries write to stderr

    def end(*_):
        os.write(screen, f"\n{command}: stopped.\n".encode())
        os._exit(STOPPED)

    signal.signal(signal.SIGINT, end)
    _at_once.append(end)


def end_in_order():
    """Let Ctrl-C raise KeyboardInterrupt again, for work that is put in order when it ends."""
    if _at_once and signal.getsignal(signal.SIGINT) is _at_once.pop():
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextlib.contextmanager
def held_back():
    """Let Ctrl-C wait for the end of the block, for what must not be half done."""
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    pressed = []
    signal.signal(signal.SIGINT, lambda *_: pressed.append(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if pressed:
        raise KeyboardInterrupt


_at_once = []  # the handler in place
