#!/usr/bin/python3
"""Name constraints of an authority, judged by wsuv and by OpenSSL: each of some constraints with
each of some certificates.

    tls_constraints.py WSUV ENGINE [unittest's arguments]

What wsuv may judge otherwise is in a table, with the reason; it is never more lenient. With
WSUV_TEST_STRIDE=N, one in N of the constraints.
"""

import os
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

import certs

PATIENCE = 20  # seconds
WSUV = ENGINE = None
STRIDE = int(os.environ.get('WSUV_TEST_STRIDE', '1'))

# In the way of openssl's nameConstraints.
CONSTRAINTS = (
    'permitted;DNS:example.test',
    'permitted;DNS:.example.test',
    'permitted;DNS:a.example.test, permitted;DNS:other.test',
    'excluded;DNS:example.test',
    'excluded;DNS:a.example.test',
    'permitted;DNS:test, excluded;DNS:example.test',
    'permitted;IP:10.0.0.0/255.0.0.0',
    'permitted;IP:192.0.2.0/255.255.255.128, permitted;DNS:example.test',
    'excluded;IP:0.0.0.0/0.0.0.0, excluded;IP:::/::',
    'permitted;IP:2001:db8::/ffff:ffff::',
    'permitted;email:test',
    'excluded;URI:.test',
    'permitted;dirName:directory',
)
NAMES = (
    'DNS:example.test',
    'DNS:EXAMPLE.Test',
    'DNS:a.example.test',
    'DNS:a.b.example.test',
    'DNS:anexample.test',
    'DNS:other.test',
    'DNS:example.test, DNS:other.test',
    'DNS:*.example.test',
    'DNS:*.test',
    'IP:10.1.2.3',
    'IP:192.0.2.127',
    'IP:192.0.2.128, DNS:example.test',
    'IP:2001:db8::1',
    'IP:2001:db9::1',
)
STRICTER = {
    # A wildcard that can stand for an excluded name. OpenSSL compares it as a text.
    ('excluded;DNS:a.example.test', 'DNS:*.example.test'),
    ('excluded;DNS:example.test', 'DNS:*.test'),
    ('permitted;DNS:test, excluded;DNS:example.test', 'DNS:*.test'),
}
# Critical constraints of kinds that are not checked.
STRICTER_MBEDTLS = {('permitted;email:test', names) for names in NAMES}
REFUSED = 'outside of the name constraints of its authority'
EXTENSIONS = '''
[directory]
O = somewhere else
[authority_extensions_constrained]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
nameConstraints = critical, {constraints}
'''


class Table(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.maker = certs.Maker(self.temporary.name)
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.listener.settimeout(PATIENCE)
        self.maker.request('leaf', certs.EC)
        self.maker.request('authority', certs.EC)

    def tearDown(self):
        self.listener.close()
        self.temporary.cleanup()

    def make_authority(self, constraints):
        self.maker.write('constrained.ext', EXTENSIONS.format(constraints=constraints))
        self.maker.sign('authority', None, certs.NOW, certs.AFTER, 'sha256',
                        ['-extfile', 'constrained.ext', '-extensions',
                         'authority_extensions_constrained'])

    def make_leaves(self):
        """One for each of the names, with one key."""
        for i, names in enumerate(NAMES):
            self.maker.write('leaf.ext', certs.LEAF.format(usage='serverAuth', names=names))
            self.maker.sign('leaf', 'authority', certs.NOW, certs.AFTER, 'sha256',
                            ['-extfile', 'leaf.ext'])
            os.rename(self.maker.path('leaf.pem'), self.maker.path(f'{i}.pem'))

    def taken_by_openssl(self):
        leaves = [f'{i}.pem' for i in range(len(NAMES))]
        done = subprocess.run(['openssl', 'verify', '-CAfile', 'authority.pem', *leaves],
                              cwd=self.maker.folder, capture_output=True, check=False,
                              timeout=PATIENCE)
        out = (done.stdout + done.stderr).decode()
        lines = out.splitlines()
        taken = [f'{leaf}: OK' in lines for leaf in leaves]
        refused = len(re.findall(r'^error (?:47|48) at 0 depth', out, re.M))
        self.assertEqual(taken.count(False), refused, out)
        return taken

    def shake_hands(self, leaf):
        """As a server. Whether the client likes it is for the client to say."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(leaf, self.maker.path('leaf.key'))
        plain, _ = self.listener.accept()
        plain.settimeout(PATIENCE)
        try:
            with context.wrap_socket(plain, server_side=True) as tls:
                tls.recv(1)
        except OSError:
            pass
        plain.close()

    def taken_by_wsuv(self, leaf):
        port = self.listener.getsockname()[1]
        command = [WSUV, '--tls-engine', ENGINE, '--cacert', self.maker.path('authority.pem'),
                   '-m', 'x', f'wss://127.0.0.1:{port}/']
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE) as process:
            self.shake_hands(leaf)
            err = process.communicate(timeout=PATIENCE)[1].decode()
        self.assertEqual(process.returncode, 2, err)
        # 127.0.0.1 is none of the names, so that no handshake is ever done.
        self.assertIn('host name does not match', err)
        self.assertNotIn('not signed by a trusted authority', err)
        return REFUSED not in err

    def test_all_with_all(self):
        stricter, refused, taken = set(), 0, CONSTRAINTS[::STRIDE]
        for constraints in taken:
            self.make_authority(constraints)
            self.make_leaves()
            for i, known in enumerate(self.taken_by_openssl()):
                with self.subTest(constraints=constraints, names=NAMES[i]):
                    ours = self.taken_by_wsuv(self.maker.path(f'{i}.pem'))
                    if known and not ours:
                        stricter.add((constraints, NAMES[i]))
                    else:
                        self.assertEqual(ours, known)
                    refused += not ours
        known = STRICTER | (STRICTER_MBEDTLS if ENGINE == 'mbedtls' else set())
        self.assertEqual(stricter, {pair for pair in known if pair[0] in taken})
        print(f'{len(taken) * len(NAMES)} pairs, {refused} refused', file=sys.stderr)


if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    WSUV, ENGINE = os.path.abspath(sys.argv[1]), sys.argv[2]
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
