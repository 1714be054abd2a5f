#!/usr/bin/python3
"""Certificates that were revoked, by lists and OCSP responses that the program openssl has made,
with its server and its client at the other end, and Python's.

    revocation.py WSUV [unittest's arguments]

WSUV is the program, with OpenSSL; lists are tried with mbedTLS, too, where it has that.
"""

import re
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

import certs
import tls_peers

PATIENCE = 20  # seconds, for anything that has to come
WSUV = None
MAKER = None

GOOD, REVOKED = 'good', 'rsa'  # of certs.LEAVES
LEFT = 'intermediate'  # its own issuer is below the root


def path(name):
    return MAKER.path(name)


def make(folder):
    """Lists of root and middle; responses of the root and of a responder."""
    global MAKER
    MAKER = certs.Maker(folder)
    for name in ('root', 'other', 'client-root'):
        MAKER.authority(name)
    MAKER.authority('middle', 'root')
    for leaf in certs.LEAVES:
        if leaf.name in (GOOD, REVOKED, LEFT):
            MAKER.leaf(leaf)
    MAKER.leaf(certs.Leaf('responder', usage='OCSPSigning'))
    MAKER.leaf(certs.CLIENT)
    MAKER.leaf(certs.CLIENT._replace(name='bad-client'))
    MAKER.crl('empty', 'root')
    MAKER.revoke(REVOKED, 'root')
    MAKER.revoke('bad-client', 'client-root')
    MAKER.crl('root', 'root')
    MAKER.crl('old', 'root', certs.BEFORE, certs.PAST)
    MAKER.crl('middle', 'middle')
    MAKER.crl('client-root', 'client-root')
    MAKER.write('both.crl', MAKER.read('middle.crl', 'root.crl'))
    MAKER.openssl('crl', '-in', 'root.crl', '-outform', 'DER', '-out', 'root-der.crl')
    for leaf in (GOOD, REVOKED):
        MAKER.ocsp(leaf, leaf, 'root', 'root', '-ndays', '1')
    MAKER.ocsp('by-responder', GOOD, 'root', 'responder', '-ndays', '1')
    MAKER.ocsp('by-other', GOOD, 'root', 'other', '-ndays', '1')
    MAKER.ocsp('endless', GOOD, 'root', 'root')
    MAKER.revoke('responder', 'root')
    MAKER.crl('late', 'root')


