#!/usr/bin/python3
"""The units in examples/systemd, and sockets that chat_server gets from systemd.

    systemd_test.py CHAT_SERVER FOLDER [unittest's arguments]

FOLDER has the units. systemd itself checks them where it is installed.
"""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

from support import Program
from chat_server_test import connect, lines

CHAT_SERVER = FOLDER = ''
FIRST_FD = 3
PASS = '''
import os, sys
fds, pid = sys.argv[1].split(','), sys.argv[2] or str(os.getpid())
for i, fd in enumerate(fds):  # none of them is one of the targets
    os.dup2(int(fd), {first} + i)
os.environ.update(LISTEN_PID=pid, LISTEN_FDS=str(len(fds)))
os.execv(sys.argv[3], sys.argv[3:])
'''.format(first=FIRST_FD)


def listening_socket(family, address):
    """One with a descriptor that is out of the way of those that systemd uses."""
    with socket.socket(family) as sock:
        sock.bind((address, 0))
        sock.listen()
        high = os.dup(sock.fileno())
        fds = [high]
        while fds[-1] <= FIRST_FD + 2:
            fds.append(os.dup(high))
        for fd in fds[:-1]:
            os.close(fd)
        return socket.socket(fileno=fds[-1])


def with_sockets(sockets, *args, pid=''):
    fds = [sock.fileno() for sock in sockets]
    return Program(sys.executable, '-c', PASS, ','.join(map(str, fds)), pid, CHAT_SERVER, *args,
                   pass_fds=fds)


async def enter(sock):
    family, port = sock.family, sock.getsockname()[1]
    host = '[::1]' if family == socket.AF_INET6 else '127.0.0.1'
    async with connect('ws://%s:%d' % (host, port), '/chat/tea?name=Ada') as ws:
        await lines(ws, 'here Ada')


class PassedSockets(unittest.TestCase):
    def test_each_passed_socket_is_listened_on(self):
        with listening_socket(socket.AF_INET, '127.0.0.1') as first, \
                listening_socket(socket.AF_INET6, '::1') as second, \
                with_sockets([first, second]) as program:
            for sock in first, second:
                asyncio.run(enter(sock))
            program.signal(signal.SIGTERM)
            status, out, err = program.finish()
            self.assertEqual((status, len(out.splitlines()), err), (0, 2, ''))

    def test_sockets_for_another_process_are_left_alone(self):
        with listening_socket(socket.AF_INET, '127.0.0.1') as sock, \
                with_sockets([sock], pid='1') as program:
            program.out.find(r'^port \d+$')

    def test_descriptor_that_does_not_listen_is_an_error(self):
        with socket.socket() as sock, with_sockets([sock]) as program:
            self.assertEqual(program.finish(), (1, b'', 'chat_server: invalid argument'))


class Units(unittest.TestCase):
    @unittest.skipUnless(shutil.which('systemd-analyze'), 'there is no systemd here')
    def test_systemd_takes_the_units(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in 'chat.service', 'chat.socket':
                with open(os.path.join(FOLDER, name), encoding='utf-8') as unit:
                    text = unit.read().replace('/usr/local/bin/chat_server', CHAT_SERVER)
                with open(os.path.join(folder, name), 'w', encoding='utf-8') as unit:
                    unit.write(text)
            units = [os.path.join(folder, name) for name in ('chat.service', 'chat.socket')]
            result = subprocess.run(['systemd-analyze', 'verify', '--man=no', *units], text=True,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        self.assertEqual((result.returncode, result.stdout), (0, ''))


if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    CHAT_SERVER, FOLDER = os.path.abspath(sys.argv[1]), sys.argv[2]
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
