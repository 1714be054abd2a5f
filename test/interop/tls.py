#!/usr/bin/python3
"""A client against the TLS of many servers: what it takes, what it refuses, and what it says.

    tls.py --self-test [unittest's arguments]
    tls.py WSUV TWICE MUTUAL LIBRARY [unittest's arguments]

The rows of tls_rows.py, and the servers of tls_peers.py. With --self-test the client is OpenSSL's,
which is known to be good: that proves certificates, servers and rows. Otherwise it is the program
wsuv. TWICE is the program that connects twice, MUTUAL the example of mutual TLS, and LIBRARY is
`openssl`, or tells what wsuv's mbedTLS has: `tls1.3` or `tls1.2`. With WSUV_TEST_STRIDE=N, one in N
of the rows.
"""

import base64
import hashlib
import json
import os
import re
import shlex
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import unittest
from collections import namedtuple
from urllib.parse import urlsplit

import certs
import py_server
import tls_peers
import tls_rows

TLS_1_2 = 'NORMAL:-VERS-ALL:+VERS-TLS1.2'  # for GnuTLS
PATIENCE = 20  # seconds, for anything that has to come
CLIENT = None
STRIDE = int(os.environ.get('WSUV_TEST_STRIDE', '1'))

Result = namedtuple('Result', 'status out err')


# --- clients ---


class Wsuv:
    """The program; `old`: its library has no TLS 1.3."""

    def __init__(self, program, twice, mutual, library):
        self.program, self.twice_program, self.mutual = program, twice, mutual
        self.old = {'tls1.2': True, 'tls1.3': False, 'openssl': False}[library]
        self.engine = 'openssl' if library == 'openssl' else 'mbedtls'

    def call(self, *command):
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False,
                              timeout=PATIENCE)
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    def run(self, options, host, port, path):
        """Sends hello and waits for one message."""
        return self.call(self.program, '--tls-engine', self.engine, *options, '--resolve',
                         f'{host}:{port}:127.0.0.1', '-m', 'hello', '-n', '1',
                         f'wss://{host}:{port}{path}')

    def twice(self, ca, port, path):
        """The two messages of two sessions, one after the other."""
        return self.call(self.twice_program, f'wss://localhost:{port}{path}', ca, self.engine)

    def wanted(self, row):
        """Exit status, and the pattern of an error; None: it connects."""
        if self.old and row.old is not None:
            return row.old
        return (0, None) if row.err is None else (row.status, row.err)


class Known:
    """OpenSSL's client, with the options of wsuv's."""

    old = False

    def context(self, options):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers('ECDHE+AESGCM:ECDHE+CHACHA20:@SECLEVEL=2')
        context.set_alpn_protocols(['http/1.1'])
        values = dict(zip(options, options[1:]))
        versions = {'1.2': ssl.TLSVersion.TLSv1_2, '1.3': ssl.TLSVersion.TLSv1_3}
        if '--cacert' in values:
            context.load_verify_locations(values['--cacert'])
        if '--capath' in values:
            context.load_verify_locations(capath=values['--capath'])
        if '--insecure' in options:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if '--cert' in values:
            context.load_cert_chain(values['--cert'], values.get('--key'), password_of(values))
        if '--tls-min' in values:
            context.minimum_version = versions[values['--tls-min']]
        if '--tls-max' in values:
            context.maximum_version = versions[values['--tls-max']]
        if '--keylog' in values:
            context.keylog_filename = values['--keylog']
        return context

    def run(self, options, host, port, path):
        try:
            return Result(0, self.session(self.context(options), options, host, port, path), '')
        except ssl.SSLCertVerificationError as error:
            return Result(2, '', f'verify {error.verify_code}: {error.verify_message}')
        except (OSError, ValueError) as error:
            return Result(2, '', repr(error))

    def session(self, context, options, host, port, path, resumed=None):
        plain = socket.create_connection(('127.0.0.1', port), PATIENCE)
        with context.wrap_socket(plain, server_hostname=host.strip('[]'), session=resumed) as tls:
            check_pins(options, tls)
            message = one_message(tls, host, path)
            self.last = tls.session
            return message

    def twice(self, ca, port, path):
        context = self.context(['--cacert', ca])
        first = self.session(context, [], 'localhost', port, path)
        second = self.session(context, [], 'localhost', port, path, self.last)
        return Result(0, f'{first}\n{second}\n', '')

    def wanted(self, row):
        return (0, None) if row.known is None else (2, row.known)


