#!/usr/bin/python3
"""Clients of HTTP against a server whose program answers plain requests: curl, Python, Node, and
the health checks and kept connections of nginx and haproxy.

    plain_http.py PLAIN_HTTP WSUV [unittest's arguments]
"""

import http.client
import json
import re
import subprocess
import sys
import unittest

import proxies
import reverse_proxy
import run

PLAIN_HTTP = WSUV = None
PATIENCE = 30  # seconds
REQUESTS = 150
REQUESTS_MAX = 100  # of one connection
LARGE = 65536

NODE = '''
const http = require('http');
const agent = new http.Agent({keepAlive: true, maxSockets: 1});
const sockets = new Set();
let left = REQUESTS, bodies = 0;
function get() {
  http.get({port: PORT, host: '127.0.0.1', path: '/node', agent}, answer => {
    sockets.add(answer.socket.localPort);
    answer.on('data', piece => bodies += piece.length);
    answer.on('end', () => {
      if (--left > 0) return get();
      console.log(JSON.stringify({sockets: sockets.size, bodies}));
      agent.destroy();
    });
  });
}
get();
'''

NGINX_UPSTREAM = 'upstream wsuv { server 127.0.0.1:%d; keepalive 1; }'
NGINX_LOCATIONS = '''
    location / { proxy_pass http://wsuv; proxy_set_header Host $host; }
    location /kept/ {
      proxy_pass http://wsuv; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host;
    }
'''


class Server:
    """The server, which must have lost nothing when it ends."""

    def __enter__(self):
        self.process = subprocess.Popen([PLAIN_HTTP], stdout=subprocess.PIPE, text=True)
        self.port = int(re.fullmatch(r'port (\d+)\n', self.process.stdout.readline()).group(1))
        return self

    def __exit__(self, kind, *_):
        self.process.terminate()
        status = self.process.wait(PATIENCE)
        self.process.stdout.close()
        if kind is None and status != 0:
            raise run.Failure(f'the server has ended with {status}')

    def url(self, path):
        return f'http://127.0.0.1:{self.port}{path}'


def output(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=PATIENCE, check=False, **options)
    if done.returncode != 0:
        raise run.Failure(f'{command}: {done.returncode}\n{done.stdout}')
    return done.stdout


def curl(*arguments):
    run.require(['curl', '--version'], 'curl', 'curl')
    return output('curl', '-s', *arguments)


class Clients(unittest.TestCase):

    def test_curl(self):
        with Server() as server:
            self.assertEqual(curl(server.url('/a'), server.url('/later')), 'GET /a\nlater\n')
            self.assertEqual(curl('-0', server.url('/a')), 'GET /a\n')
            self.assertEqual(len(curl(server.url('/large'))), LARGE)
            self.assertIn('Content-Length: 8', curl('-I', server.url('/a')).replace('\r', ''))
            code = ('-o', '/dev/null', '-w', '%{http_code}')
            self.assertEqual(curl(*code, server.url('/empty')), '204')
            self.assertEqual(curl(*code, server.url('/declined')), '404')
            self.assertEqual(curl(*code, server.url('/echo/')), '200')
            self.assertEqual(curl('-d', 'x' * 100000, server.url('/')), 'no bodies\n')
            self.assertEqual(curl('-H', 'Expect: 100-continue', '-d', 'x', server.url('/')),
                             'no bodies\n')
            self.assertEqual(curl('-H', 'Transfer-Encoding: chunked', '-d', 'x', server.url('/')),
                             'no bodies\n')

    def test_curl_keeps_its_connection(self):
        with Server() as server:
            seen = curl('-o', '/dev/null', '-w', '%{num_connects}\n',
                        server.url(f'/[1-{REQUESTS}]'))
            connects = [int(line) for line in seen.split()]
            self.assertEqual(len(connects), REQUESTS)
            self.assertEqual([n for n, made in enumerate(connects) if made], [0, REQUESTS_MAX])

    def test_python(self):
        with Server() as server:
            client = http.client.HTTPConnection('127.0.0.1', server.port, timeout=PATIENCE)
            for path, fields, status, body in (('/a', {}, 200, b'GET /a\n'),
                                               ('/cached', {}, 200, b'fresh\n'),
                                               ('/cached', {'If-None-Match': '"1"'}, 304, b''),
                                               ('/empty', {}, 204, b''),
                                               ('/later', {}, 200, b'later\n')):
                client.request('GET', path, headers=fields)
                answer = client.getresponse()
                self.assertEqual((answer.status, answer.read()), (status, body), path)
                self.assertFalse(answer.will_close)
            client.request('POST', '/', body=b'x')
            answer = client.getresponse()
            self.assertEqual((answer.status, answer.read()), (413, b'no bodies\n'))
            self.assertTrue(answer.will_close)
            client.close()

    def test_node_keeps_its_connection(self):
        with Server() as server:
            script = NODE.replace('REQUESTS', str(REQUESTS)).replace('PORT', str(server.port))
            program = run.node('x')[0]
            seen = json.loads(output(program, '-e', script))
            self.assertEqual(seen, {'sockets': 2, 'bodies': REQUESTS * len('GET /node\n')})

    def test_websocket_beside_them(self):
        with Server() as server:
            self.assertEqual(curl(server.url('/a')), 'GET /a\n')
            url = f'ws://127.0.0.1:{server.port}/echo'
            self.assertEqual(output(WSUV, '-n', '1', '-m', 'hello', url), 'hello\n')
            self.assertEqual(curl(server.url('/a')), 'GET /a\n')


class Nginx(reverse_proxy.Nginx):
    """It keeps a connection to the server."""

    def __init__(self, server):
        super().__init__(proxies.FOLDER, NGINX_LOCATIONS, NGINX_UPSTREAM % server.port, master='on')


class Proxies(unittest.TestCase):

    def get(self, proxy, target):
        return curl(f'http://127.0.0.1:{proxy.port}{target}')

    def test_nginx(self):
        with Server() as server, Nginx(server) as proxy:
            self.assertEqual(self.get(proxy, f'/kept/[1-{REQUESTS}]').count('GET /kept/'), REQUESTS)
            self.assertEqual(self.get(proxy, '/old'), 'GET /old\n')

    def test_haproxy(self):
        """Its check is OPTIONS / HTTP/1.0, without a host."""
        options = {'back': '  option httpchk', 'options': 'check inter 100ms'}
        with Server() as server, proxies.Haproxy(server, 'http', **options) as proxy:
            proxy.wait_for_check('UP', r'Layer7 check passed, code: \d+')
            self.assertEqual(self.get(proxy, '/a'), 'GET /a\n')


if __name__ == '__main__':
    PLAIN_HTTP, WSUV = sys.argv[1:3]
    with proxies.installed(None, 'nginx', 'haproxy'):
        unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
