"""Proxies and a server on bare sockets, which say what they were sent, for tests of the program
wsuv: CONNECT with Basic and Digest, SOCKS 4a and 5, redirects, logins."""

import base64
import contextlib
import hashlib
import re
import select
import socket
import ssl
import struct
import threading

from programs import CLOSE, PATIENCE, FrameSocket

HASHES = {'MD5': hashlib.md5, 'SHA-256': hashlib.sha256}
NONCE = 'dcd98b7102dd2f0e8b11d0f600bfb0c093'


class Head:
    """Of a request."""

    def __init__(self, data):
        lines = data.decode('latin-1').split('\r\n')
        self.line, self.fields = lines[0], {}
        for line in lines[1:]:
            name, value = line.split(': ', 1)
            self.fields[name.lower()] = value
        self.method, self.target = self.line.split(' ')[:2]

    def get(self, name):
        return self.fields.get(name.lower())


class Peer:
    """Plays `serve(connection)` for every connection, each in a thread, until the `with` block
    ends. What they have raised surfaces there."""

    def __init__(self, context=None):
        self.context, self.heads, self.errors, self.threads = context, [], [], []
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self.listener.accept()
                thread = threading.Thread(target=self.play, args=(sock,), daemon=True)
                self.threads.append(thread)
                thread.start()

    def play(self, sock):
        try:
            with sock:
                sock.settimeout(PATIENCE)
                if self.context is not None:
                    with contextlib.suppress(OSError):  # as the client refuses the certificate
                        sock = self.context.wrap_socket(sock, server_side=True)
                        self.serve(FrameSocket(sock))
                else:
                    self.serve(FrameSocket(sock))
        except (ConnectionError, EOFError):
            pass  # the client may leave at any time
        except Exception as error:  # pylint: disable=broad-except
            self.errors.append(error)

    def serve(self, connection):
        raise NotImplementedError

    def head(self, connection):
        head = Head(connection.read_until(b'\r\n\r\n'))
        self.heads.append(head)
        return head

    def __enter__(self):
        self.acceptor = threading.Thread(target=self.accept, daemon=True)
        self.acceptor.start()
        return self

    def __exit__(self, kind, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.acceptor.join(PATIENCE)
        self.listener.close()
        for thread in self.threads:
            thread.join(PATIENCE)
        if kind is None and self.errors:
            raise self.errors[0]


def parameters(credentials):
    return {name: quoted or bare
            for name, quoted, bare in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', credentials)}


class Login:
    """What has to be known to get in, and how it is asked for: Basic, or an algorithm of Digest."""

    def __init__(self, user, password, *schemes):
        self.user, self.password, self.schemes = user, password, schemes

    def challenge(self, scheme):
        if scheme == 'Basic':
            return 'Basic realm="test"'
        return f'Digest realm="test", nonce="{NONCE}", qop="auth", algorithm={scheme}'

    def challenges(self, field):
        return ''.join(f'{field}: {self.challenge(scheme)}\r\n' for scheme in self.schemes)

    def digest(self, method, given):
        """RFC 7616 3.4.1."""
        def hashed(*parts):
            return HASHES[given.get('algorithm', 'MD5')](':'.join(parts).encode()).hexdigest()
        return hashed(hashed(self.user, given['realm'], self.password), given['nonce'],
                      given['nc'], given['cnonce'], given['qop'], hashed(method, given['uri']))

    def accepts(self, head, field):
        credentials = head.get(field)
        if credentials is None:
            return False
        scheme, _, rest = credentials.partition(' ')
        if scheme == 'Basic':
            return 'Basic' in self.schemes and \
                base64.b64decode(rest).decode() == f'{self.user}:{self.password}'
        given = parameters(rest)
        return scheme == 'Digest' and given['algorithm'] in self.schemes and \
            given['uri'] == head.target and given['nonce'] == NONCE and \
            given['response'] == self.digest(head.method, given)


def relay(one, other):
    """Bytes both ways until both have ended; those that came from `one`."""
    sent, ends = bytearray(one.buffer), {one.sock: other.sock, other.sock: one.sock}
    other.sock.sendall(one.buffer)
    while ends:
        ready, _, _ = select.select(list(ends), [], [], PATIENCE)
        if not ready:
            raise TimeoutError('a tunnel without a byte')
        for sock in ready:
            data = b''
            with contextlib.suppress(ConnectionResetError):
                data = sock.recv(65536)
                while isinstance(sock, ssl.SSLSocket) and sock.pending() > 0:
                    data += sock.recv(65536)  # select() does not see what TLS has read already
            if not data:
                with contextlib.suppress(OSError):
                    ends[sock].shutdown(socket.SHUT_WR)
                del ends[sock]
                continue
            if sock is one.sock:
                sent += data
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                ends[sock].sendall(data)
    return bytes(sent)


class Proxy(Peer):
    """It keeps what it was asked for, and what came through each tunnel. Names are found in
    `names`, whose values are ports of this machine."""

    def __init__(self, names=None, context=None):
        super().__init__(context)
        self.names, self.targets, self.sent = names or {}, [], []

    def tunnel(self, connection, host, port, answer):
        self.targets.append(f'{host}:{port}')
        place = ('127.0.0.1', self.names[host]) if host in self.names else (host, port)
        with socket.create_connection(place, PATIENCE) as onward:
            connection.sock.sendall(answer)
            self.sent.append(relay(connection, FrameSocket(onward)))


class HttpProxy(Proxy):
    """With a `login`, it asks for it, on the same connection. `refusal` is its answer to all."""

    def __init__(self, names=None, login=None, refusal=None, context=None):
        super().__init__(names, context)
        self.login, self.refusal = login, refusal
        self.scheme = 'http' if context is None else 'https'

    def url(self, userinfo=''):
        return f'{self.scheme}://{userinfo}localhost:{self.port}'

    def serve(self, connection):
        while True:
            head = self.head(connection)
            if head.method != 'CONNECT':
                raise AssertionError(head.line)
            if self.refusal is not None:
                connection.sock.sendall(self.refusal)
                return
            if self.login is None or self.login.accepts(head, 'Proxy-Authorization'):
                break
            challenges = self.login.challenges('Proxy-Authenticate')
            connection.sock.sendall(b'HTTP/1.1 407 Proxy Authentication Required\r\n'
                                    b'Content-Length: 0\r\n%s\r\n' % challenges.encode())
        host, port = head.target.rsplit(':', 1)
        self.tunnel(connection, host.strip('[]'), int(port), b'HTTP/1.1 200 OK\r\n\r\n')


class SocksProxy(Proxy):
    """Version 5 (RFC 1928, 1929) or 4a. With a `login` of version 5, that is wanted."""

    def __init__(self, names=None, login=None):
        super().__init__(names)
        self.login, self.logins = login, []

    def url(self, scheme, userinfo=''):
        return f'{scheme}://{userinfo}127.0.0.1:{self.port}'

    def serve(self, connection):
        version = connection.read(1)[0]
        if version == 5:
            self.serve_5(connection)
        else:
            self.serve_4(connection)

    def serve_4(self, connection):
        _, port, address = struct.unpack('>BH4s', connection.read(7))
        self.logins.append(connection.read_until(b'\0'))
        host = socket.inet_ntoa(address)
        if address[:3] == b'\0\0\0':
            host = connection.read_until(b'\0').decode()
        self.tunnel(connection, host, port, b'\0\x5a' + bytes(6))

    def log_in(self, connection):
        _, n = connection.read(2)
        user = connection.read(n)
        password = connection.read(connection.read(1)[0])
        self.logins.append(user + b':' + password)
        wanted = f'{self.login.user}:{self.login.password}'.encode()
        connection.sock.sendall(b'\1\0' if self.logins[-1] == wanted else b'\1\1')
        return self.logins[-1] == wanted

    def serve_5(self, connection):
        methods = connection.read(connection.read(1)[0])
        method = 2 if self.login is not None else 0
        connection.sock.sendall(bytes([5, method if method in methods else 0xff]))
        if method not in methods or (self.login is not None and not self.log_in(connection)):
            return
        kind = connection.read(4)[3]
        if kind == 3:
            host = connection.read(connection.read(1)[0]).decode()
        elif kind == 1:
            host = socket.inet_ntop(socket.AF_INET, connection.read(4))
        else:
            host = socket.inet_ntop(socket.AF_INET6, connection.read(16))
        port, = struct.unpack('>H', connection.read(2))
        self.tunnel(connection, host, port, b'\5\0\0\1' + bytes(6))


class Origin(Peer):
    """A server: `answer(head)` is the response to a request, after which the connection ends; None
    opens the session, which is closed when the client closes it. With a `login` that is wanted
    first."""

    def __init__(self, answer=lambda head: None, login=None, context=None):
        super().__init__(context)
        self.answer, self.login = answer, login
        self.url = f'{"ws" if context is None else "wss"}://localhost:{self.port}/'

    def serve(self, connection):
        head = self.head(connection)
        answer = self.answer(head)
        if answer is None and self.login is not None \
                and not self.login.accepts(head, 'Authorization'):
            answer = 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n%s\r\n' % (
                self.login.challenges('WWW-Authenticate'))
        if answer is not None:
            connection.sock.sendall(answer.encode())
            return
        key = head.get('Sec-WebSocket-Key').encode()
        digest = hashlib.sha1(key + b'258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest()
        connection.sock.sendall(b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n'
                                b'Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n' %
                                base64.b64encode(digest))
        opcode, payload = connection.receive()
        while opcode != CLOSE:
            opcode, payload = connection.receive()
        connection.send(CLOSE, payload)


def redirect(location, status=302, *fields):
    lines = [f'HTTP/1.1 {status} Elsewhere', f'Location: {location}', 'Content-Length: 0', *fields]
    return '\r\n'.join(lines) + '\r\n\r\n'
