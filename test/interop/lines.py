"""What a program writes to a pipe, waited for."""

import os
import re
import select
import time

PATIENCE = 20  # seconds, for anything that has to come


class Lines:
    """The pipe's text is kept. It is read when it is asked for, so what a program has written by
    then is seen."""

    def __init__(self, pipe, patience=PATIENCE):
        self.pipe, self.patience = pipe, patience
        self.data, self.taken, self.ended = bytearray(), 0, False

    def fill(self, timeout):
        """Whether more has come within so many seconds."""
        if self.ended or not select.select([self.pipe], [], [], timeout)[0]:
            return False
        piece = os.read(self.pipe.fileno(), 1 << 16)
        self.data += piece
        self.ended = not piece
        return not self.ended

    def wait_for(self, found):
        """The result of the function `found`, which is tried at once and whenever more has come,
        as soon as it is not None. None: the pipe has ended before."""
        deadline = time.monotonic() + self.patience
        while (result := found()) is None:
            if not self.fill(max(0, deadline - time.monotonic())):
                if not self.ended:
                    raise TimeoutError('nothing more comes after %r' % bytes(self.data[-2000:]))
                break
        return result

    def next_line(self):
        end = self.data.find(b'\n', self.taken)
        if end < 0:
            return None
        line, self.taken = bytes(self.data[self.taken:end]), end + 1
        return line

    def read(self):
        """The next line without its end; None: there is none any more."""
        return self.wait_for(self.next_line)

    def find(self, pattern):
        """Skips lines until one matches: the match."""
        seen = []
        while True:
            line = self.read()
            if line is None:
                raise EOFError('no %r in %r' % (pattern, seen))
            found = re.search(pattern, line.decode())
            if found:
                return found
            seen.append(line)

    def rest(self):
        """All lines up to the end."""
        return list(iter(self.read, None))

    def text(self):
        """All that was written up to now, with the lines that were read."""
        while self.fill(0):
            pass
        return self.data.decode(errors='replace')

    def find_all(self, pattern, count=1):
        """The matches in all that was written, as soon as there are so many of them."""
        def found():
            matches = re.findall(pattern, self.text(), re.M)
            return matches if len(matches) >= count else None
        matches = self.wait_for(found)
        if matches is None:
            raise EOFError('no %d %r in %r' % (count, pattern, self.text()))
        return matches
