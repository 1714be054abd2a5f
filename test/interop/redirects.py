#!/usr/bin/python3
"""Redirects of nginx and of node's http, followed by the program wsuv: where it comes to, and which
credentials each server on the way has got.

    redirects.py WSUV ECHO [unittest's arguments]

ECHO is wsuv_echo, which nginx stands before. Each server tells which requests have come.
"""

import base64
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import unittest

import certs
import reverse_proxy
import run
from echo_program import Echo
from lines import PATIENCE, Lines

LOGIN = 'aladdin:open-sesame'
BASIC = 'Basic ' + base64.b64encode(LOGIN.encode()).decode()
COOKIE = 'id=treasure'
CODES = 301, 302, 303, 307, 308
LOG_FORMAT = """log_format hop escape=json '{"port":$server_port,"uri":"$request_uri",'
    '"authorization":"$http_authorization","cookie":"$http_cookie"}';"""
UPGRADE = 'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;' \
    'proxy_set_header Connection upgrade;'
WSUV = ECHO = FOLDER = None


def path(name):
    return os.path.join(FOLDER, name)


def take_hops(log, count):
    return [json.loads(log.find(r'^\{"port".*$').group()) for _ in range(count)]


class Nginx(reverse_proxy.Nginx):
    """/CODE?to=LOCATION is a redirect, in which nginx makes a URL of a path; /relative/CODE leaves
    it as it is. /there is a redirect to /there/, by nginx itself. /private/ needs the login.
    Everything else goes to the program wsuv_echo."""

    def __init__(self, port, pair=None):
        pass_on = f'proxy_pass http://127.0.0.1:{port}; {UPGRADE}'
        locations = ['access_log /dev/stderr hop;', f'location /there/ {{ {pass_on} }}',
                     f'location /private/ {{ auth_basic "interop"; '
                     f'auth_basic_user_file {path("logins")}; {pass_on} }}',
                     f'location / {{ {pass_on} }}']
        for code in CODES:
            locations += [f'location = /{code} {{ return {code} $arg_to; }}',
                          f'location = /relative/{code} {{ absolute_redirect off; '
                          f'return {code} $arg_to; }}']
        super().__init__(FOLDER, '\n'.join(locations), LOG_FORMAT, pair)
        self.origin = 'ws://127.0.0.1' if pair is None else 'wss://localhost'

    def url(self, target):
        return f'{self.origin}:{self.port}{target}'

    def take(self, count):
        """The next requests; each is written when it has ended."""
        return take_hops(self.log, count)


class Node:
    """The two servers of redirects_node.js."""

    def __enter__(self):
        self.process = subprocess.Popen(run.node('redirects_node.js'), stdout=subprocess.PIPE,
                                        env=run.environment(), bufsize=0)
        self.log = Lines(self.process.stdout)
        found = self.log.find(r'^listening (\d+) (\d+)$')
        self.requests, self.upgrades = (int(port) for port in found.groups())
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.process.stdout.close()

    def take(self, count):
        return take_hops(self.log, count)


def setUpModule():
    global stack, echo
    with open(path('logins'), 'w', encoding='ascii') as file:
        file.write(LOGIN.replace(':', ':{PLAIN}') + '\n')
    with contextlib.ExitStack() as made:
        echo = made.enter_context(Echo(ECHO))
        stack = made.pop_all()


def tearDownModule():
    stack.close()


class Redirects(unittest.TestCase):
    def follow(self, url, *options, status=0):
        """The log of the program, which has no secret."""
        done = subprocess.run([WSUV, '-v', '--location', '--user', LOGIN, '--cookie', COOKIE,
                               '--cacert', path('root.crt'), '-m', 'hello', '-n', '1', *options,
                               url], capture_output=True, timeout=PATIENCE, check=False)
        log = done.stderr.decode()
        self.assertEqual((done.returncode, done.stdout), (status, b'' if status else b'hello\n'),
                         log)
        for secret in 'sesame', BASIC[-8:], 'treasure':
            self.assertNotIn(secret, log)
        return log

    def check(self, hops, *expected):
        """Each hop: port, target, and whether it has got the credentials."""
        self.assertEqual([(hop['port'], hop['uri']) for hop in hops],
                         [hop[:2] for hop in expected])
        for hop, (_, _, trusted) in zip(hops, expected):
            got = hop.get('authorization') or None, hop.get('cookie') or None
            self.assertEqual(got, (BASIC, COOKIE) if trusted else (None, None), hop)


