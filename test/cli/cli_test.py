#!/usr/bin/env python3
"""Every option and exit status of the command-line client.

    cli_test.py WSUV WSUV_ECHO [unittest's arguments]

Against the echo server, and against servers of one connection that are scripted here on a bare
socket, so that they can do what no honest server does.
"""

import base64
import functools
import hashlib
import json
import os
import pty
import re
import resource
import select
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'interop')]
import packets  # noqa: E402
from programs import (  # noqa: E402
    BINARY, CLOSE, CLOSED, CODE, CONTINUATION, LOST, OURS, PATIENCE, PING, PONG, REFUSED, STALL,
    TEXT, UNFINISHED, FrameSocket, ScriptedServer, heed_signals, write_until_stalled)

WSUV = ECHO = ''
PIN = 'sha256//' + 43 * 'A' + '='


class Result:
    def __init__(self, process, out, err):
        self.status, self.out, self.err = process.returncode, out, err.decode()


def start(*args, **kwargs):
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    pipes.update(kwargs)
    return subprocess.Popen([WSUV, *args], **pipes)


def finish(process, data=None):
    try:
        out, err = process.communicate(data, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return Result(process, out, err)


def run(*args, data=b'', **kwargs):
    """Run to the end, with `data` on standard input through a pipe, unless `stdin` is given."""
    return finish(start(*args, **kwargs), None if 'stdin' in kwargs else data)


class Peer(FrameSocket):
    """The server's side of one connection."""

    def request(self):
        self.head = self.read_until(b'\r\n\r\n').decode('latin-1')
        lines = self.head.split('\r\n')
        self.line = lines[0]
        self.fields = dict(line.split(': ', 1) for line in lines[1:])

    def accept(self, *extra, key_suffix=b''):
        self.answer('HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket',
                    'Connection: Upgrade', 'Sec-WebSocket-Accept: KEY', *extra,
                    key_suffix=key_suffix)

    def answer(self, *lines, key_suffix=b''):
        """Lines of a head; KEY in them is what belongs to the request's key."""
        self.request()
        key = self.fields['Sec-WebSocket-Key'].encode() + key_suffix
        digest = hashlib.sha1(key + b'258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest()
        head = '\r\n'.join(lines) + '\r\n\r\n'
        self.sock.sendall(head.replace('KEY', base64.b64encode(digest).decode()).encode())

    def receive_close(self):
        """Skip what comes before; the code that the close frame has."""
        while True:
            opcode, payload, _ = self.receive_frame()
            if opcode == CLOSE:
                return int.from_bytes(payload[:2], 'big') if payload else None

    def close(self, code=None, reason=b''):
        self.send(CLOSE, b'' if code is None else struct.pack('>H', code) + reason)

    def answer_close(self):
        code = self.receive_close()
        self.close(code)
        return code


class Server(ScriptedServer):
    """Plays `script(peer)`."""

    def __init__(self, script, path=None):
        super().__init__(script, path)
        self.url = 'ws+unix://%s:/' % path if path else 'ws://127.0.0.1:%d/' % self.port

    def play(self, sock):
        self.script(Peer(sock))


def setUpModule():
    global echo, echo_url
    echo = subprocess.Popen([ECHO, '-p', 'chat', '-p', 'superchat'], stdout=subprocess.PIPE)
    echo_url = echo.stdout.readline().decode().split()[-1] + '/'


def tearDownModule():
    echo.terminate()
    status = echo.wait(PATIENCE)
    echo.stdout.close()
    assert status == 0, 'wsuv_echo: exit status %d' % status


class CliTest(unittest.TestCase):
    def check(self, result, status, out=None, err=None):
        self.assertEqual(result.status, status, result.err)
        if out is not None:
            self.assertEqual(result.out, out)
        if err is None:
            self.assertEqual(result.err, '')
        else:
            self.assertRegex(result.err, err)

    def check_one_line(self, result, status, err):
        self.check(result, status, b'', err)
        self.assertEqual(result.err.count('\n'), 1, result.err)


class CommandLine(CliTest):
    def test_help_names_every_option(self):
        result = run('--help')
        self.check(result, 0)
        for option in ('usage: wsuv', '-m TEXT', '-n N', '-b', '-H', '-p', '--origin',
                       '--ping-interval', '--resolve', '--resolver', '--stream', '--timeout',
                       '--no-input', '--null', '--json', '--timestamps', '--slash',
                       '--close-deadline', '--include', '--stats',
                       '--cacert', '--capath', '--cert ', '--key ', '--pass', '--pin',
                       '--crl FILE', '--ocsp MODE', '--ocsp-file FILE',
                       '--tls-min', '--tls-max', '--tls-engine NAME', '--insecure', '--keylog',
                       '-v', '--help',
                       '--proxy URL', '--no-proxy', '--proxy-cacert', '--location', '--user',
                       '--auth', '--cookie', '--header-file', '--version', 'Exit status'):
            self.assertIn(option, result.out.decode())

    def test_help_and_version_that_cannot_be_written_are_1(self):
        for option in '--help', '--version':
            with self.subTest(option=option), open('/dev/full', 'wb', buffering=0) as device:
                self.check(run(option, stdout=device), OURS, None,
                           '^wsuv: cannot write to standard output\n')

    def test_version(self):
        result = run('--version')
        self.check(result, 0)
        self.assertRegex(result.out, rb'^wsuv \d+\.\d+\.\d+\n$')

    def test_bad_usage_is_1(self):
        for args in ([], ['ws://a', 'ws://b'], ['--nonsense', 'ws://a'], ['-x', 'ws://a'],
                     ['ws://a', '-m'], ['-n', '0', 'ws://a'], ['-n', 'x', 'ws://a'],
                     ['-n', '-1', 'ws://a'], ['--timeout', '0', 'ws://a'],
                     ['--close-deadline', '0', 'ws://a'],
                     ['--timeout', 'x', 'ws://a'], ['--timeout', '-1', 'ws://a'],
                     ['--tls-min', '1.1', 'ws://a'], ['--tls-max', '1.20', 'ws://a'],
                     ['--tls-engine', 'openssl4', 'ws://a'], ['--tls-engine', '', 'ws://a'],
                     ['--ocsp', 'yes', 'ws://a'], ['--ocsp', '', 'ws://a'], ['--crl'],
                     ['--tls-min', '', 'ws://a'], ['--pin'], ['--cacert'],
                     ['--ping-interval', 'nan', 'ws://a'], ['-H', 'no colon', 'ws://a']):
            with self.subTest(args=args):
                self.check(run(*args), OURS, b'', r'^wsuv: ')

    def test_bad_options_are_named(self):
        for args, named in ((['--nonsense'], 'unknown option: --nonsense'),
                            (['-bvx'], 'unknown option: -x'),
                            (['--nonsense=1'], 'unknown option: --nonsense=1'),
                            (['-m'], 'a value is missing for the option -m'),
                            (['--pin'], 'a value is missing for the option --pin'),
                            (['--stats=1'], 'no value is allowed here: --stats=1')):
            with self.subTest(args=args):
                self.check(run('ws://a', *args), OURS, b'', f'^wsuv: {named}\n')

    def test_password_that_cannot_be_read_is_1(self):
        with tempfile.TemporaryDirectory() as folder:
            for path in (folder + '/none', folder):
                with self.subTest(path=path):
                    self.check_one_line(run('--pass', path, 'ws://a'), OURS, f'^wsuv: {path}: ')

    def test_options_of_tls_do_not_matter_without_it(self):
        with tempfile.NamedTemporaryFile('w') as file:
            file.write('a word\nand no more')
            file.flush()
            result = run('--cacert', 'a', '--capath', 'b', '--cert', 'c', '--key', 'd',
                         '--pin', PIN, '--pin', PIN, '--tls-min', '1.2', '--tls-max', '1.3',
                         '--keylog', 'g', '--insecure', '--pass', file.name, '--pass', os.devnull,
                         '-m', 'hi', '-n', '1', echo_url)
        self.check(result, CLOSED, b'hi\n')

    def test_bad_url_is_1(self):
        for url in ('', 'nonsense', 'ftp://a/', 'ws://', 'ws://a:0/', 'ws://a:65536/',
                    'ws://a/#fragment', 'ws://a/ b', 'ws://a/\n'):
            with self.subTest(url=url):
                self.check_one_line(run(url), OURS, r'^wsuv: .*URL')

    def test_bad_url_is_shown_with_its_place(self):
        for options in ((), ('-v',)):
            for url, what in (('ws://ab c/', "' ' is not allowed in the host, position 8"),
                              ('ws://a/#b', "'#' is not allowed in the path or query, position 8"),
                              ('ws://a:0/', 'port 0, position 8')):
                with self.subTest(url=url, options=options):
                    self.check_one_line(run(*options, url), OURS,
                                        f'^wsuv: malformed or unsupported URL: {what}\n')

    def test_missing_scheme_is_suggested(self):
        for url, suggested in (('localhost:8080', 'ws://localhost:8080'), ('a.b', 'ws://a.b'),
                               ('a.b:443/chat?token=x', 'wss://a.b:443/...')):
            with self.subTest(url=url):
                self.check_one_line(run(url), OURS, r'^wsuv: .*URL.* %s\?$' % re.escape(suggested))
        for url in 'me:secret@a.b', 'wss:':
            self.assertNotIn('mean', run(url).err)

    def test_header_that_may_not_be_sent_is_1(self):
        for args in (['-H', 'Upgrade: x'], ['-H', 'Sec-WebSocket-Key: x'], ['-H', 'A: b\r\nC: d'],
                     ['-H', 'a b: c'], ['-p', 'a b'], ['-p', ''], ['--origin', 'a\nb']):
            with self.subTest(args=args):
                self.check_one_line(run(*args, echo_url), OURS, r'^wsuv: .*header')
        result = run('-H', 'Upgrade: x', echo_url)
        self.check_one_line(result, OURS, ': Upgrade: only the handshake itself sets it')


class Connecting(CliTest):
    def test_no_descriptors_is_2(self):  # F37
        few = functools.partial(resource.setrlimit, resource.RLIMIT_NOFILE, (7, 7))
        result = run('ws://127.0.0.1:1/', preexec_fn=few)
        self.check_one_line(result, REFUSED, r'too many open files')

    def test_refused_connection_is_2(self):
        with socket.socket() as bound:
            bound.bind(('127.0.0.1', 0))  # and does not listen
            result = run('ws://127.0.0.1:%d/' % bound.getsockname()[1])
        self.check_one_line(result, REFUSED, r'could not connect: connect: connection refused')

    def test_verbose_tells_the_address_of_a_failure(self):
        with socket.socket() as bound:
            bound.bind(('127.0.0.1', 0))
            port = bound.getsockname()[1]
            result = run('-v', '--resolve', f'h:{port}:127.0.0.1', f'ws://h:{port}/')
        self.check(result, REFUSED, b'',
                   rf'\* the last address tried is 127\.0\.0\.1 port {port}\n')
        with Server(lambda peer: peer.answer('HTTP/1.1 404 Not Found')) as server:
            result = run('-v', server.url)
        port = re.search(r':(\d+)/', server.url).group(1)
        self.check(result, REFUSED, b'', rf'\* connected to 127\.0\.0\.1 port {port}\n')

    def test_unknown_host_is_2(self):
        # No label has 64 characters: the resolver says so without asking anybody.
        result = run('ws://%s.invalid/' % ('x' * 64))
        self.check_one_line(result, REFUSED, r'^wsuv: could not connect: resolve: ')

    def test_refused_upgrade_is_2_and_shows_the_status(self):
        for status in (401, 404, 503):
            result = run(echo_url + 'refuse?status=%d' % status)
            self.check_one_line(result, REFUSED,
                                r'could not connect: handshake: .*%d.*: refused$' % status)

    def refusal(self, body, *options, field='X-Nothing: 0'):
        head = 'HTTP/1.1 403 Forbidden\r\n%s\r\nContent-Length: %d\r\n\r\n' % (field, len(body))

        def script(peer):
            peer.request()
            peer.sock.sendall(head.encode() + body)
        with Server(script) as server:
            return run(*options, server.url)

    def test_refusal_shows_the_first_line_of_its_body(self):
        bare = self.refusal(b'')
        self.check_one_line(bare, REFUSED, 'could not connect: handshake: .*403')
        for body, shown in ((b'\r\n no \x1b[1mtoken\nat all', r': no \x1b[1mtoken'),
                            (b'{"error": 1}', ': {"error": 1}'), (b'<html>no', ''), (b'\0', ''),
                            (b'a' * 199 + 'ä'.encode(), ': ' + 'a' * 199)):
            with self.subTest(body=body):
                self.assertEqual(self.refusal(body).err, bare.err[:-1] + shown + '\n')
        self.assertEqual(self.refusal(b'squeezed', field='Content-Encoding: br').err, bare.err)
        self.assertEqual(self.refusal(b'told once', '--include').err, bare.err)

    def test_verbose_shows_the_answer_that_refused(self):
        result = run('-v', echo_url + 'refuse?status=401')
        self.check(result, REFUSED, b'', r'(?is)content-length.*refused.*wsuv: could not connect')

    def test_wrong_accept_is_2(self):
        with Server(lambda peer: peer.accept(key_suffix=b'x')) as server:
            self.check_one_line(run(server.url), REFUSED, r'handshake: .*Sec-WebSocket-Accept')

    def test_subprotocol_that_was_not_offered_is_2(self):
        with Server(lambda peer: peer.accept('Sec-WebSocket-Protocol: other')) as server:
            self.check_one_line(run('-p', 'chat', server.url), REFUSED, r'handshake: .*subprotocol')

    def test_end_during_handshake_is_2(self):
        with Server(lambda peer: peer.request()) as server:
            self.check_one_line(run(server.url), REFUSED, r'handshake: ')

    def test_stalled_handshake_is_2_after_timeout(self):
        def stall(peer):
            peer.request()
            peer.wait_for_end()
        with Server(stall) as server:
            self.check_one_line(run('--timeout', '0.2', server.url), REFUSED,
                                r'handshake: connection timed out')

    def test_request_carries_what_was_asked_for(self):
        requests = []

        def script(peer):
            peer.accept('Sec-WebSocket-Protocol: b')
            requests.append(peer)
            peer.answer_close()
        with Server(script) as server:
            result = run('-H', 'X-One: 1', '-H', 'X-Two:two words ', '-H', 'X-Empty:',
                         '-p', 'a', '-p', 'b', '--origin', 'https://example.org',
                         server.url + 'path?query=1')
        self.check(result, CLOSED, b'')
        self.assertEqual(requests[0].line, 'GET /path?query=1 HTTP/1.1')
        fields = requests[0].fields
        self.assertEqual(fields['X-One'], '1')
        self.assertEqual(fields['X-Two'], 'two words')
        self.assertEqual(fields['X-Empty'], '')
        self.assertEqual(fields['Origin'], 'https://example.org')
        self.assertEqual(fields['Sec-WebSocket-Protocol'].replace(' ', ''), 'a,b')
        self.assertRegex(fields['User-Agent'], r'^wsuv/\d')
        self.assertEqual(fields['Host'], server.url.split('/')[2])

    def test_unix_socket(self):
        def script(peer):
            peer.accept()
            self.assertEqual(peer.line, 'GET /chat?q HTTP/1.1')
            self.assertEqual(peer.fields['Host'], 'localhost')
            self.assertEqual(peer.receive(), (TEXT, b'hello'))
            peer.answer_close()

        with tempfile.TemporaryDirectory() as folder:
            with Server(script, folder + '/s') as server:
                self.check(run('-m', 'hello', server.url + 'chat?q'), CLOSED)
            self.check_one_line(run('ws+unix://%s/none:/' % folder), REFUSED,
                                'could not connect: connect: no such file or directory')
        self.check(run('ws+unix:///' + 107 * 'n'), OURS, b'', r'^wsuv: ')

    def resolve(self, entry, url, status=CLOSED, more=()):
        """Connect with `--resolve entry`, PORT in both being the server's; its Host header."""
        def script(peer):
            peer.accept()
            seen.append(peer.fields['Host'])
            peer.answer_close()

        seen = []
        with Server(script) as server:
            entry, url = (s.replace('PORT', str(server.port)) for s in (entry, url))
            options = [o.replace('PORT', str(server.port)) for o in more]
            self.check(run(*options, '--resolve', entry, url), status)
            self.assertEqual(seen[0], url.split('@')[-1].split('/')[-2])

    def test_resolve(self):
        self.resolve('name.invalid:PORT:127.0.0.1', 'ws://name.invalid:PORT/')
        self.resolve('NAME.Invalid:PORT:127.0.0.1', 'ws://name.INVALID:PORT/')
        self.resolve('name.invalid:PORT:127.0.0.1', 'ws://user:word@name.invalid:PORT/')
        self.resolve('[2001:db8::1]:PORT:127.0.0.1', 'ws://[2001:db8::1]:PORT/')
        others = ['--resolve', 'other.invalid:PORT:192.0.2.1', '--resolve', 'name.invalid:1:::1']
        self.resolve('name.invalid:PORT:127.0.0.1', 'ws://name.invalid:PORT/', more=others)

    def test_resolve_of_another_host_or_port_is_not_used(self):
        with socket.socket() as bound:
            bound.bind(('127.0.0.1', 0))  # and does not listen
            port = str(bound.getsockname()[1])
            for entry, stage in (('b.invalid:PORT:127.0.0.1', 'connect'),
                                 ('a.invalid:PORT:127.0.0.1', 'resolve'),
                                 ('b.invali:PORT:127.0.0.1', 'resolve'),
                                 ('b.invalid:1:127.0.0.1', 'resolve')):
                with self.subTest(entry=entry):
                    result = run('--resolve', entry.replace('PORT', port),
                                 'ws://b.invalid:%s/' % port)
                    self.check_one_line(result, REFUSED, 'could not connect: %s: .*' % stage)

    def test_resolve_knows_the_default_port(self):
        for entry, url, status in (('b.invalid:80:none', 'ws://b.invalid', OURS),
                                   ('b.invalid:443:none', 'wss://b.invalid', OURS),
                                   ('b.invalid:443:none', 'ws://b.invalid', REFUSED)):
            self.assertEqual(run('--resolve', entry, url).status, status)

    def test_resolve_to_what_is_no_address_is_1(self):
        for bad in ('', 'h', 'h:80', 'h:80:', ':80:::1', 'h:0:::1', 'h:65536:::1', 'h:x:::1',
                    '[::1:80:::1', 'h:80:[]', 'h:80:[::1', 'h:+1:::1', 'h:80:localhost'):
            with self.subTest(entry=bad):
                self.check(run('--resolve', bad, 'ws://h/'), OURS, b'', r'^wsuv: ')

    def test_resolver(self):
        with Server(lambda peer: (peer.accept(), peer.answer_close())) as server:
            url = 'ws://localhost:%d/' % server.port
            self.check(run('--resolver', 'system', url), CLOSED)
        for name in ('auto', 'system'):
            result = run('--resolver', name, 'ws://%s.invalid/' % ('x' * 64))
            self.check_one_line(result, REFUSED, r'^wsuv: could not connect: resolve: ')
        self.check(run('--resolver', 'dns', 'ws://h/'), OURS, b'', r'^wsuv: not a resolver')

    def test_verbose_tells_the_subprotocol(self):
        result = run('-v', '-p', 'none', '-p', 'superchat', echo_url)
        self.check(result, CLOSED, b'', r'(?m)^\* subprotocol: superchat$')
        self.assertNotIn('chose no subprotocol', result.err)
        with Server(lambda peer: (peer.accept(), peer.answer_close())) as server:
            result = run('-v', '-p', 'none', server.url)
        self.check(result, CLOSED, b'', r'(?m)^\* the server chose no subprotocol$')
        self.assertNotIn('subprotocol', run('-v', echo_url).err)

    def test_length_of_a_101_is_ignored(self):
        def script(peer):
            peer.accept('Content-Length: 0')
            peer.close(1000)
            peer.receive_close()
        with Server(script) as server:
            result = run('-v', '--no-input', server.url)
            self.check(result, CLOSED, b'', r'(?m)^\* Content-Length of the response is ignored$')


class RefusedCertificate(CliTest):
    """Of a server that speaks TLS, and is trusted by nobody."""

    NAME = '/O=Nobody/CN=refused.test'

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.key = os.path.join(cls.folder.name, 'key')
        cls.cert = cls.make('cert', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
                            '-nodes', '-keyout', cls.key)
        cls.context = cls.server_of(cls.cert)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def make(cls, name, *options):
        path = os.path.join(cls.folder.name, name)
        cls.openssl('req', '-x509', *options, '-subj', cls.NAME, '-days', '9', '-addext',
                    'subjectAltName=IP:127.0.0.1', '-out', path)
        return path

    @classmethod
    def server_of(cls, cert):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, cls.key)
        return context

    @staticmethod
    def openssl(*args, data=None):
        return subprocess.run(['openssl', *args], input=data, check=True, capture_output=True,
                              timeout=PATIENCE).stdout

    def shown(self, cert):
        key = self.openssl('x509', '-in', cert, '-noout', '-pubkey')
        der = self.openssl('pkey', '-pubin', '-outform', 'DER', data=key)
        pin = base64.b64encode(hashlib.sha256(der).digest()).decode()
        end = self.openssl('x509', '-in', cert, '-noout', '-enddate').decode().split('=')[1]
        end = time.strftime('%Y-%m-%d %H:%M:%S UTC',
                            time.gmtime(ssl.cert_time_to_seconds(end.strip())))
        return ('* certificate: O=Nobody, CN=refused.test\n'
                '* issuer: O=Nobody, CN=refused.test\n'
                f'* expires: {end}\n'
                f'* pin: sha256//{pin}\n')

    def refuse(self, *options, context=None):
        def script(peer):
            try:
                with (context or self.context).wrap_socket(peer.sock, server_side=True) as secure:
                    secure.recv(1)
            except OSError:
                pass
        with Server(script) as server:
            return run('-v', *options, server.url.replace('ws:', 'wss:'))

    def test_verbose_shows_the_certificate_that_is_refused(self):
        for options, why in (((), 'not signed by a trusted authority'),
                             (('--tls-max', '1.2'), 'not signed by a trusted authority'),
                             (('--cacert', self.cert, '--pin', PIN), 'pinned'),
                             (('--insecure', '--pin', PIN), 'pinned')):
            with self.subTest(options=options):
                result = self.refuse(*options)
                self.check(result, REFUSED, b'', f'could not connect: tls: .*{why}')
                self.assertIn(self.shown(self.cert), result.err)
                self.assertIn('* connected to 127.0.0.1 port ', result.err)

    def test_library_is_used_or_is_not_there(self):
        for engine in ('mbedtls', 'openssl'):
            with self.subTest(engine=engine):
                result = run('--tls-engine', engine, 'wss://127.0.0.1:1')
                if engine == 'openssl' and result.status == OURS:
                    self.assertIn('does not have that TLS library', result.err)
                    continue
                self.check(result, REFUSED, b'', 'connection refused')
                result = self.refuse('--tls-engine', engine)
                self.check(result, REFUSED, b'', 'not signed by a trusted authority')
                self.assertIn(self.shown(self.cert), result.err)

    def test_verbose_shows_the_certificate_with_an_extension_that_is_not_understood(self):
        cert = self.make('strange', '-key', self.key, '-addext', '1.2.3.4=critical,ASN1:NULL')
        for options in ((), ('--tls-max', '1.2'), ('--insecure',)):
            with self.subTest(options=options):
                result = self.refuse(*options, context=self.server_of(cert))
                self.check(result, REFUSED, b'', 'could not connect: tls: .*critical extension')
                self.assertIn(self.shown(cert), result.err)

    def test_verbose_shows_what_is_known_of_a_certificate_that_cannot_be_read(self):
        der = self.openssl('x509', '-in', self.cert, '-outform', 'DER')
        at = der.index(b'\x30\x1e\x17\x0d') + 6  # the month of the first date
        der = der[:at] + b'13' + der[at + 2:]
        cert = os.path.join(self.folder.name, 'spoiled')
        with open(cert, 'w', encoding='ascii') as file:
            file.write(ssl.DER_cert_to_PEM_cert(der))
        for options in ((), ('--tls-max', '1.2')):
            with self.subTest(options=options):
                result = self.refuse(*options, context=self.server_of(cert))
                self.check(result, REFUSED, b'',
                           r'could not connect: tls: TLS failed: X509 - The date .* \(-0x2400\)')
                digest = ':'.join(f'{byte:02X}' for byte in hashlib.sha256(der).digest())
                self.assertIn('* certificate: cannot be read\n'
                              f'* SHA-256 of the certificate: {digest}\n', result.err)


class Closing(CliTest):
    def closed_by_peer(self, code, reason=b'', options=('--no-input',)):
        def script(peer):
            peer.accept()
            peer.close(code, reason)
            peer.receive_close()
        with Server(script) as server:
            process = start(*options, server.url)
            process.stdin.flush()  # and stays open: only the peer ends this
            with process.stdout, process.stderr:
                process.wait(PATIENCE)
                result = Result(process, process.stdout.read(), process.stderr.read())
            process.stdin.close()
            return result

    def test_normal_codes_are_0(self):
        for code in (1000, 1001, None):
            with self.subTest(code=code):
                self.check(self.closed_by_peer(code), CLOSED, b'')

    def test_other_codes_are_4_and_shown(self):
        for code in (1003, 1011, 3000, 4000):
            with self.subTest(code=code):
                result = self.closed_by_peer(code, b'because')
                self.check_one_line(result, CODE, r'^wsuv: closed by the peer: %d: because$' % code)

    def test_control_characters_of_a_reason_are_escaped(self):
        result = self.closed_by_peer(4000, 'a\x1b[2Jb\nc\x9bd\x7fä'.encode())
        self.check_one_line(result, CODE, r': 4000: a\\x1b\[2Jb\\nc\\u009bd\\x7fä$')

    def test_close_before_the_end_of_the_input_is_5(self):
        missing = 'standard input was not sent to its end'
        for code, reason, said in ((1000, b'enough', ': 1000: enough'), (None, b'', '')):
            with self.subTest(code=code):
                result = self.closed_by_peer(code, reason, options=())
                self.check_one_line(result, UNFINISHED,
                                    '^wsuv: closed by the peer%s: %s$' % (said, missing))

    def test_close_while_input_is_queued_is_5(self):
        def script(peer):
            peer.accept()
            peer.close(1000)
            peer.receive_close()
        with tempfile.TemporaryFile() as file, Server(script) as server:
            file.write((b'x' * 65535 + b'\n') * 240)  # less than the queue takes
            file.seek(0)
            result = run(server.url, stdin=file)
        self.check_one_line(result, UNFINISHED, r'1000: standard input was not sent to its end$')

    def test_close_behind_the_last_line_is_0(self):
        def script(peer):
            peer.accept()
            self.assertEqual(peer.receive(), (TEXT, b'quit'))
            peer.close(1000)
            peer.receive_close()
        read_end, write_end = os.pipe()
        os.write(write_end, b'quit\n')
        os.close(write_end)
        with tempfile.TemporaryFile() as file:
            file.write(b'quit\n')
            file.seek(0)
            for stdin in file, read_end:
                with self.subTest(stdin=stdin), Server(script) as server:
                    self.check(run(server.url, stdin=stdin), CLOSED, b'')
        os.close(read_end)

    def test_close_before_the_last_message_is_5(self):
        def script(peer):
            peer.accept()
            peer.send(TEXT, b'one')
            peer.send(TEXT, b'two')
            peer.close(1000)
            peer.receive_close()
        with Server(script) as server:
            result = run('-n', '3', server.url)
            self.check(result, UNFINISHED, b'one\ntwo\n',
                       r'^wsuv: closed by the peer: 1000: 2 of 3 messages have arrived\n$')

    def test_close_that_could_not_be_answered_is_5(self):
        stopped = threading.Event()

        def script(peer):
            peer.accept()
            peer.send(TEXT, b'open')
            self.assertTrue(stopped.wait(PATIENCE))
            peer.close(1000)
            peer.reset()
        with Server(script) as server:
            process = start('--no-input', server.url)
            self.assertEqual(process.stdout.readline(), b'open\n')
            process.send_signal(signal.SIGSTOP)  # so that it does not answer before the reset
            os.waitpid(process.pid, os.WUNTRACED)
            stopped.set()
            server.thread.join(PATIENCE)
            process.send_signal(signal.SIGCONT)
            process.wait(PATIENCE)
            self.check_one_line(finish(process), UNFINISHED, r'^wsuv: closed by the peer: 1000: '
                                'the close frame was not answered$')

    def test_our_close_is_1000_and_0(self):
        codes = []

        def script(peer):
            peer.accept()
            codes.append(peer.answer_close())
        with Server(script) as server:
            self.check(run(server.url), CLOSED, b'')
        self.assertEqual(codes, [1000])

    def test_messages_behind_our_close_are_printed(self):
        def script(peer):
            peer.accept()
            code = peer.receive_close()
            peer.send(TEXT, b'late')
            peer.close(code)
        with Server(script) as server:
            self.check(run(server.url), CLOSED, b'late\n')

    def test_connection_cut_is_3(self):
        def script(peer):
            peer.accept()
            peer.send(TEXT, b'before')
        with Server(script) as server, subprocess.Popen(
                ['cat'], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as never:
            result = run(server.url, stdin=never.stdout)
        self.check(result, LOST, b'before\n', r'^wsuv: connection lost: ')

    def test_protocol_violation_is_3_and_answered_by_1002(self):
        codes = []

        def script(peer):
            peer.accept()
            peer.send(3)
            codes.append(peer.receive_close())
        with Server(script) as server:
            process = start(server.url)
            process.wait(PATIENCE)
            result = finish(process)
        self.check_one_line(result, LOST, r'^wsuv: connection lost: .*protocol.*')
        self.assertEqual(codes, [1002])

    def test_close_that_is_not_answered_is_3_after_timeout(self):
        def script(peer):
            peer.accept()
            peer.receive_close()
            peer.wait_for_end()
        with Server(script) as server:
            self.check_one_line(run('--timeout', '0.2', server.url), LOST,
                                r'connection lost: .*not answered in time')

    def test_close_deadline_is_3_too(self):
        def script(peer):
            peer.accept()
            peer.receive_close()
            peer.wait_for_end()
        with Server(script) as server:
            self.check_one_line(run('--close-deadline', '0.2', server.url), LOST,
                                r'connection lost: .*not answered in time')

    def test_ping_interval(self):
        payloads = []

        def script(peer):
            peer.accept()
            for _ in range(3):
                opcode, payload = peer.receive()
                self.assertEqual(opcode, PING)
                payloads.append(payload)
                peer.send(PONG, payload)
            peer.close(1000)
            peer.receive_close()
        with Server(script) as server:
            process = start('-v', '--no-input', '--ping-interval', '0.02', server.url)
            process.wait(PATIENCE)
            self.check(finish(process), CLOSED, b'', r'(?m)^\* round trip: last \d+\.\d+ ms')
        self.assertEqual(len(set(payloads)), 3)

    def test_unanswered_ping_is_3(self):
        def script(peer):
            peer.accept()
            peer.wait_for_end()
        with Server(script) as server:
            process = start('--ping-interval', '0.05', server.url)
            process.wait(PATIENCE)
            self.check_one_line(finish(process), LOST, r'ping timeout')


class Errors(CliTest):
    """Every error that a server can bring about: what is said, the exit status, and the close code
    that the server sees."""

    STATUS = 'HTTP/1.1 101 Switching Protocols'
    UPGRADE, CONNECTION = 'Upgrade: websocket', 'Connection: Upgrade'
    ACCEPT = 'Sec-WebSocket-Accept: KEY'
    GOOD = (STATUS, UPGRADE, CONNECTION, ACCEPT)
    NO_HTTP, NO_UPGRADE = 'malformed HTTP', 'Upgrade or Connection header'
    NO_ACCEPT, TOO_MUCH = 'Sec-WebSocket-Accept', 'headers too large or too many'
    ANSWERS = (
        (('HTTP/1.0 101 Switching Protocols', *GOOD[1:]), NO_HTTP),
        (('HTTP/2.0 101 Switching Protocols', *GOOD[1:]), NO_HTTP),
        ((STATUS, '  X-Folded: a', *GOOD[1:]), NO_HTTP),
        ((*GOOD, 'no colon'), NO_HTTP),
        ((STATUS, CONNECTION, ACCEPT), NO_UPGRADE),
        ((STATUS, 'Upgrade: h2c', CONNECTION, ACCEPT), NO_UPGRADE),
        ((STATUS, UPGRADE, ACCEPT), NO_UPGRADE),
        ((STATUS, UPGRADE, 'Connection: close', ACCEPT), NO_UPGRADE),
        ((STATUS, UPGRADE, CONNECTION), NO_ACCEPT),
        ((*GOOD, ACCEPT), NO_ACCEPT),
        ((*GOOD, 'Sec-WebSocket-Protocol: a'), 'subprotocol'),
        ((*GOOD, 'Sec-WebSocket-Extensions: permessage-deflate'), 'extension'),
        ((*GOOD, 'X-Large: ' + 'x' * 16384), TOO_MUCH),
        ((*GOOD, *('X-%d: a' % i for i in range(100))), TOO_MUCH),
        (('HTTP/1.1 100 Continue\r\n\r\n' * 9 + STATUS, *GOOD[1:]), TOO_MUCH),
    )

    def test_bad_answers_are_2(self):
        for lines, text in self.ANSWERS:
            with self.subTest(text=text, lines=lines):
                with Server(lambda peer: peer.answer(*lines)) as server:  # pylint: disable=W0640
                    self.check_one_line(run(server.url), REFUSED,
                                        'could not connect: handshake: .*' + text)

    def test_reset_during_the_handshake_is_2(self):
        def script(peer):
            peer.request()
            peer.reset()
        with Server(script) as server:
            self.check_one_line(run(server.url), REFUSED, 'handshake: connection reset by peer')

    def test_flood_of_tls_alerts_is_2(self):
        def script(peer):
            peer.sock.sendall(bytes([21, 3, 3, 0, 2, 1, 90]) * 100)
            peer.wait_for_end()
        with Server(script) as server:
            self.check_one_line(run(server.url.replace('ws:', 'wss:')), REFUSED,
                                'tls: too many TLS records without data: more than 64 TLS records '
                                'in a row without data, the last one an alert')

    HUGE = bytes([0x82, 127]) + struct.pack('>Q', 1 << 31)  # a header, and no more
    LARGE = bytes([0x82, 127]) + struct.pack('>Q', (16 << 20) + 1)
    PROTOCOL, NO_UTF8, TOO_BIG = 'protocol violated', 'not valid UTF-8', 'too large'
    FRAMES = (
        (Peer.frame(3), 1002, PROTOCOL),
        (bytes([0xc1, 0]), 1002, PROTOCOL),
        (bytes([0x81, 0x80, 0, 0, 0, 0]), 1002, PROTOCOL),
        (bytes([0x82, 126, 0, 1, 0]), 1002, PROTOCOL),
        (Peer.frame(PING, b'', False), 1002, PROTOCOL),
        (Peer.frame(CONTINUATION), 1002, PROTOCOL),
        (Peer.frame(CLOSE, b'\3'), 1002, PROTOCOL),
        (Peer.frame(CLOSE, struct.pack('>H', 1006)), 1002, PROTOCOL),
        (Peer.frame(TEXT, b'\xff'), 1007, NO_UTF8),
        (Peer.frame(CLOSE, struct.pack('>H', 1000) + b'\xff'), 1007, NO_UTF8),
        (HUGE, 1009, TOO_BIG),
        (LARGE, 1009, TOO_BIG),
        (Peer.frame(BINARY, b'', False) + Peer.frame(CONTINUATION, b'', False) * 131072, 1008,
         'too many fragments'),
    )

    def lose(self, script, text, *options, **kwargs):
        """With nothing on standard input, which stays open."""
        with Server(script) as server:
            process = start(*options, server.url, **kwargs)
            process.wait(PATIENCE)
            self.check(finish(process), LOST, b'', '(?m)^wsuv: connection lost: .*' + text)

    def test_bad_frames_are_3(self):
        def script(peer):
            peer.accept()
            peer.sock.sendall(frames)
            seen.append(peer.receive_close())
        for frames, code, text in self.FRAMES:
            with self.subTest(frames=frames[:20], code=code):
                seen = []
                self.lose(script, text)
                self.assertEqual(seen, [code])

    def test_unanswered_ping_is_3_and_told_by_1011(self):
        def script(peer):
            peer.accept()
            seen.append(peer.receive_close())
        seen = []
        self.lose(script, 'ping timeout', '--ping-interval', '0.05')
        self.assertEqual(seen, [1011])

    def test_no_memory_is_3_and_told_by_1011(self):
        def script(peer):
            peer.accept()
            peer.sock.sendall(bytes([0x82, 127]) + struct.pack('>Q', 12 << 20) + bytes(8 << 20))
            seen.append(peer.receive_close())
        seen = []
        self.lose(script, 'not enough memory', **self.little_memory(4))

    @staticmethod
    def little_memory(mebibytes):
        """How a program is started whose larger allocations fail."""
        with open(WSUV, 'rb') as file:
            sanitized = b'__asan_init' in file.read()
        if not sanitized:
            limit = (mebibytes << 20, mebibytes << 20)
            return dict(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, limit))
        options = (os.environ.get('ASAN_OPTIONS', ''), 'allocator_may_return_null=1',
                   'max_allocation_size_mb=%d' % mebibytes)
        return dict(env=dict(os.environ, ASAN_OPTIONS=':'.join(filter(None, options))))

    def test_reset_is_3(self):
        def script(peer):
            peer.accept()
            peer.receive()  # or libuv takes the end of what it reads at once for that of the stream
            peer.reset()
        self.lose(script, 'connection reset by peer', '--ping-interval', '0.05')

    def test_end_is_3(self):
        self.lose(lambda peer: peer.accept(), 'end of file')


class Interrupts(CliTest):
    def interrupt(self, *options, signals=(signal.SIGINT,), data=b'', **kwargs):
        """Signals that come while a session is open; its result. The server sees 1001."""
        def script(peer):
            peer.accept()
            if data:
                peer.receive()
            peer.send(TEXT, b'open')
            self.assertEqual(peer.answer_close(), 1001)
        with Server(script) as server:
            process = start(*options, server.url, **kwargs)
            process.stdin.write(data)
            process.stdin.flush()
            self.assertEqual(process.stdout.readline(), b'open\n')
            for number in signals:
                process.send_signal(number)
            process.wait(PATIENCE)
            return finish(process)

    def test_signals_close_with_1001(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signal=number):
                self.check(self.interrupt(signals=[number]), CLOSED, b'')

    def test_second_hangup_is_not_a_second_signal(self):
        hangups = (signal.SIGHUP, signal.SIGHUP)
        self.check(self.interrupt('--no-input', signals=hangups), CLOSED, b'')

    def test_hangup_can_be_ignored(self):
        def script(peer):
            peer.accept()
            peer.send(TEXT, b'open')
            self.assertEqual(peer.receive(), (TEXT, b'still here'))
            peer.answer_close()
        with Server(script) as server:
            ignore = functools.partial(signal.signal, signal.SIGHUP, signal.SIG_IGN)
            process = start(server.url, preexec_fn=ignore)
            self.assertEqual(process.stdout.readline(), b'open\n')
            process.send_signal(signal.SIGHUP)
            self.check(finish(process, b'still here\n'), CLOSED, b'')

    def test_signal_before_the_last_message_is_5(self):
        self.check(self.interrupt('-n', '2', signals=[signal.SIGTERM]), UNFINISHED, b'',
                   r'^wsuv: closed: 1 of 2 messages have arrived\n$')

    def test_signal_in_the_middle_of_the_input_is_5(self):
        self.check(self.interrupt(data=b'a line\nhalf a li'), UNFINISHED, b'',
                   r'^wsuv: closed: standard input was not sent to its end\n$')

    def test_second_interrupt_terminates(self):
        closing = threading.Event()

        def script(peer):
            peer.accept()
            peer.send(TEXT, b'open')
            peer.receive_close()
            closing.set()
            peer.wait_for_end()
        with Server(script) as server:
            process = start('--timeout', '60', server.url)
            self.assertEqual(process.stdout.readline(), b'open\n')
            process.send_signal(signal.SIGINT)
            self.assertTrue(closing.wait(PATIENCE))
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE)
            self.check_one_line(finish(process), LOST, r'^wsuv: ')

    def test_interrupt_while_connecting_is_2(self):
        asked = threading.Event()

        def script(peer):
            peer.request()
            asked.set()
            peer.wait_for_end()
        with Server(script) as server:
            process = start(server.url)
            self.assertTrue(asked.wait(PATIENCE))
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE)
            self.check_one_line(finish(process), REFUSED, r'^wsuv: could not connect: ')

    def test_interrupt_while_nobody_reads_the_output(self):
        full = threading.Event()
        codes = []

        def script(peer):
            peer.accept()
            frame = peer.frame(TEXT, b'x' * 65000)
            while select.select([], [peer.sock], [], STALL)[1]:
                peer.sock.sendall(frame[:1])
                rest = frame[1:]
                while rest and select.select([], [peer.sock], [], STALL)[1]:
                    rest = rest[peer.sock.send(rest[:4096]):]
            full.set()
            codes.append(peer.receive_close())
            peer.wait_for_end()
        with Server(script) as server:
            process = start('--timeout', '1', server.url)
            self.assertTrue(full.wait(PATIENCE))
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE)
            finish(process)
        self.assertEqual(codes, [1001])


