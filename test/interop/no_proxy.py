#!/usr/bin/python3
"""Whether curl takes the rows of a table of no_proxy lists as the library does.

    no_proxy.py ROWS

ROWS is test/unit/no_proxy_rows.inc, which the library's own test reads, too. Each row that curl
knows is given to it, with a proxy in its environment: which of two listeners is connected to, the
proxy or the destination, says what curl has chosen.
"""

import ipaddress
import re
import select
import socket
import subprocess
import sys
import unittest

ROW = re.compile(r'^ROW\("((?:\\t|[^"\\])*)", "([^"]*)", (\d+), (-?\d), (-?\d)\)$', re.M)
ROWS = ''


def rows():
    with open(ROWS, encoding='ascii') as file:
        for found in ROW.finditer(file.read()):
            no_proxy, host, _, result, curl = found.groups()
            yield no_proxy.replace('\\t', '\t'), host, int(result), int(curl)


def authority(host, port):
    try:
        return f'[{host}]:{port}' if ipaddress.ip_address(host).version == 6 else f'{host}:{port}'
    except ValueError:
        return f'{host}:{port}'


def listener():
    sock = socket.socket()
    sock.bind(('127.0.0.1', 0))
    sock.listen()
    return sock, sock.getsockname()[1]


def is_direct(no_proxy, host):
    """Whether curl connects to the destination. Whatever it connects to closes at once."""
    proxy, proxy_port = listener()
    direct, direct_port = listener()
    target = authority(host, direct_port)
    with proxy, direct:
        curl = subprocess.Popen(
            ['curl', '-q', '-s', '--connect-to', f'::127.0.0.1:{direct_port}',
             f'http://{target}/'],
            env={'http_proxy': f'http://127.0.0.1:{proxy_port}', 'no_proxy': no_proxy})
        ready, _, _ = select.select([proxy, direct], [], [], 30)
        for sock in ready:
            sock.accept()[0].close()
        curl.wait()
    if len(ready) != 1:
        raise AssertionError(f'curl connected to {len(ready)} sockets')
    return ready[0] is direct


class Rows(unittest.TestCase):
    def test_there_are_enough(self):
        self.assertGreaterEqual(len(list(rows())), 60)
        with open(ROWS, encoding='ascii') as file:
            self.assertEqual(len(list(rows())), file.read().count('\nROW('))

    def test_curl_chooses_the_same(self):
        for no_proxy, host, result, curl in rows():
            if curl < 0:
                continue
            with self.subTest(no_proxy=no_proxy, host=host):
                self.assertEqual(curl, result)
                self.assertEqual(is_direct(no_proxy, host), curl == 1)


if __name__ == '__main__':
    ROWS = sys.argv.pop(1)
    unittest.main()
