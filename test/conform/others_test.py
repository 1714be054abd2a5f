#!/usr/bin/env python3
"""That what others wrote passes the cases of permessage-deflate, so that the peer asks for no more
than can be had: websockets for Python, and ws for Node.js, in both roles. Where they do not, it is
named here."""

import fnmatch
import json
import os
import shutil
import sys
import tempfile
import unittest

import run

LIMIT_S = 120
OPTIONS = ['--deflate', '--messages', '2', '--allow-non-strict']
TRUNCATED = ('block.truncated', 'block.truncated-head')  # zlib does not tell
FINAL = ('block.final-then-more', 'block.final-then-shared', 'block.final-within')

# websockets does not go on behind a final block, and compresses with no window of 8.
WEBSOCKETS_CLIENT = (*TRUNCATED, *FINAL, 'mixed.s*c[-+]8')
WEBSOCKETS_SERVER = (*TRUNCATED, *FINAL, 'mixed.s[-+]8c*')
# ws does so, but without the window, and looks at UTF-8 when a message is whole.
WS = (*TRUNCATED, 'block.final-then-shared', 'block.final-within', 'block.utf8-fast')


def here(name):
    return os.path.join(run.HERE, name)


def python(role):
    return [sys.executable, here('others.py'), role, '--deflate']


def node(script):
    os.environ.setdefault('NODE_PATH', '/usr/share/nodejs')
    return [shutil.which('node') or 'nodejs', here(script), '--deflate']


class Others(unittest.TestCase):
    def check(self, drive, command, known):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'report')
            drive(command, [*OPTIONS, '--report', path], LIMIT_S)
            with open(path, encoding='ascii') as file:
                cases = json.load(file)['cases']
        for case_id, record in cases.items():
            if any(fnmatch.fnmatchcase(case_id, pattern) for pattern in known):
                continue
            with self.subTest(case=case_id):
                self.assertIn(record['behavior'], ('OK', 'NON-STRICT'), record)
                self.assertEqual(record['behaviorClose'], 'OK', record)

    def test_the_client_of_websockets(self):
        self.check(run.run_client, python('client'), WEBSOCKETS_CLIENT)

    def test_the_server_of_websockets(self):
        self.check(run.run_server, python('server'), WEBSOCKETS_SERVER)

    def test_the_client_of_ws(self):
        self.check(run.run_client, node('others_client.js'), WS)

    def test_the_server_of_ws(self):
        self.check(run.run_server, node('others_server.js'), WS)


if __name__ == '__main__':
    unittest.main()