class Input(CliTest):
    def received(self, *args, data=b'', **kwargs):
        """The messages that a run sends: the result, and pairs of opcode and payload."""
        messages = []

        def script(peer):
            peer.accept()
            while not messages or messages[-1][0] != CLOSE:
                messages.append(peer.receive())
            peer.close(1000)
        with Server(script) as server:
            result = run(*args, server.url, data=data, **kwargs)
        return result, messages[:-1]

    def test_each_line_is_a_text_message(self):
        result, messages = self.received(data=b'one\n\ntwo words\n\n')
        self.check(result, CLOSED, b'')
        self.assertEqual(messages, [(TEXT, b'one'), (TEXT, b''), (TEXT, b'two words'), (TEXT, b'')])

    def test_last_line_needs_no_end(self):
        _, messages = self.received(data=b'one\ntwo')
        self.assertEqual(messages, [(TEXT, b'one'), (TEXT, b'two')])

    def test_bytes_of_a_line_stay_as_they_are(self):
        _, messages = self.received(data='a\r\n\0ä\t\n'.encode())
        self.assertEqual(messages, [(TEXT, b'a\r'), (TEXT, '\0ä\t'.encode())])

    def test_long_lines(self):
        lines = [b'x' * n for n in (65535, 65536, 65537, 1 << 20)]
        _, messages = self.received(data=b'\n'.join(lines))
        self.assertEqual([payload for _, payload in messages], lines)

    def test_long_line_is_sent_in_fragments(self):
        def script(peer):
            peer.accept()
            self.assertEqual(peer.receive_pieces(), (TEXT, b'x' * (1 << 20), 16))
            peer.answer_close()
        with Server(script) as server:
            self.check(run(server.url, data=b'x' * (1 << 20)), CLOSED, b'')

    def test_echo_of_many_lines(self):
        data = b''.join(b'line %d\n' % i for i in range(20000))
        self.check(run('-n', '20000', echo_url, data=data), CLOSED, data)

    def test_dialogue(self):
        process = start(echo_url)
        for word in (b'one\n', b'\n', b'two\n'):
            process.stdin.write(word)
            process.stdin.flush()
            self.assertEqual(process.stdout.readline(), word)
        self.check(finish(process), CLOSED, b'')

    def test_file(self):
        with open(__file__, 'rb') as file:
            result, messages = self.received(stdin=file)
        with open(__file__, 'rb') as file:
            lines = file.read().split(b'\n')[:-1]
        self.check(result, CLOSED, b'')
        self.assertEqual([payload for _, payload in messages], lines)

    def test_null_device(self):
        result, messages = self.received(stdin=subprocess.DEVNULL)
        self.check(result, CLOSED, b'')
        self.assertEqual(messages, [])

    def test_closed_input(self):
        result, messages = self.received(stdin=None, preexec_fn=lambda: os.close(0))
        self.check(result, CLOSED, b'')
        self.assertEqual(messages, [])

    def test_directory_is_1(self):
        directory = os.open('/', os.O_RDONLY)
        result, messages = self.received(stdin=directory)
        os.close(directory)
        self.check_one_line(result, OURS, r'^wsuv: standard input, line 1: .*directory')
        self.assertEqual(messages, [])

    def test_sockets(self):
        listener = socket.create_server(('127.0.0.1', 0))
        tcp = socket.create_connection(listener.getsockname())
        for ours, theirs in (socket.socketpair(), (tcp, listener.accept()[0])):
            ours.sendall(b'through\na socket')
            ours.shutdown(socket.SHUT_WR)
            result, messages = self.received(stdin=theirs)
            self.check(result, CLOSED, b'')
            self.assertEqual(messages, [(TEXT, b'through'), (TEXT, b'a socket')])
            self.assertTrue(os.get_blocking(theirs.fileno()), 'flags are given back')
            ours.close()
            theirs.close()
        listener.close()

    def test_terminal(self):
        master, slave = pty.openpty()
        os.write(master, b'typed\n\x04')
        result, messages = self.received(stdin=slave)
        os.close(slave)
        os.close(master)
        self.check(result, CLOSED, b'')
        self.assertEqual(messages, [(TEXT, b'typed')])

    def test_line_that_is_not_utf8_is_1_and_named(self):
        codes, messages = [], []

        def script(peer):
            peer.accept()
            messages.append(peer.receive())
            codes.append(peer.answer_close())
        with Server(script) as server:
            result = run(server.url, data=b'fine\nb\xc3d\nunsent\n')
        self.check_one_line(result, OURS, r'^wsuv: standard input, line 2: .*UTF-8')
        self.assertEqual(messages, [(TEXT, b'fine')])
        self.assertEqual(codes, [1001])

    def test_line_that_is_too_long_is_1(self):
        with open('/dev/zero', 'rb') as zeros:
            result, messages = self.received(stdin=zeros)
        self.check_one_line(result, OURS, r'^wsuv: standard input, line 1: .*larger')
        self.assertEqual(messages, [])

    def test_reading_stops_while_the_queue_is_full(self):
        line = b'y' * 99999 + b'\n'
        total = 400
        full = threading.Event()
        count = []

        def script(peer):
            peer.accept()
            full.wait(PATIENCE)
            n = 0
            while peer.receive() == (TEXT, line[:-1]):
                n += 1
            count.append(n)
            peer.close(1000)
        with Server(script) as server:
            process = start(server.url)
            rest = write_until_stalled(process.stdin.fileno(), line * total)
            self.assertGreater(len(rest), 0)
            full.set()
            self.check(finish(process, bytes(rest)), CLOSED, b'')
        self.assertEqual(count, [total])


