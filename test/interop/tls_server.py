#!/usr/bin/python3
"""A server of wsuv's TLS against clients that share no code with it: Python's ssl module, the
program openssl, and Node.js.

    tls_server.py SERVER LIBRARY [unittest's arguments]

SERVER is the program tls_server, which sends back what it gets. LIBRARY is `openssl`, or tells what
its mbedTLS has: `tls1.3` or `tls1.2`.
"""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest

import certs

PATIENCE = 20  # seconds, for anything that has to come
SERVER = None
NEW = False  # the library has TLS 1.3
ENGINE = 'mbedtls'
FOLDER = None

NODE = '''
const tls = require('tls'), fs = require('fs');
const [port, ca, alpn, again] = process.argv.slice(1);
const options = {port: Number(port), host: '127.0.0.1', servername: 'localhost',
                 ca: fs.readFileSync(ca), ALPNProtocols: alpn === '' ? undefined : alpn.split(',')};
function session(resumed, after) {
  let last, text = '';
  const s = tls.connect({...options, session: resumed}, () => s.write('hello'));
  s.on('session', (ticket) => { last = ticket; });
  s.on('data', (data) => { text += data; if (text === 'hello') s.end(); });
  s.on('error', (error) => { console.log(JSON.stringify({error: error.message})); });
  s.on('close', () => { if (text === 'hello') after(last, s); });
  s.on('end', () => console.log(JSON.stringify({
    text, alpn: s.alpnProtocol, version: s.getProtocol(), reused: s.isSessionReused()})));
}
session(undefined, (ticket) => { if (again) session(ticket, () => {}); });
'''


def path(name):
    return os.path.join(FOLDER, name)


class Server:
    """The program, ended with a `with` block."""

    def __init__(self, *options, name='good'):
        self.options = ['--engine', ENGINE, '--cert', path(f'{name}.crt'), '--key',
                        path(f'{name}.key'), *options]

    def __enter__(self):
        self.process = subprocess.Popen([SERVER, *self.options], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        text=True)
        self.port = int(self.process.stdout.readline())
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        status = self.process.wait(PATIENCE)
        self.process.stdout.close()
        if status != 0:
            raise RuntimeError(f'the server has ended with {status}')

    def next(self, event=None):
        """The next line of an event, whatever comes before it."""
        while True:
            line = json.loads(self.process.stdout.readline())
            if event is None or line['event'] == event:
                return line

    def replace(self):
        self.process.send_signal(signal.SIGHUP)
        return self.next('replaced')['status']


def client_context(**more):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(path(more.get('ca', 'root.crt')))
    context.set_alpn_protocols(more.get('alpn', ['http/1.1']))
    if 'cert' in more:
        context.load_cert_chain(path(more['cert'] + '.crt'), path(more['cert'] + '.key'))
    if 'version' in more:
        context.minimum_version = context.maximum_version = more['version']
    if not more.get('verify', True):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def connect(server, context, name='localhost', session=None):
    plain = socket.create_connection(('127.0.0.1', server.port), PATIENCE)
    try:
        return context.wrap_socket(plain, server_hostname=name, session=session)
    except (OSError, ssl.SSLError):
        plain.close()
        raise


def echo(tls, data=b'hello'):
    """Back what was sent, however it comes."""
    got = b''
    tls.sendall(data)
    while len(got) < len(data):
        piece = tls.recv(65536)
        if not piece:
            break
        got += piece
    return got


def common_name(tls):
    der = tls.getpeercert(True)
    text = subprocess.run(['openssl', 'x509', '-inform', 'DER', '-noout', '-subject'], input=der,
                          check=True, capture_output=True, timeout=PATIENCE).stdout.decode()
    return text.strip().rpartition('wsuv test ')[2]


VERSIONS = [ssl.TLSVersion.TLSv1_2]


