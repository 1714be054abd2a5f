"""What the tests of the programs in examples/ have in common: running one, line by line, and the
peers of the interoperability tests to run it against."""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..', 'cli'), os.path.join(HERE, '..', 'interop')]
# pylint: disable=wrong-import-position,unused-import
from cli_test import Server  # noqa: E402
from lines import Lines  # noqa: E402
from programs import (  # noqa: E402
    BINARY, CLOSE, PATIENCE, TEXT, FrameSocket, write_until_stalled)
from run import environment, node, python  # noqa: E402

PEERS = {'node': lambda: node('node_server.js'), 'python': lambda: python('py_server.py')}


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