class Messages(CliTest):
    def test_message_shows_its_echo(self):
        self.check(run('-m', 'Hello, world', echo_url), CLOSED, b'Hello, world\n')

    def test_messages_replace_standard_input(self):
        result = run('-m', 'one', '-m', '', '-m', 'three', echo_url, data=b'not read\n')
        self.check(result, CLOSED, b'one\n\nthree\n')

    def test_close_follows_the_last_message_at_once(self):
        frames = []

        def script(peer):
            peer.accept()
            frames.extend([peer.receive(), peer.receive()])
            peer.send(TEXT, b'answer')
            peer.close(1000)
        with Server(script) as server:
            self.check(run('-m', 'question', server.url), CLOSED, b'answer\n')
        self.assertEqual(frames, [(TEXT, b'question'), (CLOSE, b'\x03\xe8')])

    def test_message_that_is_not_utf8_is_1(self):
        result = run('-m', 'fine', '-m', b'\xff', echo_url)
        self.check(result, OURS, b'fine\n', r'^wsuv: message 2: .*UTF-8')

    def test_limit_waits_for_messages(self):
        def script(peer):
            peer.accept()
            self.assertEqual(peer.receive(), (TEXT, b'go'))
            for i in range(5):
                peer.send(TEXT, b'%d' % i)
            self.assertEqual(peer.answer_close(), 1000)
        with Server(script) as server:
            self.check(run('-n', '3', '-m', 'go', server.url), CLOSED, b'0\n1\n2\n')

    def test_no_input_listens_until_the_server_closes(self):
        def script(peer):
            peer.accept()
            peer.send(TEXT, b'one')
            self.assertEqual(peer.receive(), (TEXT, b'said'))
            peer.close(1001)
            self.assertEqual(peer.receive_close(), 1001)
        with Server(script) as server:
            result = run('--no-input', '-m', 'said', server.url, data=b'not read')
            self.check(result, CLOSED, b'one\n')

    def test_limit_ends_an_open_input(self):
        process = start('-n', '2', echo_url)
        process.stdin.write(b'a\nb\nc\n')
        process.stdin.flush()
        process.wait(PATIENCE)
        self.check(finish(process), CLOSED, b'a\nb\n')

    def test_limit_outlasts_the_input(self):
        ended = threading.Event()

        def script(peer):
            peer.accept()
            self.assertTrue(ended.wait(PATIENCE))
            peer.send(TEXT, b'later')
            self.assertEqual(peer.answer_close(), 1000)
        with Server(script) as server:
            process = start('-n', '1', server.url)
            process.stdin.close()
            process.stdin = None
            ended.set()
            self.check(finish(process), CLOSED, b'later\n')

    def test_binary_echo(self):
        data = bytes(range(256)) * 4000
        self.check(run('-b', echo_url, data=data), CLOSED, data)

    def test_binary_is_one_message(self):
        data = b'a\nb\n\xff' * 40000
        messages = []

        def script(peer):
            peer.accept()
            messages.append(peer.receive())
            peer.send(TEXT, b'text')
            peer.send(BINARY, b'\0')
            peer.answer_close()
        with Server(script) as server:
            self.check(run('-b', server.url, data=data), CLOSED, b'text\0')
        self.assertEqual(messages, [(BINARY, data)])

    def test_binary_of_nothing_sends_nothing(self):
        def script(peer):
            peer.accept()
            self.assertEqual(peer.receive()[0], CLOSE)
            peer.close(1000)
        with Server(script) as server:
            self.check(run('-b', server.url), CLOSED, b'')

    def test_binary_messages_of_the_command_line(self):
        messages = []

        def script(peer):
            peer.accept()
            messages.extend([peer.receive(), peer.receive()])
            peer.answer_close()
        with Server(script) as server:
            self.check(run('-b', '-m', b'\xff', '-m', '', server.url), CLOSED, b'')
        self.assertEqual(messages, [(BINARY, b'\xff'), (BINARY, b'')])

    def test_fragments_are_one_message(self):
        def script(peer):
            peer.accept()
            peer.send(TEXT, b'Hel', fin=False)
            peer.send(PING, b'amid')
            peer.send(CONTINUATION, b'lo')
            self.assertEqual(peer.receive(), (PONG, b'amid'))
            self.assertEqual(peer.answer_close(), 1000)
        with Server(script) as server:
            self.check(run('-n', '1', server.url, stdin=subprocess.DEVNULL), CLOSED, b'Hello\n')

    def test_large_message_is_printed_whole(self):
        line = b'z' * (8 << 20)
        self.check(run('-n', '1', echo_url, data=line), CLOSED, line + b'\n')


