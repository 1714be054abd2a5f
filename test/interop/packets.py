"""Input that a program reads in the very pieces in which it is written."""

import contextlib
import fcntl
import os
import select
import threading


class Feed:
    """A pipe with the pieces; `end` is the program's side of it. Each is a packet of its own
    (O_DIRECT), and has to be read before there is room for the next one. libuv takes the end of the
    writer for the end of the data when a read was short, so the writer ends when all has been read,
    or when nobody can read any more."""

    def __init__(self, pieces):
        self.end, self.writer = os.pipe2(os.O_DIRECT | os.O_CLOEXEC)
        fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, 1)
        self.thread = threading.Thread(target=self.write, args=[pieces])

    def write(self, pieces):
        with contextlib.suppress(BrokenPipeError):
            for piece in pieces:
                os.write(self.writer, piece)
            select.select([], [self.writer], [])
        os.close(self.writer)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        """The program has ended."""
        os.close(self.end)
        self.thread.join()
