#!/usr/bin/env python3
"""The command-line server: `wsuv --listen`, in all that it does with sessions.

    listen_test.py WSUV [unittest's arguments]

Callers are scripted here on bare sockets.
"""

import contextlib
import functools
import json
import os
import re
import resource
import select
import shlex
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

from programs import (BINARY, CLOSE, CLOSED, LOST, OURS, PATIENCE, PING, PONG, REFUSED, TEXT,
                      FrameSocket, ScriptedServer, heed_signals, reset, write_until_stalled)

WSUV = ''
MIB = 1 << 20
KEY = 'dGhlIHNhbXBsZSBub25jZQ=='


class Server:
    """The program, until the end of the `with` block at the latest."""

    def __init__(self, *args, listen='0', **kwargs):
        streams = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        streams.update(kwargs)
        self.process = subprocess.Popen([WSUV, '--listen', listen, *args], **streams)
        self.pid = self.process.pid
        for line in self.process.stderr:
            match = re.fullmatch(rb'wsuv: listening on (\S+?(?::(\d+)/)?)\n', line)
            if match is not None:
                break
        else:
            raise AssertionError('it does not listen')
        self.url, self.port = match.group(1).decode(), int(match.group(2) or 0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def write(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def finish(self):
        """Its exit status, and what is left of its output."""
        self.out, self.err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.finish()


class Caller(FrameSocket):
    """A client that has connected; `open` makes a session of it."""

    MASKING_KEY = bytes(4)  # it leaves the payload as it is

    def __init__(self, server, context=None, path=None):
        if path is not None:
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(path)
        else:
            sock = socket.create_connection(('127.0.0.1', server.port))
        if context is not None:
            sock.settimeout(PATIENCE)
            sock = context.wrap_socket(sock, server_hostname='localhost')
        super().__init__(sock)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def ask(self, target, fields):
        lines = ['GET %s HTTP/1.1' % target]
        if not any(field.lower().startswith('host:') for field in fields):
            lines.append('Host: localhost')
        lines += ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Key: ' + KEY,
                  'Sec-WebSocket-Version: 13', *fields, '', '']
        self.sock.sendall('\r\n'.join(lines).encode())

    def answer(self):
        """The status; the fields are kept."""
        first, *lines = self.read_until(b'\r\n\r\n').decode().split('\r\n')
        self.fields = dict(line.lower().split(': ', 1) for line in lines)
        return int(first.split()[1])

    def open(self, target='/', *fields):
        self.ask(target, fields)
        return self.answer()

    def receive_text(self):
        opcode, payload = self.receive()
        if opcode != TEXT:
            raise AssertionError((opcode, payload))
        return payload.decode()

    def receive_all(self):
        """The payloads of all messages, and the code of the close frame that follows, which is
        answered."""
        messages = []
        while True:
            opcode, payload = self.receive()
            if opcode == CLOSE:
                with contextlib.suppress(OSError):  # who does not wait for the answer is gone
                    self.send(CLOSE, payload)
                    self.sock.shutdown(socket.SHUT_WR)
                return messages, int.from_bytes(payload[:2], 'big')
            messages.append(payload)

    def close(self, code=1000):
        self.send(CLOSE, struct.pack('>H', code))
        self.sock.shutdown(socket.SHUT_WR)
        while self.receive()[0] != CLOSE:
            pass
        self.wait_for_end()

    def send_until_stalled(self, data):
        """How much of it was sent."""
        return len(data) - len(write_until_stalled(self.sock.fileno(), data))

    def pass_through(self, data):
        """What comes back in binary messages, as long as `data`, which is sent in messages of 5,000
        bytes."""
        frames = b''.join(self.frame(BINARY, data[i:i + 5000]) for i in range(0, len(data), 5000))
        sender = threading.Thread(target=self.sock.sendall, args=[frames])
        sender.start()
        got = b''
        while len(got) < len(data):
            opcode, payload = self.receive()
            if opcode != BINARY:
                raise AssertionError((opcode, payload))
            got += payload
        sender.join()
        return got


def children(pid):
    """Processes whose parent it is, with their states."""
    found = {}
    for name in os.listdir('/proc'):
        if name.isdigit():
            with contextlib.suppress(OSError), open('/proc/%s/stat' % name) as file:
                state, parent = file.read().rsplit(')', 1)[1].split()[:2]
                if int(parent) == pid:
                    found[int(name)] = state
    return found


def wait_until_none(pid):
    """The program reports the end of a process to nobody: its children are looked at."""
    watch = threading.Event()
    for _ in range(PATIENCE * 100):
        if not children(pid):
            return
        watch.wait(0.01)
    raise AssertionError('children: %s' % children(pid))


def wait_for_process(pid):
    """Until a process has ended that is not ours."""
    with contextlib.suppress(ProcessLookupError):
        fd = os.pidfd_open(pid)
        if not select.select([fd], [], [], PATIENCE)[0]:
            raise AssertionError('%d is alive' % pid)
        os.close(fd)


@contextlib.contextmanager
def new_fifo():
    with tempfile.TemporaryDirectory() as folder:
        fifo = folder + '/fifo'
        os.mkfifo(fifo)
        yield fifo


class ListenTest(unittest.TestCase):
    def run_wsuv(self, *args, data=b''):
        return subprocess.run([WSUV, *args], input=data, capture_output=True, timeout=PATIENCE)


class CommandLine(ListenTest):
    def bad(self, args, *said):
        result = self.run_wsuv(*args)
        self.assertEqual(result.returncode, OURS, args)
        self.assertEqual(result.stdout, b'')
        for text in said:
            self.assertIn(text, result.stderr.decode())

    def test_options_without_a_meaning_are_named(self):
        for args, named in ((['--echo', 'ws://a'], 'no meaning without --listen: --echo'),
                            (['--max', '3', 'ws://a'], 'no meaning without --listen: --max'),
                            (['--allow-origin=*', 'ws://a'], 'without --listen: --allow-origin'),
                            (['--listen', '0', '-m', 'a'], 'together with --listen: -m'),
                            (['--listen', '0', '--origin', 'a'], 'with --listen: --origin'),
                            (['--listen', '0', '--exec', 'a', '--slash'], 'with --listen: --slash'),
                            (['--listen', '0', '--exec', 'a', '--json'], 'with --exec: --json'),
                            (['--listen', '0', '--exec', 'a', '--echo'], 'with --exec: --echo'),
                            (['--listen', '0', '--to', 'a:1', '-b'], 'with --to: -b'),
                            (['--listen', '0', '--echo', '-n', '1'], 'with --echo: -n')):
            with self.subTest(args=args):
                self.bad(args, named)

    def test_bad_values_are_1(self):
        for args in (['--listen', ''], ['--listen', 'x'], ['--listen', ':1'], ['--listen', 'a:'],
                     ['--listen', '65536'], ['--listen', '[::1'], ['--listen', 'unix:'],
                     ['--listen', '0', '--to', '1'], ['--listen', '0', '--to', 'a:0'],
                     ['--listen', '0', '--max', '0'], ['--listen', '0', 'path'],
                     ['--listen', '0', '/{'], ['--listen', '0', '/a', '/a'],
                     ['--listen', '0', '--allow-origin', 'x y'], ['--listen', 'name:0'],
                     ['--listen', '0', '--key', '/nonexistent'], ['--listen', '0', '-p', 'a b'],
                     ['--listen', '0', '-H', 'Upgrade: x']):
            with self.subTest(args=args):
                self.bad(args, 'wsuv: ')

    def test_port_in_use_is_2(self):
        with Server('--echo') as server:
            result = self.run_wsuv('--listen', str(server.port))
        self.assertEqual(result.returncode, REFUSED)
        self.assertIn(b'could not listen: address already in use', result.stderr)

    def test_it_listens_on_loopback_unless_told_otherwise(self):
        for listen, url in (('0', 'ws://127.0.0.1:'), ('127.0.0.2:0', 'ws://127.0.0.2:'),
                            ('localhost:0', 'ws://127.0.0.1:'), ('0.0.0.0:0', 'ws://0.0.0.0:')):
            with self.subTest(listen=listen), Server('--echo', listen=listen) as server:
                self.assertEqual(server.url, '%s%d/' % (url, server.port))
                self.assertEqual(server.stop(), CLOSED)

    def test_unix_socket(self):
        with tempfile.TemporaryDirectory() as folder:
            path = folder + '/socket'
            with Server('--echo', listen='unix:' + path) as server:
                self.assertEqual(server.url, 'ws+unix://%s:/' % path)
                self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
                with Caller(server, path=path) as caller:
                    self.assertEqual(caller.open(), 101)
                    caller.send(TEXT, b'hello')
                    self.assertEqual(caller.receive_text(), 'hello')
                self.assertEqual(server.stop(), CLOSED)
            self.assertFalse(os.path.exists(path))

    def test_paths(self):
        with Server('--echo', '/a', '/b/{name}') as server:
            for target, status in (('/a', 101), ('/b/c', 101), ('/', 404), ('/b', 404)):
                with self.subTest(target=target), Caller(server) as caller:
                    self.assertEqual(caller.open(target), status)

    def test_origin(self):
        with Server('--echo') as server:
            own = 'Origin: http://127.0.0.1:%d' % server.port
            host = 'Host: 127.0.0.1:%d' % server.port
            for fields, status in (((host,), 101), ((host, own), 101),
                                   ((host, 'Origin: http://evil.example'), 403),
                                   ((host, 'Origin: null'), 403)):
                with self.subTest(fields=fields), Caller(server) as caller:
                    self.assertEqual(caller.open('/', *fields), status)
        with Server('--echo', '--allow-origin', 'https://a.example', '--allow-origin',
                    'null') as server:
            for origin, status in (('https://a.example', 101), ('null', 101),
                                   ('https://b.example', 403)):
                with self.subTest(origin=origin), Caller(server) as caller:
                    self.assertEqual(caller.open('/', 'Origin: ' + origin), status)

    def test_host(self):
        with Server('--echo') as server, Caller(server) as caller:
            self.assertEqual(caller.open('/', 'Host: evil.example'), 421)
        with Server('--echo', '--allow-host', 'a.example') as server, Caller(server) as caller:
            self.assertEqual(caller.open('/', 'Host: a.example'), 101)

    def test_handshake_has_what_was_asked_for(self):
        with Server('--echo', '-H', 'X-A: b', '-p', 'chat', '--deflate') as server:
            with Caller(server) as caller:
                status = caller.open('/', 'Sec-WebSocket-Protocol: x, chat',
                                     'Sec-WebSocket-Extensions: permessage-deflate')
                self.assertEqual(status, 101)
                self.assertEqual(caller.fields['x-a'], 'b')
                self.assertEqual(caller.fields['sec-websocket-protocol'], 'chat')
                self.assertIn('permessage-deflate', caller.fields['sec-websocket-extensions'])
            with Caller(server) as caller:
                self.assertEqual(caller.open('/', 'Sec-WebSocket-Protocol: x'), 400)

    def test_max(self):
        with Server('--echo', '--max', '1') as server, Caller(server) as first:
            self.assertEqual(first.open(), 101)
            with Caller(server) as second:
                self.assertEqual(second.open(), 503)
            first.close()

    def test_ping_interval(self):
        with Server('--echo', '--ping-interval', '0.05') as server, Caller(server) as caller:
            self.assertEqual(caller.open(), 101)
            self.assertEqual(caller.receive()[0], PING)

    def test_verbose_tells_refusals(self):
        with Server('-v', '--echo') as server, Caller(server) as caller:
            self.assertEqual(caller.open('/', 'Origin: http://evil.example'), 403)
            self.assertEqual(server.stop(), CLOSED)
        self.assertRegex(server.err.decode(), r'(?m)^\* .*evil\.example')


class Secure(ListenTest):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.cert, cls.key = (os.path.join(cls.folder.name, name) for name in ('cert', 'key'))
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                        'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost', '-days',
                        '9', '-addext', 'subjectAltName=DNS:localhost', '-keyout', cls.key,
                        '-out', cls.cert], check=True, capture_output=True, timeout=PATIENCE)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def context(self):
        return ssl.create_default_context(cafile=self.cert)

    def test_echo(self):
        with Server('--echo', '--cert', self.cert, '--key', self.key) as server:
            self.assertTrue(server.url.startswith('wss://'))
            with Caller(server, self.context()) as caller:
                self.assertEqual(caller.open(), 101)
                caller.send(TEXT, b'secret')
                self.assertEqual(caller.receive_text(), 'secret')
            self.assertEqual(server.stop(), CLOSED)

    def test_a_client_certificate_is_demanded(self):
        args = ('--echo', '--cert', self.cert, '--key', self.key, '--cacert', self.cert)
        with Server(*args) as server:
            context = self.context()
            with self.assertRaises((ssl.SSLError, ConnectionError, EOFError)):
                with Caller(server, context) as caller:
                    caller.open()
            context.load_cert_chain(self.cert, self.key)
            with Caller(server, context) as caller:
                self.assertEqual(caller.open(), 101)

    def test_authorities_without_a_certificate_are_1(self):
        self.assertEqual(self.run_wsuv('--listen', '0', '--cacert', self.cert).returncode, OURS)

    def test_commands_know_of_it(self):
        with Server('--exec', 'echo $HTTPS', '--cert', self.cert, '--key', self.key) as server:
            with Caller(server, self.context()) as caller:
                self.assertEqual(caller.open(), 101)
                self.assertEqual(caller.receive_text(), 'on')