class NginxTest(Redirects):
    def nginx(self, pair=None):
        return self.enterContext(Nginx(echo.port, pair))

    def test_within_the_origin(self):
        nginx = self.nginx()
        for place in '', '/relative':
            for code in CODES:
                target = f'{place}/{code}?to=/echo'
                self.follow(nginx.url(target))
                self.check(nginx.take(2), (nginx.port, target, True), (nginx.port, '/echo', True))

    def test_to_a_folder(self):
        nginx = self.nginx()
        self.follow(nginx.url('/there'))
        self.check(nginx.take(2), (nginx.port, '/there', True), (nginx.port, '/there/', True))

    def test_to_another_origin_and_back(self):
        nginx, other = self.nginx(), self.nginx()
        for code in CODES:
            target = f'/{code}?to=' + other.url('/echo')
            self.assertIn('another origin', self.follow(nginx.url(target)))
            self.check(nginx.take(1), (nginx.port, target, True))
            self.check(other.take(1), (other.port, '/echo', False))
        back = '/302?to=' + nginx.url('/echo')
        away = '/302?to=' + other.url(back)
        self.follow(nginx.url(away))
        self.check(other.take(1), (other.port, back, False))
        self.check(nginx.take(2), (nginx.port, away, True), (nginx.port, '/echo', False))

    def test_from_ws_to_wss_and_never_back(self):
        nginx, secure = self.nginx(), self.nginx((path('good.crt'), path('good.key')))
        to = '/301?to=' + secure.url('/echo').replace('wss', 'https')
        self.follow(nginx.url(to))
        self.check(nginx.take(1), (nginx.port, to, True))
        self.check(secure.take(1), (secure.port, '/echo', False))
        back = '/302?to=' + nginx.url('/echo')
        self.assertIn('from wss to ws', self.follow(secure.url(back), status=2))
        self.check(secure.take(1), (secure.port, back, True))
        self.follow(nginx.url('/last'))
        self.check(nginx.take(1), (nginx.port, '/last', True))

    def test_login_is_asked_for(self):
        """At each place anew, and not at another origin, which gets none."""
        nginx, other = self.nginx(), self.nginx()
        target = '/307?to=/private/'
        self.follow(nginx.url(target), '--auth', 'any')
        self.assertEqual([(hop['uri'], hop['authorization']) for hop in nginx.take(3)],
                         [(target, ''), ('/private/', ''), ('/private/', BASIC)])
        log = self.follow(nginx.url('/307?to=' + other.url('/private/')), '--auth', 'any', status=2)
        self.assertIn('HTTP 401', log)
        self.check(other.take(1), (other.port, '/private/', False))


class NodeTest(Redirects):
    @classmethod
    def setUpClass(cls):
        cls.node = cls.enterClassContext(Node())
        cls.end = f'ws://127.0.0.1:{cls.node.upgrades}'

    def test_by_both_kinds_of_listeners(self):
        for port in self.node.requests, self.node.upgrades:
            for code in CODES:
                target = f'/{code}?to={self.end}/echo'
                self.follow(f'ws://127.0.0.1:{port}{target}')
                self.check(self.node.take(2), (port, target, True),
                           (self.node.upgrades, '/echo', port == self.node.upgrades))

    def test_relative(self):
        port = self.node.upgrades
        self.follow(f'{self.end}/302?to=../echo')
        self.check(self.node.take(2), (port, '/302?to=../echo', True), (port, '/echo', True))

    def test_cookies_of_the_way(self):
        """They go to the origin that has set them, and to the path that they are for."""
        self.follow(f'ws://127.0.0.1:{self.node.requests}/302?to=/307?to={self.end}/echo')
        hops = self.node.take(3)
        self.assertEqual([hop.get('cookie') for hop in hops], [COOKIE, f'{COOKIE}; seen=1', None])
        self.assertEqual([hop.get('authorization') for hop in hops], [BASIC, BASIC, None])

    def test_loop_and_limit(self):
        port = self.node.upgrades
        log = self.follow(f'{self.end}/301?to=', status=2)
        self.assertIn('the session has been there', log)
        log = self.follow(f'{self.end}/301?to=/302?to=/echo', '--location=1', status=2)
        self.assertIn('too many redirects', log)
        self.check(self.node.take(3), (port, '/301?to=', True),
                   (port, '/301?to=/302?to=/echo', True), (port, '/302?to=/echo', True))


def main(arguments):
    global WSUV, ECHO, FOLDER
    WSUV, ECHO = arguments[1:3]
    run.program('nginx', 'nginx-light')
    with tempfile.TemporaryDirectory() as FOLDER:
        certs.make_good(FOLDER)
        unittest.main(argv=[arguments[0], *arguments[3:]])


if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv)
