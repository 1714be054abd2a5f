#!/usr/bin/python3
"""Groups of the key exchange (RFC 8446 4.2.7), with the program openssl at the other end.

    groups.py WSUV [unittest's arguments]

WSUV is the program, with OpenSSL. From 3.5 on that has X25519MLKEM768, which also withstands a
quantum computer; with an older one, the others are tried.
"""

import re
import subprocess
import sys
import tempfile
import unittest

import certs
import tls_peers
from revocation import PATIENCE, Server

WSUV = None
FOLDER = None
HYBRID = 'X25519MLKEM768'

# As openssl calls them, and by their IANA names.
GROUPS = {'X25519': 'x25519', 'P-256': 'secp256r1', 'P-384': 'secp384r1', 'P-521': 'secp521r1'}


def openssl_has_hybrid():
    version = subprocess.run(['openssl', 'version'], check=True, capture_output=True, text=True,
                             timeout=PATIENCE).stdout
    return tuple(int(n) for n in re.match(r'OpenSSL (\d+)\.(\d+)', version).groups()) >= (3, 5)


def path(name):
    return f'{FOLDER}/{name}'


class Groups(unittest.TestCase):
    def server_has(self, groups, wanted, *options):
        """An echo through openssl's server; what wsuv says of the group."""
        with Server() as plain, \
                tls_peers.OpensslPeer(path('good.crt'), path('good.key'), plain.port,
                                      '-groups', groups, *options) as peer:
            done = subprocess.run([WSUV, '-v', '--tls-engine', 'openssl', '--cacert',
                                   path('root.crt'), '-m', 'hello', '-n', '1',
                                   f'wss://localhost:{peer.port}/'], stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, check=False, timeout=PATIENCE)
        self.assertEqual((done.returncode, done.stdout), (0, 'hello\n'), done)
        self.assertRegex(done.stderr, rf'\* TLS: TLSv1\.[23], [A-Z0-9-]+, {wanted}\n')

    def test_groups_of_a_server(self):
        for name, wanted in GROUPS.items():
            for version in ('-tls1_2', '-tls1_3'):
                with self.subTest(name=name, version=version):
                    self.server_has(name, wanted, version)

    def test_hybrid_group_of_a_server(self):
        if not openssl_has_hybrid():
            self.skipTest('this openssl is older than 3.5')
        self.server_has(HYBRID, HYBRID)
        self.server_has(f'X25519:{HYBRID}', f'({HYBRID}|x25519)')

    def client_gets(self, groups, wanted):
        with Server('--tls-engine', 'openssl', '--cert', path('good.crt'), '--key',
                    path('good.key')) as server:
            done = subprocess.run(['openssl', 's_client', '-tls1_3', '-groups', groups, '-connect',
                                   f'127.0.0.1:{server.port}', '-CAfile', path('root.crt')],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  check=False, timeout=PATIENCE)
        said = r'(Negotiated TLS1\.3 group: |(Server|Peer) Temp Key: (ECDH, )?)'
        self.assertRegex(done.stdout, rf'{said}({wanted})(,|\n)', done)

    def test_groups_of_a_client(self):
        self.client_gets('P-384', 'secp384r1|P-384')
        self.client_gets('X25519', 'x25519|X25519')

    def test_hybrid_group_of_a_client(self):
        if not openssl_has_hybrid():
            self.skipTest('this openssl is older than 3.5')
        self.client_gets(HYBRID, HYBRID)
        self.client_gets(f'X25519:{HYBRID}', HYBRID)  # the server prefers it


def main(arguments):
    global WSUV, FOLDER
    import revocation  # its Server runs the same program
    WSUV = revocation.WSUV = arguments[1]
    with tempfile.TemporaryDirectory() as FOLDER:
        certs.make_good(FOLDER)
        unittest.main(argv=[arguments[0], *arguments[2:]])


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv)
