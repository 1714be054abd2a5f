#!/usr/bin/python3
"""The program wsuv against servers that programs meet in the field, each with the odd case that was
seen there.

    field.py WSUV ECHO

WSUV is the program, ECHO is wsuv_echo, which nginx stands before. The packages of npm are installed
into a temporary folder; their scripts are not run. Prints a line for each case. Exit status: 0 only
if all is as it must be.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile

import packets
import reverse_proxy
import run
import tls_peers

HERE = os.path.dirname(os.path.abspath(__file__))
BOUND = 60  # seconds, for a client
INSTALL = 300  # seconds, for npm
PACKAGES = ('ws@8.23.0', '@deno/linux-x64-glibc@2.9.6', '@oven/bun-linux-x64@1.4.4')
PIECES = 20000  # of a message; ws closes with 1008 after 16,384 fragments
BUN_MAX = 16 << 20  # bytes of a message
CLOSED = re.compile(r'closed (cleanly|uncleanly): received (\d+) .*sent (\d+)')

# A server says on which port it listens. A text "stop" stops it.
WS = '''
const server = new (require('ws').WebSocketServer)({ port: 0, host: '127.0.0.1' });
server.on('connection', (socket) =>
  socket.on('message', (data, binary) => socket.send(data, { binary })));
server.on('listening', () => console.log('listening on', server.address().port));
'''
DENO = '''
const server = Deno.serve({
  port: 0, hostname: '127.0.0.1', onListen: ({ port }) => console.log('listening on', port),
}, (request) => {
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.onmessage = ({ data }) => data === 'stop' ? server.shutdown() : socket.send(data);
  return response;
});
'''
BUN = '''
const server = Bun.serve({
  port: 0, hostname: '127.0.0.1',
  fetch: (request, own) => own.upgrade(request) ? undefined : new Response('', { status: 400 }),
  websocket: {
    perMessageDeflate: true,
    message: (socket, data) => data === 'stop' ? server.stop(true) : socket.send(data),
  },
});
console.log('listening on', server.port);
'''
WS4PY = '''
from wsgiref.simple_server import make_server
from ws4py.server.wsgirefserver import WSGIServer, WebSocketWSGIRequestHandler
from ws4py.server.wsgiutils import WebSocketWSGIApplication
from ws4py.websocket import EchoWebSocket
server = make_server('127.0.0.1', 0, server_class=WSGIServer,
                     handler_class=WebSocketWSGIRequestHandler,
                     app=WebSocketWSGIApplication(handler_cls=EchoWebSocket))
server.initialize_websockets_manager()
print('listening on', server.server_port, flush=True)
server.serve_forever()
'''
NGINX_HOST = 'proxy_set_header Host $http_host;'
NGINX_POLICY = 'add_header X-Policy "first\n second" always;'


def must(condition, what):
    if not condition:
        raise run.Failure(what)


class Client:
    """What one run of wsuv has shown."""

    def __init__(self, program, url, *options, **stdin):
        done = subprocess.run([program, '-v', *options, url], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=BOUND, **stdin or {'input': b''})
        self.status, self.output = done.returncode, done.stdout
        self.log = done.stderr.decode(errors='replace')

    def ended(self, how, received, sent, status=0):
        found = CLOSED.search(self.log)
        seen = (found.group(1), int(found.group(2)), int(found.group(3))) if found else None
        must(seen == (how, received, sent) and self.status == status,
             f'ended with status {self.status}, {seen}, not {status}, {how}, {received}, {sent}\n'
             f'{self.log[-2000:]}')


class Field:
    def __init__(self, program, echo, folder):
        self.program, self.echo, self.folder = program, echo, folder

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, 'w', encoding='ascii') as file:
            file.write(text)
        return path

    def install(self):
        must(shutil.which('npm'), 'NOT INSTALLED: npm')
        done = subprocess.run(['npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund',
                               '--prefix', self.folder, *PACKAGES], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=INSTALL)
        must(done.returncode == 0, done.stdout.decode(errors='replace'))

    def package(self, *path):
        return os.path.join(self.folder, 'node_modules', *path)

    @contextlib.contextmanager
    def server(self, *command):
        """Its URL."""
        environment = {**run.environment(), 'DENO_NO_UPDATE_CHECK': '1', 'HOME': self.folder,
                       'NODE_PATH': self.package()}
        with tls_peers.Process(*command, stdout=subprocess.PIPE, env=environment) as server:
            yield f'ws://127.0.0.1:{run.port_of(server.process)}/'

    def client(self, url, *options, **stdin):
        return Client(self.program, url, *options, **stdin)

    def echoes(self, url, *options):
        """A text and 1 MiB, and a clean end."""
        client = self.client(url, '-m', 'hello', '-n', '1', *options)
        must(client.output == b'hello\n', f'got {client.output[:100]!r}\n{client.log[-2000:]}')
        client.ended('cleanly', 1000, 1000)
        data = os.urandom(1 << 20)
        client = self.client(url, '-b', '-n', '1', *options, input=data)
        must(client.output == data, f'{len(client.output)} bytes of 1 MiB came back')
        client.ended('cleanly', 1000, 1000)

    def stops(self, url):
        """The server closes with 1001, which is answered."""
        self.client(url, '-m', 'stop', '--no-input').ended('cleanly', 1001, 1001)

    # A value of nginx's configuration over two lines is a bare LF in the head of the 101.
    def nginx(self):
        with tls_peers.Process(self.echo, '0', stdout=subprocess.PIPE) as echo:
            plain = run.port_of(echo.process)
            locations = reverse_proxy.upgrading(f'http://127.0.0.1:{plain}', NGINX_HOST)
            with reverse_proxy.Nginx(self.folder, locations, NGINX_POLICY) as nginx:
                url = f'ws://127.0.0.1:{nginx.port}/'
                self.echoes(url)
                client = self.client(url, '--include', '-m', 'a', '-n', '1')
                must(b'X-Policy: first second\n' in client.output.replace(b'\r', b''),
                     f'no header of two lines: {client.output!r}')

    # Its 101 has Content-Length: 0.
    def ws4py(self):
        run.require([sys.executable, '-c', 'import ws4py'], f'ws4py for {sys.executable}',
                    'python3-ws4py')
        with self.server(sys.executable, self.file('ws4py_server.py', WS4PY)) as url:
            self.echoes(url)
            client = self.client(url, '--include', '-m', 'a', '-n', '1')
            must(b'content-length: 0\n' in client.output.lower().replace(b'\r', b''),
                 f'no Content-Length: {client.output!r}')

    # It takes 16,384 fragments in a message. As many small pieces and more are gathered into fewer.
    def ws(self):
        with self.server('node', self.file('ws_server.js', WS)) as url:
            self.echoes(url)
            self.echoes(url, '--deflate')
            with packets.Feed([b'x'] * PIECES) as feed:
                client = self.client(url, '--stream', '-n', '1', stdin=feed.end)
            must(client.output.count(b'x') == PIECES, 'the message did not come back')
            client.ended('cleanly', 1000, 1000)

    def deno(self):
        deno = self.package('@deno', 'linux-x64-glibc', 'deno')
        os.chmod(deno, 0o755)
        with self.server(deno, 'run', '--allow-net', self.file('deno_server.js', DENO)) as url:
            self.echoes(url)
            self.stops(url)

    # It takes 16 MiB, and no more: 1009. It declines windows of 8 to 10 bits.
    def bun(self):
        bun = self.package('@oven', 'bun-linux-x64', 'bin', 'bun')
        os.chmod(bun, 0o755)
        with self.server(bun, self.file('bun_server.js', BUN)) as url:
            self.echoes(url)
            self.echoes(url, '--deflate')
            self.echoes(url, '--deflate=server_max_window_bits=10')
            client = self.client(url, '-b', '--stream', '-n', '1', input=bytes(BUN_MAX + 1))
            must(client.status != 0 and 'received 1009' in client.log, client.log[-2000:])
            self.stops(url)

    def cases(self):
        return self.nginx, self.ws4py, self.ws, self.deno, self.bun


def main(arguments):
    if len(arguments) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        field = Field(os.path.abspath(arguments[1]), os.path.abspath(arguments[2]), folder)
        field.install()
        for case in field.cases():
            try:
                case()
                print(f'ok: {case.__name__}', flush=True)
            except (run.Failure, subprocess.TimeoutExpired) as failure:
                failed += 1
                print(f'FAILED: {case.__name__}: {failure}', flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
