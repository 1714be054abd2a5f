"""Servers that speak TLS, to be started from a test: on ports of their own, ended with it.

    PythonPeers     any number, in this process; what they serve is in py_server.py
    NodePeer        node_server.js
    NginxPeer       nginx, in front of a server without TLS
    OpensslPeer     openssl s_server for one connection, in front of a server without TLS
    KeyUpdatePeer   openssl s_server for one connection, which sends a KeyUpdate
    GnutlsPeer      gnutls-serv, which answers with HTTP/1.0 and is no WebSocket server: what it
                    proves is that a handshake of TLS and data pass. It listens on all addresses.

All but the last are on 127.0.0.1. A peer that is not installed is a failure.
"""

import asyncio
import base64
import hashlib
import logging
import os
import re
import select
import socket
import subprocess
import threading

import py_server
import reverse_proxy
import run
from lines import PATIENCE, Lines

LOOKS = 2000  # within that time, at what cannot be waited for
CHUNK = 65536
GUID = b'258EAFA5-E914-47DA-95CA-C5AB0DC85B11'


class PythonPeers:
    """A loop in a thread."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        # Clients that refuse us are no news.
        self.loop.set_exception_handler(lambda loop, context: None)
        logging.getLogger('websockets').setLevel(logging.CRITICAL)
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.servers = []

    def __enter__(self):
        self.thread.start()
        return self

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE)

    def start(self, context=None):
        """Its port."""

        async def begin():
            server = await py_server.listen(context)
            self.servers.append(server)
            return py_server.port_of(server)

        return self.call(begin())

    async def end(self):
        for server in self.servers:
            server.close()
        for server in self.servers:
            await server.wait_closed()

    def __exit__(self, *_):
        self.call(self.end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(PATIENCE)
        self.loop.close()


class Process:
    """A server that is a process; `port` is known once it listens."""

    package = ''

    def __init__(self, *command, **options):
        program = run.program(command[0], self.package)
        options = {'stdin': subprocess.DEVNULL, 'stdout': subprocess.DEVNULL,
                   'stderr': subprocess.DEVNULL, 'env': run.environment(), **options}
        self.process = subprocess.Popen([program, *command[1:]], **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(PATIENCE)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


def listening_ports(pid):
    """From proc(5): state 0A is LISTEN, and the tenth field is the socket's number."""
    links = []
    for fd in os.listdir(f'/proc/{pid}/fd'):
        try:
            links.append(os.readlink(f'/proc/{pid}/fd/{fd}'))
        except FileNotFoundError:
            pass
    with open(f'/proc/{pid}/net/tcp', encoding='ascii') as file:
        rows = [line.split() for line in file.readlines()[1:]]
    return [int(row[1].split(':')[1], 16) for row in rows
            if row[3] == '0A' and f'socket:[{row[9]}]' in links]


class NodePeer(Process):
    package = 'nodejs, node-ws'

    def __init__(self, cert, key, *more):
        command = [*run.node('node_server.js'), '--cert', cert, '--key', key, *more]
        super().__init__(*command, stdout=subprocess.PIPE)
        self.port = run.port_of(self.process)


NGINX_FIELDS = '''
      proxy_set_header Host $http_host;
      proxy_set_header X-Interop "$ssl_protocol $ssl_session_reused";
'''


class NginxPeer(reverse_proxy.Nginx):
    """It tells the server behind in the header X-Interop: version, and `r` if the session was
    resumed, else a dot."""

    def __init__(self, folder, pair, plain, protocols):
        super().__init__(folder, reverse_proxy.upgrading(f'http://127.0.0.1:{plain}', NGINX_FIELDS),
                         f'ssl_session_cache builtin; ssl_protocols {protocols};', pair)


class OpensslPeer(Process):
    """For one connection. It ends with the server behind it. Its output is what the client sends:
    it cannot tell there that it listens."""

    package = 'openssl'

    def __init__(self, cert, key, plain, *more):
        super().__init__('openssl', 's_server', '-quiet', '-naccept', '1',
                         '-accept', '127.0.0.1:0', '-cert', cert, '-cert_chain', cert,
                         '-key', key, *more, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = self.listening_port()
        self.plain = socket.create_connection(('127.0.0.1', plain), PATIENCE)
        self.threads = [threading.Thread(target=work) for work in (self.inward, self.outward)]
        for thread in self.threads:
            thread.start()

    def listening_port(self):
        with os.fdopen(os.pidfd_open(self.process.pid)) as process:
            for _ in range(LOOKS):
                ports = listening_ports(self.process.pid)
                if ports:
                    return ports[0]
                if select.select([process], [], [], PATIENCE / LOOKS)[0]:
                    break
        raise run.Failure('openssl does not listen')

    def inward(self):
        """What the client sent, to the server behind."""
        while data := self.process.stdout.read1(CHUNK):
            self.plain.sendall(data)
        self.shut()

    def outward(self):
        """What the server behind sent, and its end."""
        try:
            while data := self.plain.recv(CHUNK):
                self.process.stdin.write(data)
                self.process.stdin.flush()
            self.process.stdin.close()
        except OSError:
            pass

    def shut(self):
        try:
            self.plain.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def __exit__(self, *_):
        self.process.terminate()
        self.shut()
        for thread in self.threads:
            thread.join(PATIENCE)
        self.plain.close()
        super().__exit__()


class KeyUpdatePeer(Process):
    """It upgrades one connection over TLS 1.3, waits for a text of five bytes, and has openssl send
    a KeyUpdate: a line with `k` is the command for that, whose end it tells. Then it sends a
    text."""

    package = 'openssl'
    KEY = re.compile(rb'Sec-WebSocket-Key: *([^\r\n]+)', re.I)

    def __init__(self, cert, key):
        super().__init__('stdbuf', '-o0', 'openssl', 's_server', '-naccept', '1', '-tls1_3',
                         '-accept', '127.0.0.1:0', '-cert', cert, '-key', key,
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(Lines(self.process.stdout).find(r'ACCEPT .*:(\d+)$').group(1))
        self.thread = threading.Thread(target=self.answer)
        self.thread.start()

    def tell(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def answer(self):
        data = b''
        while (found := self.KEY.search(data)) is None or b'\r\n\r\n' not in data:
            more = self.process.stdout.read1(CHUNK)
            if not more:
                return
            data += more
        accept = base64.b64encode(hashlib.sha1(found.group(1) + GUID).digest())
        try:
            self.tell(b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n'
                      b'Connection: Upgrade\r\nSec-WebSocket-Accept: ' + accept + b'\r\n\r\n')
            while b'\x81\x85' not in data and (more := self.process.stdout.read1(CHUNK)):
                data += more
            self.tell(b'k\n')
            while b'SSL_do_handshake' not in data and (more := self.process.stdout.read1(CHUNK)):
                data += more
            self.tell(b'\x81\x05hello')
        except OSError:
            pass

    def __exit__(self, *_):
        self.process.terminate()
        self.thread.join(PATIENCE)
        super().__exit__()


class GnutlsPeer(Process):
    package = 'gnutls-bin'

    def __init__(self, cert, key, *more):
        super().__init__('gnutls-serv', '--http', '--port', '0', '--disable-client-cert',
                         '--x509certfile', cert, '--x509keyfile', key, *more,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.lines = Lines(self.process.stdout)
        self.lines.find('listening on IPv4 .*done')
        self.port, = listening_ports(self.process.pid)