class Room(ListenTest):
    def test_what_arrives_is_printed(self):
        with Server() as server:
            for name in b'one', b'two':
                with Caller(server) as caller:
                    self.assertEqual(caller.open(), 101)
                    caller.send(TEXT, name)
                    self.assertEqual(server.process.stdout.readline(), name + b'\n')
            self.assertEqual(server.stop(), CLOSED)

    def test_input_goes_to_everyone(self):
        with Server() as server, contextlib.ExitStack() as stack:
            callers = [stack.enter_context(Caller(server)) for _ in range(3)]
            for caller in callers:
                self.assertEqual(caller.open(), 101)
            for line in 'one', '', 'zw\u00f6lf':
                server.write(line.encode() + b'\n')
                self.assertEqual([caller.receive_text() for caller in callers], 3 * [line])
            callers.pop().close()
            server.write(b'last')
            server.process.stdin.close()
            server.process.stdin = None
            self.assertEqual([caller.receive_text() for caller in callers], 2 * ['last'])
            callers[0].send(TEXT, b'still there')
            self.assertEqual(server.process.stdout.readline(), b'still there\n')

    def test_input_waits_for_the_first(self):
        with Server() as server:
            server.write(b'early\n')
            with Caller(server) as caller:
                self.assertEqual(caller.open(), 101)
                self.assertEqual(caller.receive_text(), 'early')
                caller.close()
            server.write(b'alone\n')
            with Caller(server) as caller:
                self.assertEqual(caller.open(), 101)
                self.assertEqual(caller.receive_text(), 'alone')

    def test_no_input(self):
        with Server('--no-input') as server, Caller(server) as caller:
            server.write(b'not sent\n')
            self.assertEqual(caller.open(), 101)
            caller.send(PING, b'x')
            self.assertEqual(caller.receive(), (PONG, b'x'))

    def test_limit_ends_it(self):
        with Server('-n', '2') as server, Caller(server) as caller:
            self.assertEqual(caller.open(), 101)
            caller.sock.sendall(b''.join(caller.frame(TEXT, text) for text in (b'a', b'b', b'c')))
            self.assertEqual(caller.receive_all(), ([], 1000))
            self.assertEqual(server.finish(), CLOSED)
            self.assertEqual(server.out, b'a\nb\n')

    def test_formats(self):
        for option, sent, line in ((['--json'], '{"type":"text","data":"a"}\n', None),
                                   (['--null'], 'a\nb\0', None)):
            with self.subTest(option=option), Server(*option) as server:
                with Caller(server) as caller:
                    self.assertEqual(caller.open(), 101)
                    server.write(sent.encode())
                    text = caller.receive_text()
                    caller.send(TEXT, text.encode())
                    shown = b''
                    while len(shown) < len(sent):
                        shown += os.read(server.process.stdout.fileno(), 100)
                    self.assertEqual(shown.decode(), sent)

    def test_binary(self):
        with Server('-b') as server, Caller(server) as caller:
            self.assertEqual(caller.open(), 101)
            server.write(b'\xff\n\0')
            server.process.stdin.close()
            server.process.stdin = None
            self.assertEqual(caller.receive(), (BINARY, b'\xff\n\0'))
            caller.send(BINARY, b'\0\xfe')
            self.assertEqual(os.read(server.process.stdout.fileno(), 100), b'\0\xfe')

    def test_line_that_is_not_utf8_is_1_and_named(self):
        with Server() as server, Caller(server) as caller:
            self.assertEqual(caller.open(), 101)
            server.write(b'good\n\xff\n')
            self.assertEqual(caller.receive_all(), ([b'good'], 1001))
            self.assertEqual(server.finish(), OURS)
            self.assertIn(b'standard input, line 2: ', server.err)

    def test_nobody_reads_the_output(self):
        with Server() as server, Caller(server) as caller:
            server.process.stdout.close()
            server.process.stdout = None
            self.assertEqual(caller.open(), 101)
            caller.send(TEXT, b'x')
            self.assertEqual(caller.receive_all(), ([], 1001))
            self.assertEqual(server.finish(), CLOSED)

    def test_input_waits_for_one_that_does_not_read(self):
        data = (1023 * b'x' + b'\n') * 64 * 1024
        with Server() as server, Caller(server) as slow:
            self.assertEqual(slow.open(), 101)
            sent = len(data) - len(write_until_stalled(server.process.stdin.fileno(), data))
            self.assertLess(sent, 32 * MIB)
            self.assertGreater(sent, MIB)
            for _ in range(sent // 1024):
                self.assertEqual(len(slow.receive_text()), 1023)

    def test_one_that_does_not_read_holds_up_others_for_a_while_only(self):
        line = 65535 * b'x' + b'\n'
        with Server('--timeout', '0.5') as server, Caller(server) as slow, Caller(server) as fast:
            self.assertEqual((slow.open(), fast.open()), (101, 101))
            writer = threading.Thread(target=server.write, args=[512 * line])
            writer.start()
            for _ in range(512):
                self.assertEqual(len(fast.receive_text()), 65535)
            writer.join()
            slow.wait_for_end()  # with 1008, if the close frame could still be sent


class Signals(ListenTest):
    def test_a_signal_closes_with_1001(self):
        for number in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
            with self.subTest(number=number), Server() as server, Caller(server) as caller:
                self.assertEqual(caller.open(), 101)
                server.process.send_signal(number)
                self.assertEqual(caller.receive_all(), ([], 1001))
                self.assertEqual(server.finish(), CLOSED)

    def test_a_second_signal_drops_sessions_and_is_3(self):
        stubborn = 'trap "" TERM; cat; cat /dev/zero'
        for mode in [], ['--echo'], ['--exec', 'cat'], ['--exec', stubborn]:
            with self.subTest(mode=mode), Server(*mode) as server, Caller(server) as caller:
                self.assertEqual(caller.open(), 101)
                server.process.send_signal(signal.SIGTERM)
                self.assertEqual(caller.receive()[0], CLOSE)
                server.process.send_signal(signal.SIGTERM)
                caller.wait_for_end()
                self.assertEqual(server.finish(), LOST)

    def test_two_signals_at_once_are_3(self):
        for mode in [], ['--echo'], ['--exec', 'cat']:
            with self.subTest(mode=mode), Server(*mode) as server, Caller(server) as caller:
                self.assertEqual(caller.open(), 101)
                caller.send(PING)
                self.assertEqual(caller.receive()[0], PONG)
                server.process.send_signal(signal.SIGSTOP)
                os.waitpid(server.pid, os.WUNTRACED)
                for number in signal.SIGTERM, signal.SIGINT, signal.SIGCONT:
                    server.process.send_signal(number)
                caller.wait_for_end()
                # Its standard input has not ended.
                self.assertEqual(server.process.wait(PATIENCE), LOST)

    def test_a_signal_before_anyone_came(self):
        for mode in [], ['--echo'], ['--exec', 'cat'], ['--to', '127.0.0.1:1']:
            with self.subTest(mode=mode), Server(*mode) as server:
                self.assertEqual(server.stop(), CLOSED)
                self.assertEqual(server.err, b'')


class Echo(ListenTest):
    def test_messages_come_back(self):
        with Server('--echo') as server, Caller(server) as caller:
            self.assertEqual(caller.open(), 101)
            for message in ((TEXT, b''), (BINARY, b'\0\xff'), (BINARY, os.urandom(16 * MIB))):
                sender = threading.Thread(target=caller.send, args=message)
                sender.start()
                self.assertEqual(caller.receive(), message)
                sender.join()
            self.assertEqual(server.stop(), CLOSED)
            self.assertEqual(server.out, b'')

    def test_a_peer_that_does_not_read_is_not_read(self):
        frame = Caller.frame(BINARY, bytes(65536 - 14))
        with Server('--echo') as server, Caller(server) as caller:
            self.assertEqual(caller.open(), 101)
            self.assertLess(caller.send_until_stalled(1024 * frame), 48 * MIB)


class Exec(ListenTest):
    def talk(self, command, *args, send=(), fields=(), target='/'):
        """What a command says to one caller: its messages, and the close code."""
        with Server(*args, '--exec', command) as server, Caller(server) as caller:
            self.assertEqual(caller.open(target, *fields), 101)
            for message in send:
                caller.send(TEXT, message)
            result = caller.receive_all()
            caller.wait_for_end()
            wait_until_none(server.pid)
            self.assertEqual(server.stop(), CLOSED)
            self.err = server.err.decode()
            return result

    def test_lines_are_messages(self):
        self.assertEqual(self.talk('printf "one\\n\\ntwo\\nlast"'),
                         ([b'one', b'', b'two', b'last'], 1000))

    def test_messages_are_lines(self):
        self.assertEqual(self.talk('read a; read b; read c; echo "$c,$b,$a"',
                                   send=(b'1', b'2', b'x\ny')), ([b'x,2,1'], 1000))

    def test_null(self):
        self.assertEqual(self.talk('head -c 6 | tr "\\n" "_"', '--null', send=(b'a\nb', b'c')),
                         ([b'a_b', b'c'], 1000))

    def test_bytes(self):
        with Server('-b', '--exec', 'cat') as server, Caller(server) as caller:
            self.assertEqual(caller.open(), 101)
            for payload in b'\xff\0\n', b'x':
                caller.send(BINARY, payload)
                self.assertEqual(caller.receive(), (BINARY, payload))

    def test_arguments_need_no_shell(self):
        with Server('--exec', 'printf', '--', '%s\n', 'a b', '$HOME') as server:
            with Caller(server) as caller:
                self.assertEqual(caller.open(), 101)
                self.assertEqual(caller.receive_all(), ([b'a b', b'$HOME'], 1000))

    def test_arguments_and_paths(self):
        with Server('--exec', 'echo', '/a', '--', 'x') as server:
            for target, status in ('/a', 101), ('/', 404):
                with Caller(server) as caller:
                    self.assertEqual(caller.open(target), status)

    def test_exit_status_is_the_close_code(self):
        for command, code in (('exit 0', 1000), ('exit 3', 1011), ('kill -9 $$', 1011),
                              ('echo last; exit 1', 1011)):
            with self.subTest(command=command):
                self.assertEqual(self.talk(command)[1], code)

    def test_standard_error_is_ours(self):
        self.assertEqual(self.talk('echo oops >&2'), ([], 1000))
        self.assertEqual(self.err, 'oops\n')

    def test_program_that_is_not_there_is_500(self):
        with Server('--exec', '/nonexistent/program', '--', 'x') as server:
            for _ in range(2):
                with Caller(server) as caller:
                    self.assertEqual(caller.open(), 500)
            self.assertEqual(server.stop(), CLOSED)
            self.assertIn(b'/nonexistent/program: no such file', server.err)

    def test_without_descriptors_it_is_500(self):
        few = functools.partial(resource.setrlimit, resource.RLIMIT_NOFILE, (24, 24))
        with Server('--exec', 'cat', preexec_fn=few) as server:
            for _ in range(8):  # more rounds than there are descriptors to be lost
                with contextlib.ExitStack() as stack:
                    callers, status = [], 101
                    while status == 101:
                        callers.append(stack.enter_context(Caller(server)))
                        status = callers[-1].open()
                    self.assertEqual(status, 500)
                    self.assertGreater(len(callers), 1)
                    for caller in callers[:-1]:
                        caller.close()
                wait_until_none(server.pid)
            self.assertEqual(server.stop(), CLOSED)
            self.assertEqual(set(server.err.splitlines()), {b'wsuv: /bin/sh: too many open files'})

    def test_output_that_is_not_utf8_is_1011(self):
        self.assertEqual(self.talk('echo good; printf "\\377\\n"; cat'), ([b'good'], 1011))
        self.assertIn('UTF-8', self.err)

    def environment(self, target, *fields, env=None):
        program = 'import os, json; print(json.dumps(dict(os.environ)))'
        command = '%s -c %s' % (sys.executable, shlex.quote(program))
        with Server('--exec', command, env=env) as server, Caller(server) as caller:
            self.assertEqual(caller.open(target, *fields), 101)
            self.local = caller.sock.getsockname()
            self.port = server.port
            return json.loads(caller.receive_text())

    def test_environment_is_that_of_cgi(self):
        env = self.environment('/a%20b/c?x=%20&y=1', 'Cookie: a=1', 'cookie: b=2', 'X-List: 1',
                               'X-List: 2', 'User-Agent: me', 'Origin: http://localhost')
        expected = {
            'GATEWAY_INTERFACE': 'CGI/1.1', 'SERVER_PROTOCOL': 'HTTP/1.1',
            'SERVER_NAME': 'localhost', 'SERVER_PORT': str(self.port), 'REQUEST_METHOD': 'GET',
            'REQUEST_URI': '/a%20b/c?x=%20&y=1', 'PATH_INFO': '/a b/c', 'SCRIPT_NAME': '',
            'QUERY_STRING': 'x=%20&y=1', 'REMOTE_ADDR': '127.0.0.1', 'REMOTE_HOST': '127.0.0.1',
            'REMOTE_PORT': str(self.local[1]), 'HTTP_HOST': 'localhost',
            'HTTP_COOKIE': 'a=1; b=2', 'HTTP_X_LIST': '1, 2', 'HTTP_USER_AGENT': 'me',
            'HTTP_ORIGIN': 'http://localhost', 'HTTP_SEC_WEBSOCKET_KEY': KEY}
        self.assertEqual({name: env.get(name) for name in expected}, expected)
        self.assertRegex(env['SERVER_SOFTWARE'], r'^wsuv/\d')
        self.assertNotIn('HTTPS', env)

    def test_fields_do_not_pass_for_other_variables(self):
        ours = dict(os.environ, HTTP_COOKIE='stale', HTTP_X_ROLE='admin', REMOTE_USER='root',
                    HTTPS='on', KEPT='yes')
        ours.pop('HTTP_PROXY', None)
        env = self.environment('/', 'Proxy: http://evil.example', 'X_Role: admin', 'X.Y: 1',
                               'PATH: /evil', 'LD_PRELOAD: /evil', env=ours)
        for name in ('HTTP_PROXY', 'HTTP_COOKIE', 'HTTP_X_ROLE', 'REMOTE_USER', 'HTTPS',
                     'HTTP_X.Y', 'LD_PRELOAD', 'HTTP_LD_PRELOAD'):
            self.assertNotIn(name, env)
        self.assertEqual((env['KEPT'], env['PATH'], env['HTTP_PATH']),
                         ('yes', ours['PATH'], '/evil'))
        ours['HTTP_PROXY'] = 'http://proxy.example'
        env = self.environment('/', 'Proxy: http://evil.example', env=ours)
        self.assertEqual(env['HTTP_PROXY'], 'http://proxy.example')

    def test_only_the_standard_descriptors_are_inherited(self):
        with Server('--exec', 'ls /proc/self/fd; cat') as server, contextlib.ExitStack() as stack:
            for _ in range(3):
                caller = stack.enter_context(Caller(server))
                self.assertEqual(caller.open(), 101)
                # And the one that ls has opened.
                self.assertEqual([caller.receive_text() for _ in range(4)], ['0', '1', '2', '3'])

    def test_standard_streams_are_pipes(self):
        self.assertEqual(self.talk('read a </dev/stdin; echo "$a" >/dev/stdout', send=(b'x',)),
                         ([b'x'], 1000))

    def test_subprotocols_that_do_not_fit_start_nothing(self):
        with Server('--exec', 'echo started >&2', '-p', 'chat') as server:
            with Caller(server) as caller:
                self.assertEqual(caller.open('/', 'Sec-WebSocket-Protocol: x, y'), 400)
            self.assertEqual(server.stop(), CLOSED)
            self.assertEqual(server.err, b'')

    def test_max_counts_processes(self):
        command = 'echo started; cat; read a <%s'
        with new_fifo() as fifo:
            with Server('--max', '1', '--timeout', '60', '--exec', command % fifo) as server:
                with Caller(server) as caller:
                    self.assertEqual(caller.open(), 101)
                    self.assertEqual(caller.receive_text(), 'started')
                    caller.close()
                # The session has ended, and its process has not.
                with Caller(server) as caller:
                    self.assertEqual(caller.open(), 503)
                    self.assertIn('retry-after', caller.fields)
                with open(fifo, 'w') as file:
                    file.write('\n')
                wait_until_none(server.pid)
                with Caller(server) as caller:
                    self.assertEqual(caller.open(), 101)

    def test_input_ends_behind_the_last_message(self):
        with tempfile.TemporaryDirectory() as folder:
            with Server('--exec', 'cat >%s/got' % folder) as server:
                with Caller(server) as caller:
                    self.assertEqual(caller.open(), 101)
                    data = b''.join(caller.frame(TEXT, b'%05d' % i) for i in range(20000))
                    caller.sock.sendall(data)
                    caller.close()
                wait_until_none(server.pid)
                with open(folder + '/got', 'rb') as file:
                    self.assertEqual(file.read(), b''.join(b'%05d\n' % i for i in range(20000)))

    def check_process_ends(self, server, leave):
        """Of a session that the caller leaves. The process has told its number."""
        with Caller(server) as caller:
            self.assertEqual(caller.open(), 101)
            pid = int(caller.receive_text())
            leave(caller)
        wait_for_process(pid)
        wait_until_none(server.pid)

    def test_a_process_that_does_not_end_is_ended(self):
        for command in ('echo $$; exec sleep 1000', 'echo $$; sleep 1000; :',
                        'trap "" TERM; echo $$; while :; do sleep 1000; done',
                        'trap "exit 0" TERM; echo $$; while :; do read a </dev/zero; done'):
            with self.subTest(command=command):
                with Server('--timeout', '0.2', '--exec', command) as server:
                    self.check_process_ends(server, Caller.close)
                    self.assertEqual(server.stop(), CLOSED)

    def test_the_whole_group_is_ended(self):
        command = 'sh -c \'trap "" TERM; echo $$; while :; do sleep 1000; done\' & exit 0'
        with Server('--timeout', '0.2', '--exec', command) as server, Caller(server) as caller:
            self.assertEqual(caller.open(), 101)
            pid = int(caller.receive_text())
            # What holds the output after the exit of the command is not waited for.
            self.assertEqual(caller.receive_all(), ([], 1000))
            caller.wait_for_end()
            wait_for_process(pid)
            self.assertEqual(server.stop(), CLOSED)

    def test_a_caller_that_is_gone(self):
        with Server('--timeout', '0.2', '--exec', 'echo $$; sleep 1000') as server:
            self.check_process_ends(server, Caller.reset)

    def test_no_zombies_of_many(self):
        with Server('--exec', 'exit 0') as server:
            for _ in range(20):
                with Caller(server) as caller:
                    self.assertEqual(caller.open(), 101)
                    self.assertEqual(caller.receive_all(), ([], 1000))
            wait_until_none(server.pid)

    def test_a_process_that_closes_its_input(self):
        with new_fifo() as fifo:
            command = 'exec <&-; echo closed; read a <%s; echo end' % fifo
            with Server('--exec', command) as server, Caller(server) as caller:
                self.assertEqual(caller.open(), 101)
                self.assertEqual(caller.receive_text(), 'closed')
                caller.send(TEXT, b'x' * 100000)
                caller.send(PING, b'taken')
                self.assertEqual(caller.receive(), (PONG, b'taken'))
                with open(fifo, 'w') as file:
                    file.write('\n')
                self.assertEqual(caller.receive_all(), ([b'end'], 1000))

    def test_no_byte_is_lost(self):
        data = os.urandom(MIB)
        with Server('-b', '--exec', 'cat') as server, Caller(server) as caller:
            self.assertEqual(caller.open(), 101)
            self.assertEqual(caller.pass_through(data), data)
        lines = [os.urandom(50).hex().encode() for _ in range(10486)]
        with Server('--exec', 'cat') as server, Caller(server) as caller:
            self.assertEqual(caller.open(), 101)
            frames = b''.join(caller.frame(TEXT, line) for line in lines)
            sender = threading.Thread(target=caller.sock.sendall, args=[frames])
            sender.start()
            self.assertEqual([caller.receive()[1] for _ in lines], lines)
            sender.join()

    def test_a_long_line(self):
        line = 4 * MIB * b'y'
        with Server('--exec', 'cat') as server, Caller(server) as caller:
            self.assertEqual(caller.open(), 101)
            sender = threading.Thread(target=caller.send, args=(TEXT, line))
            sender.start()
            self.assertEqual(caller.receive(), (TEXT, line))
            sender.join()

    def test_output_waits_for_the_caller(self):
        with new_fifo() as fifo:
            with Server('-b', '--exec', 'cat ' + fifo) as server, Caller(server) as caller:
                self.assertEqual(caller.open(), 101)
                fd = os.open(fifo, os.O_WRONLY)
                sent = 64 * MIB - len(write_until_stalled(fd, bytes(64 * MIB)))
                os.close(fd)
                self.assertLess(sent, 32 * MIB)
                messages, code = caller.receive_all()
                self.assertEqual((sum(map(len, messages)), code), (sent, 1000))

    def test_the_caller_waits_for_the_input(self):
        with new_fifo() as fifo:
            with Server('-b', '--exec', 'cat >' + fifo) as server, Caller(server) as caller:
                self.assertEqual(caller.open(), 101)
                frame = caller.frame(BINARY, bytes(65536))
                data = 1024 * frame
                with open(fifo, 'rb') as file:
                    sent = caller.send_until_stalled(data)
                    self.assertLess(sent, 32 * MIB)
                    rest = data[sent:sent + (-sent % len(frame))]
                    sender = threading.Thread(target=caller.sock.sendall, args=[rest])
                    sender.start()
                    whole = (sent + len(rest)) // len(frame) * 65536
                    self.assertEqual(len(file.read(whole)), whole)
                    sender.join()


class Target(ScriptedServer):
    """A server that knows no WebSocket."""

    def __init__(self, script, path=None):
        super().__init__(script, path)
        self.address = 'unix:' + path if path else '127.0.0.1:%d' % self.port


class Many(Target):
    """One that plays its script for each connection that comes."""

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                conn, _ = self.listener.accept()
                threading.Thread(target=self.play, args=[conn], daemon=True).start()

    def play(self, sock):
        with sock, contextlib.suppress(OSError):
            self.script(sock)

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        super().__exit__(*_)


def read_to_end(conn):
    parts = []
    while True:
        data = conn.recv(1 << 20)
        if not data:
            return b''.join(parts)
        parts.append(data)


def echo(conn):
    while True:
        data = conn.recv(65536)
        if not data:
            return
        conn.sendall(data)


class Relay(ListenTest):
    def test_bytes_go_both_ways(self):
        data = os.urandom(MIB)
        with tempfile.TemporaryDirectory() as folder:
            for path in None, folder + '/socket':
                with self.subTest(path=path), Target(echo, path) as target:
                    with Server('--to', target.address) as server, Caller(server) as caller:
                        self.assertEqual(caller.open('/', 'Sec-WebSocket-Protocol: binary'), 101)
                        self.assertEqual(caller.fields['sec-websocket-protocol'], 'binary')
                        self.assertEqual(caller.pass_through(data), data)
                        caller.close()
                        self.assertEqual(server.stop(), CLOSED)

    def test_a_name_is_looked_up(self):
        with Target(echo) as target:
            with Server('--to', target.address.replace('127.0.0.1', 'localhost')) as server:
                with Caller(server) as caller:
                    self.assertEqual(caller.open(), 101)
                    caller.send(TEXT, b'text, too')
                    self.assertEqual(caller.receive(), (BINARY, b'text, too'))
                    caller.close()

    def test_no_connection_is_502(self):
        with socket.socket() as bound:
            bound.bind(('127.0.0.1', 0))  # and does not listen
            for to in ('127.0.0.1:%d' % bound.getsockname()[1], 'unix:/nonexistent/socket',
                       '%s.invalid:1' % (64 * 'x')):
                with self.subTest(to=to), Server('--to', to) as server:
                    with Caller(server) as caller:
                        self.assertEqual(caller.open(), 502)
                    self.assertEqual(server.stop(), CLOSED)
                    self.assertIn(b'wsuv: --to: ', server.err)

    def test_path_that_is_too_long_is_1(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 200 * 'x')
            with socket.create_server(path[:107], family=socket.AF_UNIX):
                done = subprocess.run([WSUV, '--listen', '0', '--to', 'unix:' + path[:108]],
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                      timeout=PATIENCE, check=False)
        self.assertEqual((done.returncode, done.stdout), (OURS, b''))
        self.assertRegex(done.stderr, b'^wsuv: the path of a Unix socket is too long: ')

    def test_subprotocols(self):
        def script(conn):
            with contextlib.suppress(ConnectionResetError):
                read_to_end(conn)
        for option, offered, chosen in (([], 'base64, binary', 'binary'), ([], 'base64', None),
                                        (['-p', 'mqtt'], 'mqtt', 'mqtt')):
            with self.subTest(option=option, offered=offered), Target(script) as target:
                with Server('--to', target.address, *option) as server, Caller(server) as caller:
                    got = caller.open('/', 'Sec-WebSocket-Protocol: ' + offered)
                    self.assertEqual(got, 101)
                    self.assertEqual(caller.fields.get('sec-websocket-protocol'), chosen)

    def test_subprotocols_that_do_not_fit_connect_nothing(self):
        with socket.socket() as bound:
            bound.bind(('127.0.0.1', 0))  # and does not listen
            to = '127.0.0.1:%d' % bound.getsockname()[1]
            with Server('--to', to, '-p', 'mqtt', '-p', 'amqp') as server:
                for offered, status in ('binary', 400), ('x, amqp', 502), ('', 502):
                    with self.subTest(offered=offered), Caller(server) as caller:
                        fields = ['Sec-WebSocket-Protocol: ' + offered] if offered else []
                        self.assertEqual(caller.open('/', *fields), status)

    def test_the_end_of_the_connection_closes(self):
        def script(conn):
            conn.sendall(b'all of it')
            conn.shutdown(socket.SHUT_WR)
            # What is sent until then arrives.
            got.append(read_to_end(conn))
        got = []
        with Target(script) as target, Server('--to', target.address) as server:
            with Caller(server) as caller:
                self.assertEqual(caller.open(), 101)
                opcode, payload = caller.receive()
                self.assertEqual((opcode, payload), (BINARY, b'all of it'))
                self.assertEqual(caller.receive(), (CLOSE, b'\x03\xe8'))
                caller.send(BINARY, b'late')
                caller.send(CLOSE, b'\x03\xe8')
                caller.wait_for_end()
            target.thread.join(PATIENCE)
            self.assertEqual(got, [b'late'])

    def test_the_end_of_the_session_is_the_end_of_the_bytes(self):
        got = []
        data = os.urandom(MIB)
        with Target(lambda conn: got.append(read_to_end(conn))) as target:
            with Server('--to', target.address) as server, Caller(server) as caller:
                self.assertEqual(caller.open(), 101)
                caller.send(BINARY, data)
                caller.close()
                target.thread.join(PATIENCE)
        self.assertEqual(got, [data])

    def test_the_end_of_the_session_waits_for_nobody_who_reads_later(self):
        def script(conn):
            self.assertTrue(gone.wait(PATIENCE))
            got.append(read_to_end(conn))
        gone, got = threading.Event(), []
        data = os.urandom(65536)  # the kernel of the program has most of it
        with Target(script) as target:
            target.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            with Server('--to', target.address, '--timeout', '1') as server:
                with Caller(server) as caller:
                    self.assertEqual(caller.open(), 101)
                    caller.send(BINARY, data)
                    caller.close()
                self.assertEqual(server.stop(), CLOSED)
            gone.set()
            target.thread.join(PATIENCE)
        self.assertEqual(got, [data])

    def test_a_session_that_is_cut_resets_the_connection(self):
        def script(conn):
            with self.assertRaises(ConnectionResetError):
                read_to_end(conn)
        with Target(script) as target, Server('--to', target.address) as server:
            with Caller(server) as caller:
                self.assertEqual(caller.open(), 101)
                caller.send(BINARY, b'part')
            target.thread.join(PATIENCE)

    def test_a_session_that_is_cut_while_the_connection_is_full(self):
        def script(conn):
            errors = select.poll()
            errors.register(conn, 0)
            self.assertTrue(errors.poll(1000 * PATIENCE))
            with self.assertRaises(ConnectionResetError):
                read_to_end(conn)
        with Target(script) as target:
            with Server('--to', target.address, '--ping-interval', '0.05') as server:
                with Caller(server) as caller:
                    self.assertEqual(caller.open(), 101)
                    frame = caller.frame(BINARY, bytes(65536))
                    self.assertLess(caller.send_until_stalled(1024 * frame), 48 * MIB)
                    caller.reset()
                target.thread.join(PATIENCE)
                self.assertEqual((server.stop(), server.err), (CLOSED, b''))

    def test_a_reset_is_1011(self):
        def script(conn):
            conn.recv(1)
            reset(conn)
        with Target(script) as target, Server('--to', target.address) as server:
            with Caller(server) as caller:
                self.assertEqual(caller.open(), 101)
                caller.send(BINARY, b'x')
                self.assertEqual(caller.receive_all(), ([], 1011))

    def test_each_side_waits_for_the_other(self):
        def take(conn):
            asked.wait(PATIENCE)
            got.append(len(read_to_end(conn)))
        asked, got = threading.Event(), []
        with Target(take) as target, Server('--to', target.address) as server:
            with Caller(server) as caller:
                self.assertEqual(caller.open(), 101)
                frame = caller.frame(BINARY, bytes(65536))
                data = 1024 * frame
                sent = caller.send_until_stalled(data)
                self.assertLess(sent, 48 * MIB)
                asked.set()
                rest = data[sent:sent + (-sent % len(frame))]
                caller.sock.sendall(rest)
                caller.close()
                target.thread.join(PATIENCE)
                self.assertEqual(got, [(sent + len(rest)) // len(frame) * 65536])

        def bring(conn):
            rest = write_until_stalled(conn.fileno(), bytes(64 * MIB))
            brought.append(64 * MIB - len(rest))
        brought = []
        with Target(bring) as target, Server('--to', target.address) as server:
            with Caller(server) as caller:
                self.assertEqual(caller.open(), 101)
                target.thread.join(PATIENCE)
                messages, code = caller.receive_all()
        self.assertLess(brought[0], 48 * MIB)
        self.assertEqual((sum(map(len, messages)), code), (brought[0], 1000))

    def test_a_caller_that_leaves_while_it_is_connected(self):
        # A backlog that is full: the connection is neither made nor refused.
        with socket.socket() as listener, contextlib.ExitStack() as stack:
            listener.bind(('127.0.0.1', 0))
            listener.listen(0)
            port = listener.getsockname()[1]
            for _ in range(3):
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(('127.0.0.1', port))
            with Server('--to', '127.0.0.1:%d' % port, '--timeout', '0.5') as server:
                with Caller(server) as caller:
                    caller.ask('/', ())
                with Caller(server) as caller:
                    self.assertEqual(caller.open(), 503)
                self.assertEqual(server.stop(), CLOSED)


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    WSUV = sys.argv[1]
    heed_signals()
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:])