def password_of(values):
    """None would have OpenSSL ask on the terminal."""
    if '--pass' not in values:
        return ''
    with open(values['--pass'], encoding='utf-8') as file:
        return file.readline().rstrip('\n')


def check_pins(options, tls):
    pins = [value for option, value in zip(options, options[1:]) if option == '--pin']
    if pins and certs.pin_of_certificate(tls.getpeercert(True)) not in pins:
        raise ValueError('pin')


def read_exactly(stream, n):
    data = stream.read(n)
    if len(data) < n:
        raise OSError('EOF')
    return data


def one_message(tls, host, path):
    """Upgrades, sends hello, and reads the text of one short message (RFC 6455 5.2)."""
    key = base64.b64encode(os.urandom(16)).decode()
    tls.sendall(f'GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n'
                f'Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n'
                'Sec-WebSocket-Version: 13\r\n\r\n'.encode())
    with tls.makefile('rb') as stream:
        head = [stream.readline()]
        while head[-1] not in (b'\r\n', b''):
            head.append(stream.readline())
        accept = hashlib.sha1(f'{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11'.encode()).digest()
        if base64.b64encode(accept) not in b''.join(head):
            raise ValueError(f'upgrade refused: {head[0]}')
        tls.sendall(bytes([0x81, 0x85, 0, 0, 0, 0]) + b'hello')
        first, n = read_exactly(stream, 2)
        if n == 126:
            n, = struct.unpack('>H', read_exactly(stream, 2))
        text = read_exactly(stream, n).decode()
        if first != 0x81:
            raise OSError(f'EOF, or no whole text: {text}')
        return text


# --- servers ---