class Python(unittest.TestCase):

    def refused(self, server, context):
        """What the server says. With TLS 1.3 the client's handshake is done before that."""
        with self.assertRaises((ssl.SSLError, OSError, ConnectionError)) as raised:
            with connect(server, context) as tls:
                self.assertEqual(echo(tls), b'hello')
        return server.next('handshake'), str(raised.exception)

    def test_versions(self):
        with Server() as server:
            for version in VERSIONS:
                with connect(server, client_context(version=version)) as tls:
                    self.assertEqual(echo(tls), b'hello')
                    self.assertEqual(tls.version(), server.next('handshake')['version'])
            old = client_context()
            old.set_ciphers('DEFAULT:@SECLEVEL=0')
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
            line, _ = self.refused(server, old)
            self.assertEqual(line['status'], 'WSUV_ETLS')

    def test_suites_without_forward_secrecy(self):
        with Server(name='rsa') as server:
            context = client_context(version=ssl.TLSVersion.TLSv1_2)
            context.set_ciphers('AES128-GCM-SHA256')
            line, _ = self.refused(server, context)
            self.assertEqual(line['status'], 'WSUV_ETLS')

    def test_rsa(self):
        with Server(name='rsa') as server:
            for version in VERSIONS:
                with connect(server, client_context(version=version)) as tls:
                    self.assertEqual(echo(tls), b'hello')

    def test_large_data(self):
        data = os.urandom(1024 * 1024)
        with Server() as server:
            for version in VERSIONS:
                with connect(server, client_context(version=version)) as tls:
                    for start in range(0, len(data), 65536):
                        piece = data[start:start + 65536]
                        self.assertEqual(echo(tls, piece), piece)

    def test_clean_end(self):
        with Server() as server:
            with connect(server, client_context()) as tls:
                self.assertEqual(echo(tls), b'hello')
                tls.unwrap()
            self.assertEqual(server.next('end')['status'], 'EOF')

    def test_end_without_close_notify(self):
        with Server() as server:
            tls = connect(server, client_context())
            self.assertEqual(echo(tls), b'hello')
            os.close(tls.detach())
            self.assertEqual(server.next('end')['status'], 'WSUV_ETLSTRUNCATED')

    def test_alpn(self):
        with Server() as server:
            for offered, chosen in (['http/1.1'], 'http/1.1'), (['h2', 'http/1.1'], 'http/1.1'):
                with connect(server, client_context(alpn=offered)) as tls:
                    self.assertEqual(tls.selected_alpn_protocol(), chosen)
                    self.assertEqual(server.next('handshake')['alpn'], chosen)
            without = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            without.load_verify_locations(path('root.crt'))
            with connect(server, without) as tls:
                self.assertIsNone(tls.selected_alpn_protocol())
                self.assertIsNone(server.next('handshake')['alpn'])
            line, error = self.refused(server, client_context(alpn=['h2']))
            self.assertEqual(line['text'].split(' (-')[0].lower().count('alpn'), 1)
            self.assertRegex(error, 'NO_APPLICATION_PROTOCOL|no application protocol')

    def test_names(self):
        also = []
        for name in 'wildcard', 'wrong-name', 'rsa':
            also += ['--also', path(f'{name}.crt'), path(f'{name}.key')]
        with Server(*also, name='ipv4') as server:
            for asked, shown in (('a.wss.test', 'wildcard'), ('A.WSS.TEST', 'wildcard'),
                                 ('other.test', 'wrong-name'), ('localhost', 'rsa'),
                                 ('wss.test', 'rsa'), ('a.b.wss.test', 'ipv4'),
                                 ('nobody.test', 'ipv4'), ('127.0.0.1', 'ipv4'), (None, 'ipv4')):
                with connect(server, client_context(verify=False), asked) as tls:
                    self.assertEqual(common_name(tls), shown, asked)

    def test_tickets(self):
        for options, resumed in ((), True), (('--no-tickets',), False):
            with Server(*options) as server:
                for version in VERSIONS:
                    context, session = client_context(version=version), None
                    for turn in range(3):
                        with connect(server, context, session=session) as tls:
                            self.assertEqual(echo(tls), b'hello')
                            session = tls.session
                            self.assertEqual(tls.session_reused, resumed and turn > 0)
                            self.assertEqual(server.next('handshake')['resumed'],
                                             resumed and turn > 0)
                            tls.unwrap()

    def test_client_certificates(self):
        """None, valid, of another authority, for servers; required and requested."""
        ca = ['--ca', path('client-root.crt')]
        for version in VERSIONS:
            for auth in 'require', 'request':
                with Server(*ca, '--auth', auth) as server:
                    with connect(server, client_context(cert='client', version=version)) as tls:
                        self.assertEqual(echo(tls), b'hello')
                        line = server.next('handshake')
                        self.assertGreater(line['client'], 0)
                        self.assertTrue(line['verified'])
                    line, _ = self.refused(server, client_context(cert='good', version=version))
                    self.assertEqual(line['status'], 'WSUV_ETLSVERIFY')
                    self.assertIn('not signed by a trusted authority', line['text'])
                    none = client_context(version=version)
                    if auth == 'require':
                        line, error = self.refused(server, none)
                        self.assertEqual(line['text'], 'no certificate')
                        self.assertRegex(error, '(?i)alert')
                    else:
                        with connect(server, none) as tls:
                            self.assertEqual(echo(tls), b'hello')
                            self.assertEqual(server.next('handshake')['client'], 0)

    def test_purposes_and_dates_of_client_certificates(self):
        """Leaves of the servers' authority, taken for clients'."""
        rows = (('wrong-usage', None), ('good', 'not for this use'), ('expired', 'expired'),
                ('not-yet', 'not valid yet'), ('unknown-ca', 'trusted authority'),
                ('self-signed', 'trusted authority'), ('intermediate-expired', 'expired'),
                ('intermediate-no-ca', 'trusted authority'))
        with Server('--ca', path('root.crt'), '--auth', 'request') as server:
            for version in VERSIONS:
                for cert, words in rows:
                    context = client_context(cert=cert, version=version)
                    if words is None:
                        with connect(server, context) as tls:
                            self.assertEqual(echo(tls), b'hello')
                            self.assertTrue(server.next('handshake')['verified'])
                        continue
                    line, error = self.refused(server, context)
                    self.assertEqual(line['status'], 'WSUV_ETLSVERIFY', cert)
                    self.assertIn(words, line['text'], cert)
                    self.assertRegex(error, '(?i)alert|EOF|reset|broken pipe', cert)

    def test_client_hello_byte_by_byte(self):
        """What this client sends, in segments of one byte."""
        with Server() as server:
            for version in VERSIONS:
                incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
                tls = client_context(version=version).wrap_bio(incoming, outgoing,
                                                               server_hostname='localhost')
                with socket.create_connection(('127.0.0.1', server.port), PATIENCE) as plain:
                    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self.drive(tls.do_handshake, plain, incoming, outgoing)
                    tls.write(b'hello')
                    self.assertEqual(self.drive(lambda: tls.read(5), plain, incoming, outgoing),
                                     b'hello')
                self.assertEqual(server.next('handshake')['status'], 'OK')

    def drive(self, step, plain, incoming, outgoing):
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                for byte in outgoing.read():
                    plain.sendall(bytes([byte]))
                incoming.write(plain.recv(65536))
            finally:
                for byte in outgoing.read():
                    plain.sendall(bytes([byte]))

    def test_plain_http(self):
        with Server() as server:
            with socket.create_connection(('127.0.0.1', server.port), PATIENCE) as plain:
                plain.sendall(b'GET /chat HTTP/1.1\r\nHost: localhost\r\n\r\n')
                line = server.next('handshake')
            self.assertEqual(line['status'], 'WSUV_ENOTTLS')
            self.assertEqual(line['text'], 'the client speaks HTTP, not TLS')

    def test_certificates_are_exchanged(self):
        """F68: an open session goes on, and what comes later has the new one."""
        for name in 'crt', 'key':
            shutil.copy(path(f'good.{name}'), path(f'exchange.{name}'))
        with Server(name='exchange') as server:
            context = client_context()
            with connect(server, context) as before:
                self.assertEqual(echo(before), b'hello')
                session = before.session
                for name in 'crt', 'key':
                    shutil.copy(path(f'rsa.{name}'), path(f'exchange.{name}'))
                self.assertEqual(server.replace(), 'OK')
                self.assertEqual(echo(before), b'hello')
                with connect(server, context, session=session) as after:
                    self.assertEqual(echo(after), b'hello')
                    self.assertFalse(after.session_reused)
                    self.assertEqual(common_name(after), 'rsa')
                shutil.copy(path('noise.crt'), path('exchange.crt'))
                self.assertEqual(server.replace(), 'WSUV_ETLS')
                self.assertEqual(echo(before), b'hello')
                with connect(server, context) as after:
                    self.assertEqual(common_name(after), 'rsa')


