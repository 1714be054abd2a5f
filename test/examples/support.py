"""What the tests of the programs in examples/ have in common: running one, line by line, and the
peers of the interoperability tests to run it against."""

import os
import re
import select
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', 'cli'), os.path.join(HERE, '..', 'interop')]
# pylint: disable=wrong-import-position,unused-import
from cli_test import Server  # noqa: E402
from programs import PATIENCE, TEXT, write_until_stalled  # noqa: E402
from run import environment, node, python  # noqa: E402

PEERS = {'node': lambda: node('node_server.js'), 'python': lambda: python('py_server.py')}


class Lines:
    """The lines of a pipe, each waited for."""

    def __init__(self, pipe):
        self.pipe, self.buffer = pipe, b''

    def read(self):
        """The next line without its end; None: there is none any more."""
        deadline = time.monotonic() + PATIENCE
        while b'\n' not in self.buffer:
            left = max(0, deadline - time.monotonic())
            if not select.select([self.pipe], [], [], left)[0]:
                raise TimeoutError('no line comes')
            data = os.read(self.pipe.fileno(), 1 << 16)
            if not data:
                return None
            self.buffer += data
        line, self.buffer = self.buffer.split(b'\n', 1)
        return line

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


class Program:
    """One that runs, and is killed at the end of the `with` block if it still does."""

    def __init__(self, *command, **kwargs):
        pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        pipes.update(kwargs)
        self.process = subprocess.Popen(command, bufsize=0, env=environment(), **pipes)
        self.out = Lines(self.process.stdout) if self.process.stdout else None
        self.err = Lines(self.process.stderr) if self.process.stderr else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()

    def write(self, data):
        self.process.stdin.write(data)

    def end_input(self):
        self.process.stdin.close()

    def signal(self, number):
        self.process.send_signal(number)

    def finish(self):
        """Waits for the end: the exit status, and what was left on standard output and error."""
        out = b'\n'.join(self.out.rest()) if self.out else b''
        err = b'\n'.join(self.err.rest()).decode() if self.err else ''
        return self.process.wait(PATIENCE), out, err


class Peer(Program):
    """A server of the interoperability tests, by name."""

    def __init__(self, name):
        super().__init__(*PEERS[name](), stdin=subprocess.DEVNULL, stderr=None)
        try:
            port = self.out.find(r'listening.*?(\d+)$').group(1)
        except BaseException:
            self.__exit__()
            raise
        self.url = 'ws://127.0.0.1:%s' % port