class Scene:
    """Certificates in a folder, and the servers of rows that have been asked for."""

    def __init__(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = self.temporary.name
        self.pins = certs.make(self.folder)
        self.python = tls_peers.PythonPeers()
        self.python.__enter__()
        self.nodes = []
        self.ports = {}

    def end(self):
        for node in self.nodes:
            node.__exit__()
        self.python.__exit__()
        self.temporary.cleanup()

    def path(self, name):
        return os.path.join(self.folder, name)

    def pair(self, leaf='good'):
        return self.path(f'{leaf}.crt'), self.path(f'{leaf}.key')

    def start(self, name):
        """A server in Python, None being one without TLS, or, if it has a row in SERVERS, in
        node."""
        if name is None:
            return self.python.start()
        if name not in tls_rows.SERVERS:
            return self.python.start(py_server.tls_context(*self.pair(name)))
        leaf, options = tls_rows.SERVERS[name]
        self.nodes.append(tls_peers.NodePeer(*self.pair(leaf), *self.options(options)))
        return self.nodes[-1].port

    def port(self, name):
        """Of a server by the name that a row gives it."""
        if name not in self.ports:
            self.ports[name] = self.start(name)
        return self.ports[name]

    def options(self, text):
        return shlex.split(text.format(d=self.folder, pins=self.pins))


SCENE = None


def setUpModule():
    global SCENE
    SCENE = Scene()


def tearDownModule():
    SCENE.end()


# --- tests ---


class TlsTest(unittest.TestCase):
    def run_client(self, port, path, options='--cacert {d}/root.crt', host='localhost'):
        return CLIENT.run(SCENE.options(options), host, port, path)

    def connects(self, port, path, *more):
        """The message that came."""
        result = self.run_client(port, path, *more)
        self.assertEqual((result.status, result.err), (0, ''), result)
        return result.out.rstrip('\n')

    def check_row(self, row):
        status, pattern = CLIENT.wanted(row)
        result = self.run_client(SCENE.port(row.server), row.path, row.options, row.host)
        self.assertEqual(result.status, status, result)
        if pattern is None:
            facts = json.loads(result.out)
            self.assertEqual(facts, {**facts, **row.facts})
        else:
            self.assertEqual(result.out, '')
            self.assertRegex(result.err, pattern)


class Rows(TlsTest):
    def check_rows(self, name):
        rows = tls_rows.ALL[name][::STRIDE]
        for row in rows:
            with self.subTest(row=row.name):
                self.check_row(row)
        print(f'{name}: {len(rows)} rows', file=sys.stderr)

    def test_names(self):
        self.check_rows('names')

    def test_chains(self):
        self.check_rows('chains')

    def test_trust(self):
        self.check_rows('trusts')

    def test_pins(self):
        self.check_rows('pins')

    def test_insecure(self):
        self.check_rows('insecure')

    def test_versions_and_ciphers(self):
        self.check_rows('versions')

    def test_client_certificates(self):
        self.check_rows('clients')

    def test_ends_of_the_connection(self):
        self.check_rows('ends')


class Peers(TlsTest):
    """Servers on other software; Python's are those of the rows."""

    def version(self):
        return 'TLSv1.2' if CLIENT.old else 'TLSv1.3'

    def test_node(self):
        with tls_peers.NodePeer(*SCENE.pair()) as peer:
            facts = json.loads(self.connects(peer.port, '/tls'))
        self.assertEqual((facts['version'], facts['sni'], facts['alpn']),
                         (self.version(), 'localhost', 'http/1.1'))

    def test_node_that_wants_a_client_certificate(self):
        with tls_peers.NodePeer(*SCENE.pair(), '--client-ca',
                                SCENE.path('client-root.crt')) as peer:
            facts = json.loads(self.connects(peer.port, '/tls', tls_rows.OWN + 'client.key'))
            self.assertEqual(facts['client'], 'wsuv test client')
            result = self.run_client(peer.port, '/tls')
        self.assertEqual(result.status, 2, result)

    def nginx(self, protocols='TLSv1.2 TLSv1.3', leaf='good'):
        return tls_peers.NginxPeer(SCENE.folder, SCENE.pair(leaf), SCENE.port(None), protocols)

    def test_nginx(self):
        with self.nginx() as peer:
            self.assertEqual(self.connects(peer.port, '/echo'), 'hello')
        for leaf in ('intermediate', 'rsa'):
            with self.subTest(leaf=leaf), self.nginx('TLSv1.2', leaf) as peer:
                self.assertRegex(self.connects(peer.port, '/request'), 'TLSv1.2 .$')
        with self.nginx(leaf='unknown-ca') as peer:
            self.assertEqual(self.run_client(peer.port, '/echo').status, 2)

    def openssl(self, *more):
        return tls_peers.OpensslPeer(*SCENE.pair(), SCENE.port(None), *more)

    def test_openssl(self):
        for version in ('-tls1_2', '-tls1_2' if CLIENT.old else '-tls1_3'):
            with self.subTest(version=version), self.openssl(version) as peer:
                self.assertEqual(self.connects(peer.port, '/echo'), 'hello')

    def test_gnutls(self):
        with tls_peers.GnutlsPeer(*SCENE.pair()) as peer:
            result = self.run_client(peer.port, '/')
            peer.lines.find(f'Version: {self.version().replace("v", "")}')
        self.assertEqual(result.status, 2)
        self.assertRegex(result.err, 'handshake: .*HTTP 200|HTTP/1.0 200')

    def test_gnutls_is_told_why_by_an_alert(self):
        for leaf in ('unknown-ca', 'expired'):
            with self.subTest(leaf=leaf), \
                    tls_peers.GnutlsPeer(*SCENE.pair(leaf), '--priority', TLS_1_2) as peer:
                self.assertEqual(self.run_client(peer.port, '/').status, 2)
                peer.lines.find('fatal alert has been received')


class KeyLog(TlsTest):
    """The client's against that of openssl s_server."""

    LABELS = {
        '-tls1_2': {'CLIENT_RANDOM'},
        '-tls1_3': {'CLIENT_HANDSHAKE_TRAFFIC_SECRET', 'SERVER_HANDSHAKE_TRAFFIC_SECRET',
                    'CLIENT_TRAFFIC_SECRET_0', 'SERVER_TRAFFIC_SECRET_0'},
    }

    @staticmethod
    def lines(path):
        with open(path, encoding='ascii') as file:
            return {line for line in file.read().splitlines() if not line.startswith('#')}

    def check_log(self, version):
        ours = SCENE.path(f'client{version}.log')
        theirs = SCENE.path(f'server{version}.log')
        cert, key = SCENE.pair()
        with tls_peers.OpensslPeer(cert, key, SCENE.port(None), version,
                                   '-keylogfile', theirs) as peer:
            self.connects(peer.port, '/echo', f'--cacert {{d}}/root.crt --keylog {ours}')
        self.assertLessEqual(self.lines(ours), self.lines(theirs))
        self.assertLessEqual(self.LABELS[version], {line.split()[0] for line in self.lines(ours)})

    def test_tls_1_2(self):
        self.check_log('-tls1_2')

    def test_tls_1_3(self):
        if not CLIENT.old:
            self.check_log('-tls1_3')


class Resumption(TlsTest):
    """Two sessions, the second of which must resume the first's: told by the server."""

    def check_twice(self, port, path='/tls'):
        result = CLIENT.twice(SCENE.path('root.crt'), port, path)
        self.assertEqual((result.status, result.err), (0, ''))
        return result.out

    def check_facts(self, port):
        lines = self.check_twice(port).splitlines()
        self.assertEqual([json.loads(line)['resumed'] for line in lines], [False, True])

    def test_python(self):
        for server in ('tls1.2', 'good'):
            with self.subTest(server=server):
                self.check_facts(SCENE.port(server))

    def test_node(self):
        with tls_peers.NodePeer(*SCENE.pair()) as peer:
            self.check_facts(peer.port)

    def test_nginx(self):
        for protocols in ('TLSv1.2', 'TLSv1.2 TLSv1.3'):
            with self.subTest(protocols=protocols), Peers.nginx(self, protocols) as peer:
                out = self.check_twice(peer.port, '/request')
                self.assertEqual(re.findall(r'^TLSv1\.\d (.)$', out, re.M), ['.', 'r'])


class Program(TlsTest):
    """What only wsuv can be asked."""

    def test_verbose_tells_what_was_agreed_upon(self):
        result = self.run_client(SCENE.port('good'), '/tls', '-v --cacert {d}/root.crt')
        version = r'TLSv1\.2, TLS-ECDHE-' if CLIENT.old else r'TLSv1\.3, TLS-'
        self.assertRegex(result.err, rf'(?m)^\* TLS: {version}[A-Z0-9-]+(, \w+)?, http/1\.1$')
        self.assertEqual(result.err.count('* TLS:'), 1)

    def test_verbose_tells_of_the_certificate(self):
        root = '--cacert {d}/root.crt'
        for leaf, issuer, year, options, status in (
                ('good', 'root', 2099, root, 0),
                ('rsa', 'root', 2099, root, 0),
                ('expired', 'root', 2002, '--insecure', 0),
                ('self-signed', 'self-signed', 2099, '--insecure', 0),
                ('expired', 'root', 2002, root, 2),
                ('self-signed', 'self-signed', 2099, root, 2),
                ('wrong-name', 'root', 2099, root, 2),
                ('wrong-usage', 'root', 2099, root, 2),
                ('weak-key', 'root', 2099, root, 2),
                ('good', 'root', 2099, f'{root} --pin sha256//' + 43 * 'A' + '=', 2)):
            with self.subTest(leaf=leaf, options=options):
                result = self.run_client(SCENE.port(leaf), '/tls', '-v ' + options)
                self.assertEqual(result.status, status)
                with open(SCENE.path(f'{leaf}.pem'), encoding='ascii') as file:
                    pin = certs.pin_of_certificate(ssl.PEM_cert_to_DER_cert(file.read()))
                for line in (f'certificate: CN=wsuv test {leaf}', f'issuer: CN=wsuv test {issuer}',
                             f'expires: {year}-01-01 00:00:00 UTC', f'pin: {pin}'):
                    self.assertIn(f'* {line}\n', result.err)

    def test_verbose_warns_of_insecure(self):
        result = self.run_client(SCENE.port('self-signed'), '/tls', '-v --insecure')
        self.assertEqual(result.status, 0)
        self.assertRegex(result.err, r'(?m)^\* .*verif')

    def test_no_key_log_unless_it_is_asked_for(self):
        path = SCENE.path('environment.log')
        os.environ['SSLKEYLOGFILE'] = path
        try:
            self.connects(SCENE.port('good'), '/tls')
        finally:
            del os.environ['SSLKEYLOGFILE']
        self.assertFalse(os.path.exists(path))

    def environment(self, **variables):
        """The server's answer, with variables of the environment in place of options."""
        os.environ.update(variables)
        try:
            return self.run_client(SCENE.port('good'), '/tls', '')
        finally:
            for name in variables:
                del os.environ[name]

    def test_environment_names_the_trust(self):
        self.assertEqual(self.environment(SSL_CERT_FILE=SCENE.path('root.crt')).status, 0)
        self.assertEqual(self.environment(SSL_CERT_DIR=SCENE.path('roots')).status, 0)
        result = self.environment(SSL_CERT_FILE=SCENE.path('other.crt'))
        self.assertRegex(result.err, tls_rows.UNTRUSTED)
        result = self.environment(SSL_CERT_FILE='/no/such/file', SSL_CERT_DIR=SCENE.path('roots'))
        self.assertEqual(result.status, 2)
        self.assertRegex(result.err, tls_rows.TRUST + ': SSL_CERT_FILE: /no/such/file: no such')

    def test_key_update_of_the_server(self):
        if CLIENT.old:
            return
        with tls_peers.KeyUpdatePeer(*SCENE.pair()) as peer:
            result = CLIENT.call(CLIENT.program, '--tls-engine', CLIENT.engine, '--cacert',
                                 SCENE.path('root.crt'), '-n', '1', '-m', 'hello',
                                 f'wss://localhost:{peer.port}/')
        if CLIENT.engine == 'openssl':
            self.assertEqual(result.out, 'hello\n')  # the peer knows no closing handshake
            return
        self.assertEqual(result.status, 3, result)
        self.assertRegex(result.err, 'lost: new TLS keys .*: the peer has sent a KeyUpdate$')

    def mutual(self, ca, cert, key):
        url = f'wss://localhost:{SCENE.port("client")}/tls'
        return CLIENT.call(CLIENT.mutual, url, *(SCENE.path(name) for name in (ca, cert, key)))

    def test_example_of_mutual_tls(self):
        if CLIENT.engine == 'openssl':
            return  # it uses the default
        result = self.mutual('root.crt', 'client.crt', 'client.key')
        self.assertEqual((result.status, result.err), (0, ''))
        self.assertEqual(json.loads(result.out)['client'], 'wsuv test client')
        self.assertEqual(self.mutual('other.crt', 'client.crt', 'client.key').status, 1)
        self.assertEqual(self.mutual('root.crt', 'good.crt', 'good.key').status, 1)


def load_tests(loader, tests, pattern):
    """All, or those for any client."""
    if isinstance(CLIENT, Wsuv):
        return tests
    cases = (Rows, Peers, KeyLog, Resumption)
    return unittest.TestSuite(loader.loadTestsFromTestCase(case) for case in cases)


def main(arguments):
    global CLIENT
    if arguments[1:2] == ['--self-test']:
        CLIENT, rest = Known(), arguments[2:]
    elif len(arguments) >= 5:
        CLIENT, rest = Wsuv(*arguments[1:5]), arguments[5:]
    else:
        sys.exit(__doc__)
    unittest.main(argv=arguments[:1] + rest)


if __name__ == '__main__':
    main(sys.argv)