def wsuv(*arguments):
    return subprocess.run([WSUV, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False, timeout=PATIENCE)


def engines():
    for engine in ('openssl', 'mbedtls'):
        if 'does not have that' not in wsuv('--tls-engine', engine, 'wss://127.0.0.1:1').stderr:
            yield engine


class Server:
    """wsuv, which sends back what it gets."""

    def __init__(self, *options):
        self.options = options

    def __enter__(self):
        self.process = subprocess.Popen([WSUV, '--listen', '0', '--echo', *self.options],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True)
        line = self.process.stderr.readline()
        self.port = int(re.search(r':(\d+)', line).group(1))
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.process.stderr.close()


class Clients(unittest.TestCase):
    """Of openssl's server."""

    def connect(self, engine, leaf, *options, server=()):
        """Exit status, and what was said."""
        with Server() as plain, \
                tls_peers.OpensslPeer(path(f'{leaf}.crt'), path(f'{leaf}.key'), plain.port,
                                      *server) as peer:
            done = wsuv('--tls-engine', engine, '--cacert', path('root.crt'), *options,
                        '-m', 'hello', '-n', '1', f'wss://localhost:{peer.port}/')
        self.assertEqual(done.stdout, 'hello\n' if done.returncode == 0 else '')
        return done.returncode, done.stderr

    def check(self, wanted, engine, leaf, *options, **more):
        status, said = self.connect(engine, leaf, *options, **more)
        self.assertEqual(status, 0 if wanted is None else 2, said)
        if wanted is not None:
            self.assertIn(wanted, said)

    def test_lists(self):
        missing = 'no list of revoked certificates of its issuer'
        rows = ((None, GOOD, 'root'), (None, GOOD, 'both'), (None, REVOKED, 'empty'),
                (None, LEFT, 'both'), ('has been revoked', REVOKED, 'root'),
                ('has been revoked', REVOKED, 'root-der'), (missing, GOOD, 'middle'),
                (missing, LEFT, 'root'), (missing, LEFT, 'middle'), ('out of date', GOOD, 'old'))
        for engine in engines():
            for wanted, leaf, crl in rows:
                with self.subTest(engine=engine, leaf=leaf, crl=crl):
                    self.check(wanted, engine, leaf, '--crl', path(f'{crl}.crl'))

    def test_list_that_cannot_be_used(self):
        for engine in engines():
            for name, why in (('absent', 'no such file'), ('root.crt', 'no list of revoked')):
                with self.subTest(engine=engine, name=name), Server() as plain:
                    done = wsuv('--tls-engine', engine, '--cacert', path('root.crt'),
                                '--crl', path(name), f'wss://127.0.0.1:{plain.port}')
                    self.assertEqual(done.returncode, 2, done)
                    self.assertIn(why, done.stderr)

    def test_response_of_a_server(self):
        invalid = 'not valid, or not for this certificate'
        rows = ((None, GOOD, GOOD), (None, GOOD, 'by-responder'),
                ('has been revoked', REVOKED, REVOKED), (invalid, GOOD, REVOKED),
                (invalid, GOOD, 'by-other'), (invalid, GOOD, 'endless'),
                ('no OCSP response', GOOD, None))
        for version in ('-tls1_2', '-tls1_3'):
            for wanted, leaf, response in rows:
                server = () if response is None else ('-status_file', path(f'{response}.der'))
                with self.subTest(version=version, leaf=leaf, response=response):
                    self.check(wanted, 'openssl', leaf, '--ocsp', 'require',
                               server=(version, *server))
                    optional = None if response is None else wanted
                    self.check(optional, 'openssl', leaf, server=(version, *server))

    def test_response_of_a_responder_that_is_looked_up(self):
        server = '-status_file', path('by-responder.der')
        for wanted, crl in ((None, 'root'), ('not valid, or not for this certificate', 'late')):
            with self.subTest(crl=crl):
                self.check(wanted, 'openssl', GOOD, '--ocsp', 'require', '--crl',
                           path(f'{crl}.crl'), server=server)

    def test_response_that_is_not_asked_for(self):
        server = '-status_file', path(f'{REVOKED}.der')
        self.check(None, 'openssl', REVOKED, '--ocsp', 'off', server=server)

    def test_library_without_ocsp(self):
        if 'mbedtls' not in engines():
            return
        done = wsuv('--tls-engine', 'mbedtls', '--ocsp', 'require', 'wss://127.0.0.1:1')
        self.assertEqual(done.returncode, 1, done)
        self.assertIn('ocsp: mbedTLS has no OCSP', done.stderr)


class Servers(unittest.TestCase):
    """Of openssl's client, and of Python's."""

    def serve(self, engine, *options):
        return Server('--tls-engine', engine, '--cert', path('good.crt'), '--key',
                      path('good.key'), *options)

    def test_response_for_clients(self):
        with self.serve('openssl', '--ocsp-file', path('good.der')) as server:
            for version in ('-tls1_2', '-tls1_3'):
                done = subprocess.run(['openssl', 's_client', version, '-status', '-connect',
                                       f'127.0.0.1:{server.port}', '-CAfile', path('root.crt')],
                                      stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                      check=False, timeout=PATIENCE)
                self.assertIn('OCSP Response Status: successful', done.stdout)
                self.assertIn('Cert Status: good', done.stdout)
            done = wsuv('--tls-engine', 'openssl', '--cacert', path('root.crt'),
                        '--ocsp', 'require', '-m', 'hello', '-n', '1',
                        f'wss://localhost:{server.port}/')
            self.assertEqual((done.returncode, done.stdout), (0, 'hello\n'), done)

    def test_response_of_another_certificate(self):
        done = wsuv('--listen', '0', '--echo', '--tls-engine', 'openssl',
                    '--cert', path('good.crt'), '--key', path('good.key'),
                    '--ocsp-file', path(f'{REVOKED}.der'))
        self.assertEqual(done.returncode, 2, done)
        self.assertIn('rsa.der: not for the certificate', done.stderr)

    def shake(self, server, client):
        """Whether the server takes a client with that certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(path('root.crt'))
        context.load_cert_chain(path(f'{client}.crt'), path(f'{client}.key'))
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        plain = socket.create_connection(('127.0.0.1', server.port), PATIENCE)
        try:
            with context.wrap_socket(plain, server_hostname='localhost'):
                return True
        except ssl.SSLError as error:
            plain.close()
            self.assertIn('revoked', str(error).lower())
            return False

    def test_lists_of_clients(self):
        for engine in engines():
            with self.subTest(engine=engine), \
                    self.serve(engine, '--cacert', path('client-root.crt'),
                               '--crl', path('client-root.crl')) as server:
                self.assertTrue(self.shake(server, 'client'))
                self.assertFalse(self.shake(server, 'bad-client'))


def main(arguments):
    global WSUV
    WSUV = arguments[1]
    with tempfile.TemporaryDirectory() as folder:
        make(folder)
        unittest.main(argv=[arguments[0], *arguments[2:]])


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv)
