#!/usr/bin/env python3
"""Names, looked up by c-ares and by the C library: the addresses come in the same order, and silent
name servers do not keep the program `wsuv`, be it a client or a server.

    names_test.py WSUV LOOKUP [unittest's arguments]

In a network namespace of its own, with addresses, routes and a name server of its own, and with its
own files in /etc. Where no such namespace can be had the test says so, and ends with status 77: it
was not run.
"""

import os
import queue
import random
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

from namespace import enter, ip

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'cli')]
import listen_test  # noqa: E402
from programs import LOST, heed_signals  # noqa: E402

WSUV = LOOKUP = ''
PATIENCE = 60  # seconds, for anything that has to come
SYSTEM_WAITS = 4  # seconds, less than the C library waits for a silent name server

FILES = {
    '/etc/resolv.conf': 'nameserver 127.0.0.1\n',
    '/etc/nsswitch.conf': 'hosts: files dns\n',
    '/etc/hosts': '127.0.0.1 localhost\n',
    '/etc/gai.conf': '',
}

ADDRESSES = {  # of the namespace, in each of the tables
    'loopback only': (),
    'IPv4': ('10.1.2.3/8',),
    'IPv4 and IPv6': ('10.1.2.3/8', '2001:db8::3/64'),
    'IPv6': ('2001:db8::3/64',),
    'unique local': ('192.168.7.3/24', 'fd12:3456::3/48'),
    'unique local and global': ('192.168.7.3/24', 'fd12:3456::3/48', '2001:db8::3/64'),
    '6to4': ('192.168.7.3/24', '2002:c0a8:703::3/48'),
    'Teredo': ('192.168.7.3/24', '2001:0:1::3/48'),
    'two of IPv4': ('10.1.2.3/8', '192.168.7.3/24'),
}
POOL = (
    '10.1.2.9', '10.200.0.1', '192.168.7.9', '192.168.8.1', '169.254.3.4', '127.0.0.5',
    '198.51.100.1', '203.0.113.77', '172.16.0.1', '2001:db8::9', '2001:db8:0:1::9',
    '2001:db8:ffff::1', '2a00::1', 'fd12:3456::9', 'fd12:3456:0:1::9', 'fdff::1',
    '2002:c0a8:709::1', '2002:1234::1', '2001:0:1::9', '2001:0:ffff::9', '::1', 'fec0::1',
)
NAMES = 40  # in each table


class NameServer(threading.Thread):
    """Over UDP; names that it does not have are met with silence."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(('127.0.0.1', 53))
        self.names, self.unknown = {}, queue.SimpleQueue()

    def answer(self, question):
        labels, at = [], 12
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode())
            at += 1 + question[at]
        kind = struct.unpack('!H', question[at + 1:at + 3])[0]
        if '.'.join(labels).lower() not in self.names:
            self.unknown.put('.'.join(labels).lower())
            return None
        records = []
        for address in self.names['.'.join(labels).lower()]:
            family = socket.AF_INET6 if ':' in address else socket.AF_INET
            if kind == (28 if family == socket.AF_INET6 else 1):
                data = socket.inet_pton(family, address)
                records.append(struct.pack('!HHHIH', 0xC00C, kind, 1, 60, len(data)) + data)
        head = question[:2] + struct.pack('!HHHHH', 0x8580, 1, len(records), 0, 0)
        return head + question[12:at + 5] + b''.join(records)

    def run(self):
        while True:
            question, peer = self.socket.recvfrom(4096)
            answer = self.answer(question)
            if answer is not None:
                self.socket.sendto(answer, peer)


def setUpModule():
    global server
    ip('link', 'set', 'lo', 'up')
    for path, text in FILES.items():
        with tempfile.NamedTemporaryFile('w') as file:
            file.write(text)
            file.flush()
            if not os.path.exists(path):
                continue
            subprocess.run(['mount', '--bind', file.name, path], check=True)
    server = NameServer()
    server.start()


class Order(unittest.TestCase):
    def setUp(self):
        ip('link', 'add', 'near', 'type', 'veth', 'peer', 'name', 'far')
        ip('link', 'set', 'near', 'up')
        ip('link', 'set', 'far', 'up')

    def tearDown(self):
        ip('link', 'del', 'near')

    def add(self, addresses):
        for address in addresses:
            nodad = ('nodad',) if ':' in address else ()
            ip('address', 'add', address, 'dev', 'near', *nodad)
        for family in {'-6' if ':' in address else '-4' for address in addresses}:
            ip(family, 'route', 'add', 'default', 'dev', 'near')

    def check_order(self, table, addresses):
        self.add(addresses)
        choose = random.Random(table)
        server.names = {
            f'name{i}.test': choose.sample(POOL, choose.randint(1, 8)) for i in range(NAMES)
        }
        done = subprocess.run([LOOKUP, *server.names], capture_output=True, timeout=PATIENCE,
                              check=True)
        ours = dict(zip(server.names, done.stdout.decode().splitlines()))
        for name in server.names:
            found = socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)
            self.assertEqual(ours[name].split(), [entry[4][0] for entry in found], (table, name))

    def test_order_is_that_of_getaddrinfo(self):
        for table, addresses in ADDRESSES.items():
            with self.subTest(table=table):
                self.tearDown()
                self.setUp()
                self.check_order(table, addresses)


class Silence(unittest.TestCase):
    """The C library waits for five seconds at least, and cannot be interrupted."""

    def check_left(self, resolver):
        result = subprocess.run(
            [WSUV, '--resolver', resolver, '--timeout', '0.2', 'ws://silent.test/'],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=SYSTEM_WAITS, check=False)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertRegex(result.stderr, rb'could not connect: resolve: .*timed out')

    def test_the_program_does_not_wait_for_cares(self):
        self.check_left('cares')

    def test_the_program_does_not_wait_for_the_system(self):
        self.check_left('system')

    def test_a_second_signal_does_not_wait_for_it(self):
        with listen_test.Server('-v', '--to', 'hanging.test:1') as listening:
            with listen_test.Caller(listening) as caller:
                caller.ask('/', ())
                while server.unknown.get(timeout=PATIENCE) != 'hanging.test':
                    pass
                listening.process.send_signal(signal.SIGTERM)
                self.assertEqual(caller.answer(), 503)
                listening.process.send_signal(signal.SIGTERM)
                self.assertEqual(listening.process.wait(SYSTEM_WAITS), LOST)
            listening.finish()
        self.assertRegex(listening.err, rb'(?m)^\* --to: the lookup is not stopped: ')


if __name__ == '__main__':
    WSUV, LOOKUP, *arguments = enter(__doc__)
    listen_test.WSUV = WSUV
    heed_signals()
    unittest.main(argv=[sys.argv[0]] + arguments)