class Formats(CliTest):
    """Messages with line ends, and commands."""

    def exchange(self, *args, data, send):
        """What the server gets before the close frame, and the result."""
        got = []

        def script(peer):
            peer.accept()
            while not got or got[-1][0] != CLOSE:
                got.append(peer.receive())
            for opcode, payload in send:
                peer.send(opcode, payload)
            peer.sock.sendall(peer.frame(*got[-1]))
        with Server(script) as server:
            result = run(*args, server.url, data=data)
        return got[:-1], result

    def test_null(self):
        got, result = self.exchange('--null', data=b'a\nb\0\0c',
                                    send=[(TEXT, b'1\n2'), (TEXT, b'')])
        self.check(result, CLOSED, b'1\n2\0\0')
        self.assertEqual(got, [(TEXT, b'a\nb'), (TEXT, b''), (TEXT, b'c')])

    def test_json(self):
        text = 'a\n"\\\t\r\x1b\x7f\0ä\x9b\u20ac\U0001f600'
        binary = bytes(range(256)) * 20
        lines = (r'"a\n\"\\\/\t\r\u001b\b\f\u0000\u00e4\u20AC\ud83d\uDE00ä"', ' {"data" : "x" } \r',
                 '{"time":"now","type":"text","data":""}', '{"type":"binary","data":"AP8="}',
                 '{"data":"/w==","type":"binary"}', '{"type":"binary","data":""}')
        got, result = self.exchange('--json', data='\n'.join(lines).encode(),
                                    send=[(TEXT, text.encode()), (BINARY, binary), (BINARY, b'')])
        self.assertEqual(result.status, CLOSED, result.err)
        self.assertEqual(got, [(TEXT, 'a\n"\\/\t\r\x1b\b\f\0ä\u20ac\U0001f600ä'.encode()),
                               (TEXT, b'x'), (TEXT, b''), (BINARY, b'\0\xff'), (BINARY, b'\xff'),
                               (BINARY, b'')])
        self.assertNotRegex(result.out.decode(), '[\x00-\x09\x0b-\x1f\x7f-\x9f]')
        printed = [json.loads(line) for line in result.out.splitlines()]
        self.assertEqual(printed, [
            {'type': 'text', 'data': text},
            {'type': 'binary', 'data': base64.b64encode(binary).decode()},
            {'type': 'binary', 'data': ''}])

    def test_what_is_no_json_is_1(self):
        lines = (b'', b'"a" b', b'"\t"', br'"\x"', br'"\u12"', br'"\ud800\u0041"', br'"\udc00"',
                 b'{"type":"text"}', b'{"data":"a",}', b'{"type":"ping","data":""}',
                 b'{"type":"binary","data":"AA="}', b'{"type":"binary","data":"A-_="}')
        for line in lines:
            with self.subTest(line=line):
                result = run('--json', echo_url, data=b'"fine"\n' + line + b'\n')
                self.check(result, OURS, None, '^wsuv: standard input, line 2: not a message in')

    def test_timestamps(self):
        time_of = r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z'
        for options, line in ((['--timestamps'], f'{time_of} hi\n'),
                              (['--timestamps', '--stream'], f'{time_of} hi\n'),
                              (['--timestamps', '--json'],
                               f'{{"time":"{time_of}","type":"text","data":"hi"}}\n')):
            with self.subTest(options=options):
                result = run(*options, '-m', 'hi', echo_url)
                self.assertEqual(result.status, CLOSED)
                self.assertRegex(result.out.decode(), f'^{line}$')

    def test_slash(self):
        got = []

        def script(peer):
            peer.accept()
            for _ in range(5):
                got.append(peer.receive())
            peer.send(PONG, b'you \x1b there')
            got.append(peer.receive())
            peer.close(1000)
        with Server(script) as server:
            process = start('--slash', server.url)
            result = finish(process, b'/ping are you\n/ping\n/pong  x\n//text\n/nonsense\n/pinga\n'
                            b'/close 12345\n/close 1006\n/close 1000 %s\n/ping %s\nlast\n'
                            b'/close 3000 bye bye\nnot sent\n' % (b'r' * 124, b'p' * 126))
        self.assertEqual(got, [(PING, b'are you'), (PING, b''), (PONG, b' x'), (TEXT, b'/text'),
                               (TEXT, b'last'), (CLOSE, b'\x0b\xb8bye bye')])
        self.assertEqual(result.status, CLOSED, result.err)
        self.assertEqual(re.findall('line (\\d+): ', result.err), ['5', '6', '7', '8', '9', '10'])
        self.assertIn('* pong: you \\x1b there\n', result.err)

    def test_slash_sends_all_pings_of_many(self):
        count, got = 500, []

        def script(peer):
            peer.accept()
            for _ in range(2 * count):
                got.append(peer.receive())
            self.assertEqual(peer.answer_close(), 1000)
        lines = b''.join(b'/ping %d\n/pong %d\n' % (i, i) for i in range(count))
        with Server(script) as server:
            self.check(run('--slash', server.url, data=lines), CLOSED, b'')
        for opcode in PING, PONG:
            self.assertEqual([payload for kind, payload in got if kind == opcode],
                             [b'%d' % i for i in range(count)])

    def test_slash_alone_closes_with_1000(self):
        got, result = self.exchange('--slash', data=b'/close\n', send=[])
        self.check(result, CLOSED, b'')
        self.assertEqual(got, [])

    def test_a_slash_is_text_without_the_option(self):
        got, result = self.exchange(data=b'/ping\n//a\n', send=[])
        self.assertEqual(got, [(TEXT, b'/ping'), (TEXT, b'//a')])
        self.check(result, CLOSED, b'')

    def test_what_excludes_each_other_is_1(self):
        for args in ['--null', '--stream'], ['--json', '--null'], ['-b', '--timestamps']:
            with self.subTest(args=args):
                self.check(run(*args, 'ws://a'), OURS, b'', '^wsuv: not together with ')


