"""Signals that were ignored when a test began, as SIGHUP is under nohup, would be ignored in the
programs that it starts, too."""

import signal


def heed_signals():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