class Openssl(unittest.TestCase):

    def run_client(self, server, *options, say='hello\n'):
        """s_client says something, waits for it, and ends."""
        command = ['openssl', 's_client', '-connect', f'127.0.0.1:{server.port}', '-servername',
                   'localhost', '-CAfile', path('root.crt'), '-verify_return_error', *options]
        client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True)
        client.stdin.write(say)
        client.stdin.flush()
        seen = ''
        while True:
            line = client.stdout.readline()
            seen += line
            if line in ('', 'hello\n'):
                break
        client.stdin.close()
        seen += client.stdout.read()
        client.stdout.close()
        client.wait(PATIENCE)
        return seen

    def test_handshake(self):
        with Server() as server:
            seen = self.run_client(server, '-alpn', 'h2,http/1.1')
            self.assertIn('ALPN protocol: http/1.1', seen)
            self.assertIn('Verify return code: 0 (ok)', seen)
            self.assertIn('\nhello\n', seen)

    def test_tickets(self):
        for option in ('-tls1_2', '-tls1_3') if NEW else ('-tls1_2',):
            with Server() as server:
                self.run_client(server, option, '-sess_out', path('session'))
                self.assertFalse(server.next('handshake')['resumed'])
                seen = self.run_client(server, option, '-sess_in', path('session'))
                self.assertTrue(server.next('handshake')['resumed'])
                self.assertIn('Reused', seen)

    @unittest.skipUnless(sys.argv[2:3] == ['tls1.3'], 'of TLS 1.3')
    def test_early_data_is_not_offered(self):
        with Server() as server:
            self.assertIn('Max Early Data: 0', self.run_client(server))

    def test_renegotiation_is_refused(self):
        """F35: `R` asks for it. The server says no, and this client gives up."""
        with Server('--max', '1.2') as server:
            seen = self.run_client(server, '-tls1_2', say='R\n')
            self.assertIn('RENEGOTIATING', seen)
            self.assertIn('no renegotiation', seen)
            self.assertEqual(server.next('handshake')['status'], 'OK')
            self.assertNotEqual(server.next()['event'], 'handshake')

    def test_list_of_authorities(self):
        """A client knows by it which certificate to send. With TLS 1.3 mbedTLS sends none."""
        with Server('--ca', path('client-root.crt'), '--auth', 'require') as server:
            seen = self.run_client(server, '-tls1_2', '-cert', path('client.crt'), '-key',
                                   path('client.key'))
            self.assertIn('wsuv test client-root', seen)
            self.assertIn('\nhello\n', seen)


