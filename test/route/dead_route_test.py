#!/usr/bin/env python3
"""F39: a name has an address in IPv6 that cannot be reached, and one in IPv4 that can: the session
opens over the other family.

    dead_route_test.py WSUV WSUV_ECHO [unittest's arguments]

In a network namespace of its own, whose routes it spoils, and in which /etc/hosts is its own, too.
Whether an attempt was made is told by the kernel's counters there, not by how long it took. Where
no such namespace can be had the test says so, and ends with status 77: it was not run.
"""

import re
import socket
import subprocess
import sys
import tempfile
import unittest

from namespace import enter, ip

WSUV = ECHO = ''
PATIENCE = 20  # seconds, for anything that has to come
RACE_MS = 250  # until the next address is tried, too (RFC 8305 5)

DEAD = '2001:db8::dead'  # goes out, and nobody answers
HOSTS = f'127.0.0.1 both.test\n{DEAD} both.test\n{DEAD} dead.test\n'


def set_up_network():
    """What is sent to DEAD is lost: the other end of the wire belongs to nobody."""
    ip('link', 'set', 'lo', 'up')
    ip('link', 'add', 'near', 'type', 'veth', 'peer', 'name', 'far')
    ip('link', 'set', 'near', 'up')
    ip('link', 'set', 'far', 'up')
    ip('-6', 'address', 'add', '2001:db8::1/64', 'dev', 'near', 'nodad')
    ip('-6', 'neighbour', 'add', DEAD, 'lladdr', '02:00:00:00:00:01', 'dev', 'near',
       'nud', 'permanent')


def set_up_names():
    with tempfile.NamedTemporaryFile('w', suffix='.hosts') as file:
        file.write(HOSTS)
        file.flush()
        subprocess.run(['mount', '--bind', file.name, '/etc/hosts'], check=True)


def connections_begun():
    """By SYN, in this namespace, in both families."""
    with open('/proc/net/snmp', encoding='ascii') as file:
        names, values = (line.split() for line in file if line.startswith('Tcp:'))
    return int(dict(zip(names, values))['ActiveOpens'])


def setUpModule():
    global echo, port
    set_up_network()
    set_up_names()
    echo = subprocess.Popen([ECHO], stdout=subprocess.PIPE)
    port = int(echo.stdout.readline().decode().rsplit(':', 1)[1])


def tearDownModule():
    echo.terminate()
    status = echo.wait(PATIENCE)
    echo.stdout.close()
    assert status == 0, f'wsuv_echo: exit status {status}'


class DeadRoute(unittest.TestCase):
    def connect(self, name, *options):
        """How it went, and how many connections were begun for it."""
        before = connections_begun()
        result = subprocess.run([WSUV, '--stats', '-m', 'hi', *options, f'ws://{name}:{port}/'],
                                stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE,
                                check=False)
        return result, connections_begun() - before

    def check_open(self, result):
        """Milliseconds that connecting took."""
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout, b'hi\n')
        found = re.search(rb'connect (\d+\.\d+)', result.stderr)
        self.assertIsNotNone(found, result.stderr)
        return float(found.group(1))

    def check_first(self):
        """The address that is dead is the one that is tried first."""
        found = socket.getaddrinfo('both.test', port, type=socket.SOCK_STREAM)
        self.assertEqual([entry[0] for entry in found], [socket.AF_INET6, socket.AF_INET])

    def test_silent_route(self):
        self.check_first()
        result, begun = self.connect('both.test')
        self.assertGreaterEqual(self.check_open(result), RACE_MS - 1)
        self.assertEqual(begun, 2)

    def test_route_that_fails_at_once(self):
        for kind in ('blackhole', 'unreachable', 'prohibit'):
            with self.subTest(kind=kind):
                rule = ('to', DEAD, 'ipproto', 'tcp', kind)  # of TCP only, so that names are sorted
                ip('-6', 'rule', 'add', *rule)
                self.check_first()
                result, begun = self.connect('both.test')
                ip('-6', 'rule', 'del', *rule)
                self.check_open(result)
                self.assertEqual(begun, 1)

    def test_nothing_but_a_silent_route_times_out(self):
        result, begun = self.connect('dead.test', '--timeout', '0.5')
        self.assertEqual(result.returncode, 2)
        self.assertRegex(result.stderr, rb'could not connect: connect: .*timed out')
        self.assertEqual(begun, 1)


if __name__ == '__main__':
    WSUV, ECHO, *arguments = enter(__doc__)
    unittest.main(argv=[sys.argv[0]] + arguments)