class Stream(CliTest):
    def received(self, *args, data=b'', **kwargs):
        """The one message that a run sends, as Peer.receive_pieces() has it, before it closes."""
        messages = []

        def script(peer):
            peer.accept()
            messages.append(peer.receive_pieces())
            self.assertEqual(peer.answer_close(), 1000)
        with Server(script) as server:
            self.check(run('--stream', *args, server.url, data=data, **kwargs), CLOSED, b'')
        return messages[0]

    def test_input_is_one_text_message(self):
        data = 'one\n\ntwö\n'.encode()
        self.assertEqual(self.received(data=data)[:2], (TEXT, data))
        with open(__file__, 'rb') as file:
            whole = file.read()
        with open(__file__, 'rb') as file:
            self.assertEqual(self.received(stdin=file)[:2], (TEXT, whole))

    def test_binary_input(self):
        self.assertEqual(self.received('-b', data=b'\xff\n\0')[:2], (BINARY, b'\xff\n\0'))

    def test_input_of_nothing_sends_nothing(self):
        def script(peer):
            peer.accept()
            self.assertEqual(peer.receive()[0], CLOSE)
            peer.close(1000)
        for args in (['--stream'], ['--stream', '-b']):
            with Server(script) as server:
                self.check(run(*args, server.url), CLOSED, b'')

    def test_input_is_sent_as_it_is_read(self):
        arrived = threading.Event()
        frames = []

        def script(peer):
            peer.accept()
            frames.append(peer.receive_frame())
            arrived.set()
            while not frames[-1][2]:
                frames.append(peer.receive_frame())
            peer.answer_close()
        with Server(script) as server:
            process = start('--stream', server.url)
            process.stdin.write(b'gr\xc3')  # a character is cut
            process.stdin.flush()
            self.assertTrue(arrived.wait(PATIENCE))
            self.check(finish(process, b'\xbcn'), CLOSED, b'')
        self.assertEqual(frames[0], (TEXT, b'gr\xc3', False))
        self.assertEqual({frame[0] for frame in frames[1:]}, {CONTINUATION})
        self.assertEqual(b''.join(frame[1] for frame in frames[1:]), b'\xbcn')

    def test_many_small_writes_are_few_frames(self):
        writes, first_frames = 20000, 1024
        frames = []

        def script(peer):
            peer.accept()
            while not frames or not frames[-1][2]:
                frames.append(peer.receive_frame())
            peer.answer_close()
        pieces = [b'%09d' % i for i in range(writes)]
        with Server(script) as server, packets.Feed(pieces) as feed:
            began = time.monotonic()
            self.check(finish(start('--stream', '-b', server.url, stdin=feed.end)), CLOSED, b'')
            seconds = time.monotonic() - began
        self.assertLessEqual(len(frames), first_frames + 1 + seconds + 9 * writes // 65536)
        self.assertEqual(b''.join(frame[1] for frame in frames), b''.join(pieces))

    def test_input_is_not_bounded(self):
        data = b'0123456789abcde\n' * (20 << 16)  # 20 MiB
        opcode, payload, _ = self.received(data=data)
        self.assertEqual(opcode, TEXT)
        self.assertTrue(payload == data)

    def test_input_that_is_not_utf8_is_1(self):
        for data in (b'fine \xff', b'cut \xc3'):
            codes = []

            def script(peer):
                peer.accept()
                codes.append(peer.receive_close())  # pylint: disable=cell-var-from-loop
                peer.close(codes[0])  # pylint: disable=cell-var-from-loop
            with self.subTest(data=data), Server(script) as server:
                result = run('--stream', server.url, data=data)
                self.check_one_line(result, OURS, r'^wsuv: standard input: .*UTF-8')
            self.assertEqual(codes, [1001])

    def test_reading_stops_while_the_queue_is_full(self):
        total = 14 << 20  # less than would be queued without --stream
        full = threading.Event()
        messages = []

        def script(peer):
            peer.accept()
            full.wait(PATIENCE)
            messages.append(peer.receive_pieces())
            peer.answer_close()
        with Server(script) as server:
            process = start('--stream', '-b', server.url)
            rest = write_until_stalled(process.stdin.fileno(), bytes(total))
            self.assertGreater(len(rest), 0)
            full.set()
            self.check(finish(process, bytes(rest)), CLOSED, b'')
        self.assertEqual(len(messages[0][1]), total)
        self.assertEqual(messages[0][0], BINARY)

    def test_pieces_are_printed_as_they_come(self):
        printed = threading.Event()

        def script(peer):
            peer.accept()
            frame = peer.frame(TEXT, b'first, and the rest')
            peer.sock.sendall(frame[:2 + 5])
            self.assertTrue(printed.wait(PATIENCE))
            peer.sock.sendall(frame[2 + 5:])
            peer.answer_close()
        with Server(script) as server:
            process = start('--stream', '-n', '1', server.url)
            self.assertEqual(os.read(process.stdout.fileno(), 100), b'first')
            printed.set()
            self.check(finish(process), CLOSED, b', and the rest\n')

    def test_limit_counts_messages(self):
        def script(peer):
            peer.accept()
            peer.send(TEXT, b'', fin=False)
            peer.send(CONTINUATION, b'o', fin=False)
            peer.send(PING, b'amid')
            peer.send(CONTINUATION, b'ne')
            peer.send(TEXT, b'')
            peer.send(BINARY, b'th', fin=False)
            peer.send(CONTINUATION, b'ree')
            peer.send(TEXT, b'four')
            self.assertEqual(peer.answer_close(), 1000)
        for args, out in ((['--stream'], b'one\n\nthree\n'), (['--stream', '-b'], b'onethree')):
            with Server(script) as server:
                result = run(*args, '-n', '3', server.url, stdin=subprocess.DEVNULL)
            self.check(result, CLOSED, out)

    def test_message_over_16_mib_is_printed(self):
        data = b'z' * (20 << 20)

        def script(peer):
            peer.accept()
            peer.send(BINARY, data[:-1], fin=False)
            peer.send(CONTINUATION, data[-1:])
            peer.answer_close()
        with Server(script) as server:
            result = run('--stream', '-b', '-n', '1', server.url, stdin=subprocess.DEVNULL)
        self.check(result, CLOSED)
        self.assertTrue(result.out == data)

    def test_frame_of_any_length_is_printed_as_it_comes(self):
        printed = threading.Event()

        def script(peer):
            peer.accept()
            peer.sock.sendall(b'\x82\x7f' + struct.pack('>Q', 1 << 62) + b'the beginning')
            self.assertTrue(printed.wait(PATIENCE))
        with Server(script) as server:
            process = start('--stream', server.url)
            self.assertEqual(os.read(process.stdout.fileno(), 100), b'the beginning')
            printed.set()
            self.check_one_line(finish(process), LOST, r'^wsuv: connection lost: ')

    def test_text_that_is_not_utf8_is_3_behind_what_was(self):
        def script(peer):
            peer.accept()
            peer.send(TEXT, b'fine', fin=False)
            peer.send(CONTINUATION, b'\xff')
            self.assertEqual(peer.receive_close(), 1007)
        with Server(script) as server:
            process = start('--stream', server.url)
            process.wait(PATIENCE)
            self.check(finish(process), LOST, b'fine', r'^wsuv: connection lost: .*UTF-8')

    def test_messages_of_the_command_line_are_whole(self):
        result = run('--stream', '-m', 'one', '-m', '', echo_url, data=b'not read\n')
        self.check(result, CLOSED, b'one\n\n')

    def test_echo(self):
        data = bytes(range(256)) * 16000
        self.check(run('--stream', '-b', '-n', '1', echo_url, data=data), CLOSED, data)


class Terminal(CliTest):
    """Standard output and error are a terminal."""

    EVIL = 'a\x1b[2J\x1b]0;t\x07\r\b\x9b1m\n\t\x7fß'.encode()
    SHOWN = r'a\x1b[2J\x1b]0;t\x07\r\x08\u009b1m\n\t\x7fß'.encode()

    @staticmethod
    def read(master):
        """What is on the terminal when nobody has it open any more."""
        shown = b''
        try:
            while data := os.read(master, 65536):
                shown += data
        except OSError:
            pass
        return shown.replace(b'\r\n', b'\n')

    def shown(self, script, *args):
        """What is on the terminal in the end, and the exit status."""
        master, slave = pty.openpty()
        with Server(script) as server:
            process = start('--no-input', *args, server.url, stdout=slave, stderr=slave,
                            stdin=subprocess.DEVNULL, env=dict(os.environ, NO_COLOR='1'))
            os.close(slave)
            shown = self.read(master)
            os.close(master)
            return shown, process.wait(PATIENCE)

    def no_controls(self, shown):
        self.assertNotRegex(shown.decode(), r'[\x00-\x09\x0b-\x1f\x7f-\x9f]')

    def test_messages_and_reasons_are_escaped(self):
        def script(peer):
            peer.accept()
            peer.send(TEXT, self.EVIL)
            peer.send(BINARY, b'\xff\x00\xc2')
            peer.send(TEXT, b'1' * 4095 + 'ä\x9b'.encode())
            peer.close(4000, self.EVIL)
            peer.receive_close()
        shown, status = self.shown(script, '-v')
        self.assertEqual(status, CODE)
        lines = shown.split(b'\n')
        for line in (b'< ' + self.SHOWN, rb'< \xff\x00\xc2',
                     b'< ' + b'1' * 4095 + 'ä'.encode() + rb'\u009b',
                     b'wsuv: closed by the peer: 4000: ' + self.SHOWN):
            self.assertIn(line, lines)
        self.no_controls(shown)

    def test_pieces_are_escaped_across_their_borders(self):
        def script(peer):
            peer.accept()
            for i, byte in enumerate(self.EVIL):
                peer.send(CONTINUATION if i else TEXT, bytes([byte]), i == len(self.EVIL) - 1)
            peer.close(1000)
            peer.receive_close()
        shown, status = self.shown(script, '--stream')
        self.assertEqual((shown, status), (b'< ' + self.SHOWN + b'\n', CLOSED))

    def test_head_and_body_are_escaped(self):
        def script(peer):
            peer.request()
            peer.sock.sendall(b'HTTP/1.1 403 Forbidden\r\nX-A: \xc2\x9b1m\xff\r\n'
                              b'Content-Length: 15\r\n\r\nno\x1b[1m\r\n\tnever\n')
        shown, status = self.shown(script, '--include', '-v')
        self.assertEqual(status, REFUSED)
        self.assertIn(b'\n' + rb'X-A: \u009b1m\xff' + b'\n', shown)
        self.assertIn(b'\n' + rb'no\x1b[1m' + b'\n\tnever\n', shown)
        self.no_controls(shown.replace(b'\n\tnever', b''))

    def test_pipe_is_exact(self):
        def script(peer):
            peer.accept()
            peer.send(TEXT, self.EVIL)
            peer.close(1000)
            peer.receive_close()
        with Server(script) as server:
            self.check(run('--no-input', server.url), CLOSED, self.EVIL + b'\n')


class Output(CliTest):
    def closes_with(self, status, err=None, **kwargs):
        def script(peer):
            peer.accept()
            peer.send(TEXT, b'a message')
            self.assertEqual(peer.answer_close(), 1001)
        with Server(script) as server:
            process = start(server.url, **kwargs)
            process.wait(PATIENCE)
            self.check(finish(process), status, None, err)

    def test_nobody_reads_any_more(self):
        read_end, write_end = os.pipe()
        os.close(read_end)
        self.closes_with(CLOSED, stdout=write_end)
        os.close(write_end)

    def test_blocked_output_is_named_when_the_server_gives_up(self):
        def script(peer):
            peer.accept()
            peer.send(BINARY, bytes(1 << 18))  # more than a pipe takes
            peer.send(PING)
            self.assertEqual(select.select([peer.sock], [], [], STALL)[0], [])
            end(peer)
        blocked = r'; standard output was blocked for \d+\.\d s\n$'
        for end, status, said in ((lambda peer: peer.close(1011, b'no pong'), CODE,
                                   'closed by the peer: 1011: no pong'),
                                  (lambda peer: None, LOST, 'connection lost: .*')):
            with self.subTest(said=said), Server(script) as server:
                process = start('--no-input', '-b', server.url)
                server.thread.join(PATIENCE)
                self.check(finish(process), status, bytes(1 << 18), f'(?m)^wsuv: {said}{blocked}')

    def test_blocked_output_is_named_while_it_is_blocked(self):
        def script(peer):
            peer.accept()
            peer.send(BINARY, bytes(1 << 18))  # more than a pipe takes
            peer.send(PING)
            self.assertEqual(select.select([peer.sock], [], [], STALL)[0], [])
            end(peer)
        said = rb'^wsuv: standard output has been blocked for \d+\.\d s, and the server has ended'
        for end in Peer.reset, lambda peer: None:
            with Server(script) as server:
                process = start('--no-input', '-b', server.url)
                self.addCleanup(process.kill)
                self.assertTrue(select.select([process.stderr], [], [], PATIENCE)[0])
                self.assertRegex(process.stderr.readline(), said)
                self.check(finish(process), LOST, bytes(1 << 18), '^wsuv: connection lost: ')

    def test_standard_error_that_nobody_reads_holds_up_no_signal(self):
        full = threading.Event()

        def script(peer):
            peer.accept()
            rest = write_until_stalled(peer.sock.fileno(), 16384 * peer.frame(TEXT, bytes(1024)))
            self.assertGreater(len(rest), 0)
            full.set()
            code = peer.receive_close()
            peer.sock.sendall(rest)
            peer.close(code)
        with Server(script) as server:
            process = start('-v', '--no-input', server.url, stdout=subprocess.DEVNULL)
            self.addCleanup(process.kill)
            self.assertTrue(full.wait(PATIENCE))
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(PATIENCE), CLOSED)
            self.assertIn('connected to', finish(process).err)

    def test_full_device_is_1(self):
        with open('/dev/full', 'wb', buffering=0) as device:
            self.closes_with(OURS, r'^wsuv: standard output: no space', stdout=device)

    def test_full_device_is_1_whatever_the_peer_does_then(self):
        def script(peer):
            peer.accept()
            peer.send(TEXT, b'a message')
            peer.receive_close()
            end(peer)
        for end in Peer.reset, lambda peer: peer.close(4000), lambda peer: peer.send(3):
            with open('/dev/full', 'wb', buffering=0) as device, Server(script) as server:
                process = start('--timeout', '5', server.url, stdout=device)
                process.wait(PATIENCE)
                self.check(finish(process), OURS, None, r'^wsuv: standard output: no space')

    def test_closed_output_is_1(self):
        self.closes_with(OURS, r'^wsuv: standard output: bad file', stdout=None,
                         preexec_fn=lambda: os.close(1))

    def test_very_verbose_tells_what_is_in_the_frames(self):
        result = run('-vv', '-m', 'hello', echo_url)
        self.assertEqual(result.status, CLOSED)
        for mark in '<>':
            line = r'\* %s 0000  68 65 6c 6c 6f +hello\n' % mark
            self.assertRegex(result.err, line)
        self.assertNotIn('68 65 6c', run('-v', '-m', 'hello', echo_url).err)

    def test_include_prints_the_answer_before_the_messages(self):
        result = run('--include', '-m', 'hello', echo_url)
        self.assertEqual(result.status, CLOSED)
        head, rest = result.out.decode().split('\n\n', 1)
        lines = head.split('\n')
        self.assertEqual(lines[0], 'HTTP 101')
        self.assertIn('upgrade: websocket', [line.lower() for line in lines])
        self.assertEqual(rest, 'hello\n')

    def test_include_prints_a_refusal_and_its_body(self):
        shown = run('-v', echo_url + 'refuse?status=401')
        result = run('--include', echo_url + 'refuse?status=401')
        self.assertEqual(result.status, REFUSED)
        head, body = result.out.decode().split('\n\n', 1)
        self.assertEqual(head.split('\n')[0], 'HTTP 401')
        self.assertIn('content-length: %d' % len(body), head.lower())
        self.assertIn('* < ' + body.rstrip(), shown.err)

    def test_include_prints_nothing_when_there_is_no_answer(self):
        with socket.socket() as bound:
            bound.bind(('127.0.0.1', 0))  # and does not listen
            result = run('--include', 'ws://127.0.0.1:%d/' % bound.getsockname()[1])
        self.assertEqual(result.status, REFUSED)
        self.assertEqual(result.out, b'')

    def test_stats_are_told_at_the_end(self):
        result = run('--stats', '-m', 'hello', '-m', 'you', echo_url)
        self.assertEqual(result.status, CLOSED)
        self.assertEqual(result.out, b'hello\nyou\n')
        for line in ('* messages: 2 sent, 2 received', '* frames: 3 sent, 3 received',
                     '* payload bytes: 8 sent, 8 received', '* pings: 0 sent, 0 received',
                     '* pongs: 0 sent, 0 received'):
            self.assertIn(line + '\n', result.err)
        self.assertRegex(result.err, r'\* wire bytes: \d{3} sent, \d{3} received\n')
        self.assertRegex(result.err, r'ms: resolve [\d.]+, connect [\d.]+, upgrade [\d.]+, open ')
        self.assertNotIn('round trip', result.err)

    def test_stats_of_a_refusal(self):
        result = run('--stats', echo_url + 'refuse?status=401')
        self.assertEqual(result.status, REFUSED)
        self.assertRegex(result.err, r'upgrade 0\.000, open 0\.000\n')

    def with_compressing_server(self, *args):
        server = subprocess.Popen([ECHO, '--deflate'], stdout=subprocess.PIPE)
        try:
            url = server.stdout.readline().decode().split()[-1]
            return run(*args, url)
        finally:
            server.terminate()
            server.communicate()

    def test_deflate_is_offered_and_counted(self):
        result = self.with_compressing_server('-v', '--stats', '--deflate', '-m', 'a' * 1000)
        self.assertEqual(result.status, CLOSED)
        self.assertEqual(result.out, b'a' * 1000 + b'\n')
        for line in ('* extensions: permessage-deflate\n',
                     '* payload bytes: 1000 sent, 1000 received\n'):
            self.assertIn(line, result.err)
        self.assertRegex(result.err, r'\* payload in frames: \d\.\d % sent, \d\.\d % received\n')

    def test_deflate_takes_parameters(self):
        params = 'server_no_context_takeover; client_max_window_bits=10;level=1'
        result = self.with_compressing_server('-v', '--deflate=' + params, '-m', 'hello')
        self.assertEqual(result.status, CLOSED)
        self.assertRegex(result.err, r'(?i)> Sec-WebSocket-Extensions: permessage-deflate; '
                         'server_no_context_takeover; client_max_window_bits=10\n')
        self.assertRegex(result.err, r'\* extensions: permessage-deflate; '
                         'server_no_context_takeover; client_max_window_bits=10\n')

    def test_deflate_takes_an_offer_without_a_value(self):
        result = self.with_compressing_server('-v', '--deflate=client_max_window_bits', '-m', 'you')
        self.assertEqual(result.status, CLOSED)
        self.assertRegex(result.err, r'(?i)> Sec-WebSocket-Extensions: permessage-deflate; '
                         'client_max_window_bits\n')

    def test_deflate_without_an_answer_is_plain(self):
        result = run('-v', '--stats', '--deflate', '-m', 'hello', echo_url)
        self.assertEqual(result.status, CLOSED)
        self.assertIn('* compression was declined by the server\n', result.err)
        self.assertNotIn('* extensions', result.err)
        self.assertNotIn('in frames', result.err)

    def test_deflate_with_bad_parameters_is_1(self):
        for params in ('window=9', 'server_max_window_bits', 'server_max_window_bits=x', 'level',
                       'client_no_context_takeover=1', 'client_max_window_bits=99999999999',
                       'server_max_window_bits=7', 'level=10'):
            with self.subTest(params=params):
                self.assertEqual(run('--deflate=' + params, echo_url).status, OURS)

    def test_verbose_tells_handshake_frames_and_close(self):
        result = run('-v', '-m', 'hello', echo_url)
        self.check(result, CLOSED, b'hello\n', r'^\* ')
        port = re.escape(echo_url.split(':')[-1][:-1])
        for what in (r'connected to 127\.0\.0\.1 port %s\n' % port, r'GET / HTTP/1\.1',
                     r'\b101\b', r'(?i)sec-websocket-accept', r'> text', r'< text',
                     r'close code 1000: normal'):
            self.assertRegex(result.err, what)
        for line in result.err.splitlines():
            self.assertRegex(line, re.compile(r'^\* '))


if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    WSUV, ECHO = sys.argv[1:3]
    heed_signals()
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