class Node(unittest.TestCase):

    def run_client(self, server, alpn='http/1.1', again=''):
        done = subprocess.run(['node', '-e', NODE, str(server.port), path('root.crt'), alpn, again],
                              check=True, capture_output=True, timeout=PATIENCE)
        return [json.loads(line) for line in done.stdout.decode().splitlines()]

    def test_handshake_and_tickets(self):
        with Server() as server:
            seen = self.run_client(server, 'h2,http/1.1', 'again')
            self.assertEqual([line['text'] for line in seen], ['hello', 'hello'])
            self.assertEqual([line['alpn'] for line in seen], ['http/1.1', 'http/1.1'])
            self.assertEqual([line['reused'] for line in seen], [False, True])

    def test_alpn_without_a_match(self):
        with Server() as server:
            seen = self.run_client(server, 'h2')
            self.assertRegex(seen[0]['error'], '(?i)no application protocol')


def main(arguments):
    global SERVER, NEW, ENGINE, FOLDER
    if len(arguments) < 3:
        print(__doc__, file=sys.stderr)
        return 2
    SERVER, NEW = os.path.abspath(arguments[1]), arguments[2] != 'tls1.2'
    ENGINE = 'openssl' if arguments[2] == 'openssl' else 'mbedtls'
    if NEW:
        VERSIONS.append(ssl.TLSVersion.TLSv1_3)
    with tempfile.TemporaryDirectory() as folder:
        FOLDER = folder
        certs.make(folder)
        program = unittest.main(argv=arguments[:1] + arguments[3:], exit=False)
    return 0 if program.result.wasSuccessful() else 1


if __name__ == '__main__':
    sys.exit(main(sys.argv))
