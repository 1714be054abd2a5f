#!/usr/bin/python3
"""Real proxies in front of a server of wsuv: what it says of the client behind them.

    proxies.py SERVER [--all] [unittest's arguments]

SERVER is the program origin_server. The client is at 127.0.0.2, and the proxies at 127.0.0.1, which
the server trusts. nginx and haproxy; with --all also apache and caddy. A proxy that is not
installed is a failure.
"""

import contextlib
import os
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import unittest

import certs
import reverse_proxy
from lines import PATIENCE, Lines
from reverse_proxy import Proxy, upgrading

TEXT = 1  # opcode
CLIENT = '127.0.0.2'
PROXY = '127.0.0.1'
SERVER = None
FOLDER = None
ALL = False


def path(name):
    return os.path.join(FOLDER, name)


# --- programs ---


class Server:
    """The program, ended with a `with` block."""

    def __init__(self, *options):
        self.options = [*options, PROXY]

    def __enter__(self):
        self.process = subprocess.Popen([SERVER, *self.options], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
        self.log = Lines(self.process.stderr)
        self.port = int(self.process.stdout.readline())
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.log.rest()
        status = self.process.wait(PATIENCE)
        self.process.stdout.close()
        self.process.stderr.close()
        if status != 0:
            raise RuntimeError(f'the server has ended with {status}')


NGINX_ELEMENTS = '''
  map $http_forwarded $elements {
    "" "for=$remote_addr;host=\\"$http_host\\";proto=$scheme";
    default "$http_forwarded, for=$remote_addr;host=\\"$http_host\\";proto=$scheme";
  }
'''

NGINX_X = '''
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Proto $scheme;
'''
NGINX_STANDARD = 'proxy_set_header Forwarded $elements;'


class Nginx(reverse_proxy.Nginx):
    def __init__(self, server, fields, tls=False, scheme='http', master='off'):
        pair = (path('good.crt'), path('good.key')) if tls else None
        super().__init__(FOLDER, upgrading(f'{scheme}://127.0.0.1:{server.port}', fields),
                         NGINX_ELEMENTS, pair, master)


HAPROXY = '''
global
  {more}
defaults
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  timeout tunnel {tunnel}
  mode {mode}
frontend in
  bind 127.0.0.1:{port}{ssl}
  default_backend out
{front}
backend out
  option log-health-checks
{back}
  server one 127.0.0.1:{server} {options}
'''

HAPROXY_X = '''
  option forwardfor
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header X-Forwarded-Proto https if {{ ssl_fc }}
  http-request set-header X-Forwarded-Proto http if !{{ ssl_fc }}
'''


class Haproxy(Proxy):
    """Its first process starts itself again when it has begun the others, and until then a signal
    ends it. Then it says so by sd_notify(3)."""

    READY = 'Loading success'

    def __init__(self, server, mode, front='', back='', options='', tls=False, tunnel='1h',
                 more=''):
        pem = path('good.pem')
        super().__init__(FOLDER, HAPROXY, server=server.port, mode=mode, options=options, back=back,
                         tunnel=tunnel, more=more,
                         front=front.replace('{{', '{').replace('}}', '}'),
                         ssl=f' ssl crt {pem}' if tls else '')

    def command(self, config):
        return ['haproxy', '-Ws', '-db', '-f', config]

    def start(self):
        self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notices.bind('')  # the kernel finds a name, unix(7)
        self.notices.settimeout(PATIENCE)
        name = self.notices.getsockname().decode().replace('\0', '@')
        super().start(env={**os.environ, 'NOTIFY_SOCKET': name})

    def wait_until_ready(self):
        with self.notices:
            super().wait_until_ready()
            while not self.notices.recv(4096).startswith(b'READY=1'):
                pass

    def wait_for_check(self, status, reason):
        """Of the server behind it."""
        self.log.find_all(rf'Health check for server out/one .* reason: {reason}, .*'
                          rf' status: \d/\d {status}\.')


APACHE = '''
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule headers_module {modules}/mod_headers.so
LoadModule proxy_module {modules}/mod_proxy.so
LoadModule proxy_http_module {modules}/mod_proxy_http.so
ServerRoot {folder}
ServerName app.example
PidFile {folder}/pid
ErrorLog /dev/stderr
Listen 127.0.0.1:{port}
RequestHeader set X-Forwarded-Proto "expr=%{{REQUEST_SCHEME}}"
ProxyPass / http://127.0.0.1:{server}/ upgrade=websocket
{more}
'''


class Apache(Proxy):
    """It adds to X-Forwarded-For and X-Forwarded-Host of the client."""

    READY = 'resuming normal operations'
    MODULES = '/usr/lib/apache2/modules'

    def __init__(self, server, more=''):
        super().__init__(FOLDER, APACHE, server=server.port, modules=self.MODULES, more=more)

    def command(self, config):
        return ['apache2', '-DFOREGROUND', '-f', config]


CADDY = '''
{{
  admin {admin}
  auto_https off
  storage file_system {folder}
}}
{scheme}://:{port} {{
  bind 127.0.0.1
  {more}
  reverse_proxy 127.0.0.1:{server}
}}
'''


class Caddy(Proxy):
    """It removes what a client that it does not trust has sent."""

    READY = 'serving initial configuration'

    def __init__(self, server, scheme='http', admin='off', more=''):
        super().__init__(FOLDER, CADDY, server=server.port, scheme=scheme, admin=admin, more=more)

    def command(self, config):
        return ['caddy', 'run', '--adapter', 'caddyfile', '--config', config]


# --- the client ---

REQUEST = '''GET / HTTP/1.1
Host: {host}
Upgrade: websocket
Connection: Upgrade
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 13
'''


class Client:
    """Of one connection, ended with a `with` block."""

    def __init__(self, port, tls=False):
        self.socket = socket.create_connection((PROXY, port), PATIENCE, source_address=(CLIENT, 0))
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(path('root.crt'))
            self.socket = context.wrap_socket(self.socket, server_hostname='localhost')
        self.file = self.socket.makefile('rb')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def ask(self, *fields, host='app.example'):
        """The status of the response."""
        text = REQUEST.format(host=host) + ''.join(f'{field}\n' for field in fields) + '\n'
        self.socket.sendall(text.replace('\n', '\r\n').encode())
        status = int(self.file.readline().split()[1])
        while self.file.readline() != b'\r\n':
            pass
        return status

    def frame(self):
        """Opcode and payload of the next frame, or None: the connection has ended."""
        head = self.file.read(2)
        if head == b'':
            return None
        size = head[1]
        if size == 126:
            size, = struct.unpack('>H', self.file.read(2))
        elif size == 127:
            size, = struct.unpack('>Q', self.file.read(8))
        return head[0] & 15, self.file.read(size)

    def text(self):
        """The next message, which is one frame."""
        return self.frame()[1].decode()

    def send(self, data, opcode=TEXT):
        key = os.urandom(4)
        size = bytes([0x80 | len(data)]) if len(data) < 126 else b'\xfe' + struct.pack(
            '>H', len(data))
        self.socket.sendall(bytes([0x80 | opcode]) + size + key + bytes(
            byte ^ key[i % 4] for i, byte in enumerate(data)))


FORGED = ('X-Forwarded-For: 9.9.9.9', 'X-Forwarded-Host: evil.example', 'X-Forwarded-Proto: ftp',
          'Forwarded: for=9.9.9.9;host=evil.example;proto="ftp')


class ProxyTest(unittest.TestCase):
    def check(self, proxy, seen, *fields, tls=False):
        """The server says this of a client, whatever it sends, and bytes pass."""
        for more in ((), FORGED):
            with self.subTest(more=more), Client(proxy.port, tls) as client:
                self.assertEqual(client.ask(*fields, *more), 101)
                self.assertEqual(client.text(), f'{seen} {PROXY}')
                client.send(b'x' * 5000)
                self.assertEqual(client.text(), 'x' * 5000)


class Fields(ProxyTest):
    def test_nginx(self):
        with Server('--x') as server, Nginx(server, NGINX_X) as proxy:
            self.check(proxy, f'{CLIENT} ws app.example')

    def test_nginx_with_tls(self):
        with Server('--x') as server, Nginx(server, NGINX_X, tls=True) as proxy:
            self.check(proxy, f'{CLIENT} wss app.example', tls=True)

    def test_nginx_with_tls_on_both_sides(self):
        with Server('--x', '--tls', path('good.crt'), path('good.key')) as server, \
                Nginx(server, NGINX_X, tls=True, scheme='https') as proxy:
            self.check(proxy, f'{CLIENT} wss app.example', tls=True)

    def test_nginx_by_the_standard(self):
        with Server('--rfc7239') as server, Nginx(server, NGINX_STANDARD, tls=True) as proxy:
            self.check(proxy, f'{CLIENT} wss app.example', tls=True)

    def test_haproxy(self):
        with Server('--x') as server, Haproxy(server, 'http', HAPROXY_X) as proxy:
            self.check(proxy, f'{CLIENT} ws app.example')

    def test_haproxy_with_tls(self):
        with Server('--x') as server, Haproxy(server, 'http', HAPROXY_X, tls=True) as proxy:
            self.check(proxy, f'{CLIENT} wss app.example', tls=True)

    def test_apache(self):
        if not ALL:
            self.skipTest('nightly')
        with Server('--x') as server, Apache(server) as proxy:
            self.check(proxy, f'{CLIENT} ws app.example')

    def test_caddy(self):
        if not ALL:
            self.skipTest('nightly')
        with Server('--x') as server, Caddy(server) as proxy:
            self.check(proxy, f'{CLIENT} ws app.example')

    def test_two_proxies(self):
        with Server('--x') as server, Nginx(server, NGINX_X) as inner, \
                Haproxy(inner, 'http', HAPROXY_X) as outer:
            self.check(outer, f'{CLIENT} ws app.example')

    def test_family_that_is_not_configured(self):
        with Server('--rfc7239') as server, Nginx(server, NGINX_X) as proxy, \
                Client(proxy.port) as client:
            # nginx names the server in Host, on whose loopback address this is accepted.
            self.assertEqual(client.ask(), 101)
            self.assertEqual(client.text(), f'{PROXY} ws 127.0.0.1:{server.port} {PROXY}')


class Origins(ProxyTest):
    """Pages of the host that the proxy was asked for."""

    def statuses(self, proxy):
        found = []
        for origin in ('http://app.example', 'http://evil.example'):
            with Client(proxy.port) as client:
                found.append(client.ask(f'Origin: {origin}'))
        return found

    def test_with_the_forwarded_host(self):
        with Server('--x') as server, Nginx(server, NGINX_X) as proxy:
            self.assertEqual(self.statuses(proxy), [101, 403])

    def test_with_the_host_passed_on(self):
        fields = '''proxy_set_header Host $host;
                    proxy_set_header X-Forwarded-For $remote_addr;'''
        with Server('--x') as server, Nginx(server, fields) as proxy:
            self.assertEqual(self.statuses(proxy), [101, 403])

    def test_with_neither(self):
        with Server('--x') as server, Nginx(server, '') as proxy:
            self.assertEqual(self.statuses(proxy), [403, 403])
            server.log.find_all(r'\(see `origins`\)')


class ProxyProtocol(ProxyTest):
    def test_every_version(self):
        for option in ('send-proxy', 'send-proxy-v2',
                       'send-proxy-v2 proxy-v2-options crc32c,unique-id'):
            with self.subTest(option=option), Server('--proxy') as server, \
                    Haproxy(server, 'tcp', options=option) as proxy:
                self.check(proxy, f'{CLIENT} ws app.example')
                server.log.find_all(f'accepted from {CLIENT}: /')

    def test_tls_behind_it(self):
        for option in ('send-proxy', 'send-proxy-v2'):
            with self.subTest(option=option), \
                    Server('--proxy', '--tls', path('good.crt'), path('good.key')) as server, \
                    Haproxy(server, 'tcp', options=option) as proxy:
                self.check(proxy, f'{CLIENT} wss app.example', tls=True)

    def test_fields_of_the_client_are_not_read(self):
        with Server('--proxy', '--x') as server, \
                Haproxy(server, 'tcp', options='send-proxy-v2') as proxy:
            self.check(proxy, f'{CLIENT} ws app.example')

    def test_header_that_is_missing(self):
        with Server('--proxy') as server, Haproxy(server, 'tcp') as proxy, \
                Client(proxy.port) as client:
            client.socket.sendall(b'GET / HTTP/1.1\r\n')
            self.assertEqual(client.file.read(), b'')
            server.log.find_all('no PROXY header')


class HealthChecks(ProxyTest):
    """What the proxy finds, and the lines that it leaves."""

    def levels_of(self, server):
        """Of the lines about them. There are some."""
        return set(server.log.find_all(rf'origin_server: (\w+): refused {PROXY}'))

    def test_of_a_connection(self):
        """haproxy resets it before it is established, so the server never sees it."""
        with Server('--x', '--debug') as server, \
                Haproxy(server, 'http', options='check inter 50') as proxy:
            proxy.wait_for_check('UP', 'Layer4 check passed')
            self.assertNotIn('info: refused', server.log.text())

    def test_of_a_connection_with_the_header(self):
        for option in ('send-proxy', 'send-proxy-v2'):
            with self.subTest(option=option), Server('--proxy', '--debug') as server, \
                    Haproxy(server, 'tcp', options=f'{option} check inter 50') as proxy:
                proxy.wait_for_check('UP', 'Layer4 check passed')
                self.assertEqual(self.levels_of(server), {'debug'})

    def test_by_http(self):
        """OPTIONS / HTTP/1.0 is answered 405, which haproxy takes for a failure."""
        back = '  option httpchk\n  http-check send hdr Host localhost\n'
        with Server('--x') as server, \
                Haproxy(server, 'http', back=back, options='check inter 50 fall 1') as proxy:
            proxy.wait_for_check('DOWN', 'Layer7 wrong status, code: 405')
        back += '  http-check expect status 405'
        with Server('--x') as server, \
                Haproxy(server, 'http', back=back, options='check inter 50') as proxy:
            proxy.wait_for_check('UP', 'Layer7 check passed, code: 405')
            self.assertNotIn('warning: refused', server.log.text())


@contextlib.contextmanager
def installed(server, *programs):
    """With the program origin_server, these proxies, and a folder with certificates."""
    global SERVER, FOLDER
    os.environ['PATH'] += ':/usr/sbin'
    for program in programs:
        if shutil.which(program) is None:
            raise SystemExit(f'{program} is not installed')
    SERVER = server
    with tempfile.TemporaryDirectory() as FOLDER:
        certs.make_good(FOLDER)
        with open(path('good.pem'), 'w', encoding='ascii') as pem:
            for name in ('good.crt', 'good.key'):
                with open(path(name), encoding='ascii') as part:
                    pem.write(part.read())
        yield


def main(arguments):
    global ALL
    server, *arguments = arguments
    ALL = arguments[:1] == ['--all']
    with installed(server, 'nginx', 'haproxy', *(('apache2', 'caddy') if ALL else ())):
        unittest.main(argv=[sys.argv[0], *arguments[ALL:]])


if __name__ == '__main__':
    main(sys.argv[1:])
