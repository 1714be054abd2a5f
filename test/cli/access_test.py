#!/usr/bin/env python3
"""How the command-line client gets to a server through proxies, and what it shows of secrets.

    access_test.py WSUV WSUV_ECHO [unittest's arguments]

Proxies and servers are scripted, so that the tests see what each was sent.
"""

import base64
import os
import ssl
import sys
import tempfile
import unittest

import cli_test
from cli_test import CliTest, run
from programs import CLOSED, OURS, REFUSED, heed_signals
from scripted_proxies import HttpProxy, Login, Origin, SocksProxy
import certs

NAME = 'origin.test'  # a proxy knows it; nobody else does
USER, PASSWORD = 'aladdin', 'open-sesame'
THEIRS = 'proxy-user', 'proxy-word'  # at a proxy
FOLDER = None


def basic(user, password):
    return 'Basic ' + base64.b64encode(f'{user}:{password}'.encode()).decode()


def path(name):
    return os.path.join(FOLDER, name)


def tls():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path('good.crt'), path('good.key'))
    return context


def setUpModule():
    global folder, FOLDER, echo_port
    cli_test.setUpModule()
    echo_port = int(cli_test.echo_url.rsplit(':', 1)[1].strip('/'))
    folder = tempfile.TemporaryDirectory()
    FOLDER = folder.name
    certs.make(FOLDER)


def tearDownModule():
    folder.cleanup()
    cli_test.tearDownModule()


def environment(**variables):
    return {**os.environ, **variables}


class AccessTest(CliTest):
    def echo(self, *options, url=f'ws://{NAME}:81/', **kwargs):
        self.check(run('-m', 'hi', '-n', '1', *options, url, **kwargs), CLOSED, b'hi\n')

    def names(self):
        return {NAME: echo_port}


class CommandLine(CliTest):
    def test_bad_usage_is_1(self):
        for args in (['--proxy'], ['--proxy-cacert'], ['--user'], ['--auth'], ['--cookie'],
                     ['--header-file'], ['--location=0'], ['--location=x'], ['--location='],
                     ['--auth', 'bearer'], ['--auth', ''], ['--auth', 'Basic']):
            with self.subTest(args=args):
                self.check(run('ws://a', *args), OURS, b'', r'^wsuv: ')

    def test_options_of_a_client_are_none_of_a_server(self):
        for option in ('--proxy=a', '--no-proxy', '--proxy-cacert=a', '--location', '--user=a:b',
                       '--auth=any', '--cookie=a'):
            with self.subTest(option=option):
                name = option.split('=')[0]
                self.check(run('--listen', '0', option), OURS, b'',
                           f'^wsuv: no meaning together with --listen: {name}\n')

    def test_bad_proxy_is_1(self):
        for bad in ('a:x', 'ftp://me:secret@a', 'http://', 'http://me:secret@a:0',
                    'http://a/path', 'http://a http://me:secret@', 'socks5://me@a:x'):
            with self.subTest(proxy=bad):
                result = run('--proxy', bad, 'ws://a')
                self.check_one_line(result, OURS, '^wsuv: .*URL: proxy [12]: ')
                self.assertNotIn('secret', result.err)

    def test_bad_list_is_1(self):
        for bad in ('10.0.0.0/33', 'a:x', '[::1'):
            with self.subTest(list=bad):
                self.check_one_line(run(f'--no-proxy={bad}', 'ws://a'), OURS, 'no_proxy: ')

    def test_bad_variable_is_1_and_named(self):
        for name, url in (('wss_proxy', 'wss://a'), ('HTTPS_PROXY', 'wss://a'),
                          ('http_proxy', 'ws://a'), ('ALL_PROXY', 'ws://a')):
            with self.subTest(name=name):
                result = run(url, env=environment(**{name: 'ftp://me:secret@a'}))
                self.check_one_line(result, OURS, f'environment variable {name}: ')
                self.assertNotIn('secret', result.err)
        result = run('ws://a', env=environment(ws_proxy='http://b', no_proxy='10.0.0.0/x'))
        self.check_one_line(result, OURS, 'environment variable no_proxy: ')

    def test_credentials_that_cannot_be_sent_are_1(self):
        for args in ['--proxy', 'http://a%0d:secret@b'], ['--proxy', 'socks4://a:secret@b']:
            with self.subTest(args=args):
                result = run(*args, 'ws://a')
                self.check_one_line(result, OURS, '^wsuv: ')
                self.assertNotIn('secret', result.err)

    def header_file(self, data):
        name = path('headers')
        with open(name, 'wb') as file:
            file.write(data)
        return name

    def test_bad_header_file_is_1(self):
        for data, line in ((b'secret', 1), (b'A: 1\nsecret\nB: 2\n', 2),
                           (b'A: 1\n\nA: se\0cret', 3)):
            with self.subTest(data=data):
                name = self.header_file(data)
                result = run('--header-file', name, 'ws://a')
                self.check_one_line(result, OURS, f'^wsuv: {name}: line {line}: not a header')
                self.assertNotIn('secret', result.err)
        result = run('--header-file', self.header_file(b'A: 1\rB: secret\n'), 'ws://a')
        self.check_one_line(result, OURS, '^wsuv: .*header')
        self.assertNotIn('secret', result.err)
        for name in path('none'), FOLDER:
            self.check_one_line(run('--header-file', name, 'ws://a'), OURS, f'^wsuv: {name}: ')

    def test_headers_of_a_file(self):
        name = self.header_file(b'Authorization: Bearer x\r\n\r\nX-A:1 \n' +
                                b''.join(b'X-%d: %s\n' % (i, b'y' * 100) for i in range(40)) +
                                b'X-Last: :')
        with Origin() as origin:
            self.check(run('-H', 'X-B: 2', '--header-file', name, origin.url), CLOSED)
        fields = origin.heads[0].fields
        self.assertEqual([fields[name] for name in ('authorization', 'x-a', 'x-b', 'x-39',
                                                    'x-last')],
                         ['Bearer x', '1', '2', 'y' * 100, ':'])

    def test_secrets_are_not_on_the_command_line(self):
        seen = []

        def look(_):
            with open(f'/proc/{process.pid}/cmdline', 'rb') as file:
                seen.append(file.read().decode())
            return 'HTTP/1.1 403 Forbidden\r\n\r\n'

        with Origin(look) as origin, HttpProxy(login=Login(*THEIRS, 'Basic')) as proxy:
            proxy.names['origin.test'] = origin.port
            process = cli_test.start('--cookie', 'id=secret', '--proxy',
                                     proxy.url('proxy-user:proxy-word@'), '--user=me:secret',
                                     'ws://origin.test/?a@b')
            cli_test.finish(process)
            process = cli_test.start('--no-proxy', 'ws://me:secret@' + origin.url[5:] + '@secrets')
            cli_test.finish(process)
        self.assertEqual(seen[0].split('\0')[1:],
                         ['--cookie', '*********', '--proxy',
                          f'http://{"*" * 21}@localhost:{proxy.port}', '--user=me:******',
                          'ws://origin.test/?a@b', ''])
        self.assertEqual(seen[1].split('\0')[-2:], [f'ws://*********@{origin.url[5:]}@secrets', ''])
        self.assertEqual(len(proxy.sent), 1)


class Proxies(AccessTest):
    def test_connect(self):
        with HttpProxy(self.names()) as proxy:
            self.echo('--proxy', proxy.url())
            self.assertEqual([head.line for head in proxy.heads], [f'CONNECT {NAME}:81 HTTP/1.1'])
            self.assertEqual(proxy.heads[0].get('Host'), f'{NAME}:81')

    def test_socks(self):
        with SocksProxy(self.names()) as proxy:
            for scheme in 'socks4a', 'socks5h':
                self.echo('--proxy', proxy.url(scheme))
            for scheme in 'socks4', 'socks5':
                self.echo('--proxy', proxy.url(scheme), url=f'ws://localhost:{echo_port}/')
            self.echo('--proxy', proxy.url('socks4a', 'me@'))
        local = f'127.0.0.1:{echo_port}'
        self.assertEqual(proxy.targets, [f'{NAME}:81'] * 2 + [local] * 2 + [f'{NAME}:81'])
        self.assertEqual(proxy.logins, [b'', b'', b'me'])

    def test_login_by_socks(self):
        with SocksProxy(self.names(), Login(*THEIRS, 'Basic')) as proxy:
            self.echo('--proxy', proxy.url('socks5h', 'proxy-user:proxy%2dword@'))
            for userinfo in '', 'proxy-user:wrong@':
                self.check_one_line(run('--proxy', proxy.url('socks5h', userinfo), f'ws://{NAME}'),
                                    REFUSED, 'proxy did not accept the credentials: proxy socks5h')
        self.assertEqual(proxy.logins, [b'proxy-user:proxy-word', b'proxy-user:wrong'])

    def test_chain(self):
        with SocksProxy() as first, HttpProxy() as second, HttpProxy(self.names()) as third:
            first.names['second.test'] = second.port
            second.names['third.test'] = third.port
            self.echo('--proxy', first.url('socks5h'), '--proxy', 'http://second.test:1',
                      '--proxy', 'http://third.test')
        self.assertEqual((first.targets, second.targets, third.targets),
                         (['second.test:1'], ['third.test:80'], [f'{NAME}:81']))

    def test_tls_to_the_proxy(self):
        with HttpProxy(self.names(), context=tls()) as proxy:
            self.echo('--proxy', proxy.url(), '--proxy-cacert', path('root.crt'))
            for options in (['--proxy-cacert', path('other.crt')], ['--cacert', path('root.crt')],
                            ['--insecure']):
                result = run('--proxy', proxy.url(), *options, f'ws://{NAME}')
                self.check_one_line(result, REFUSED, 'could not connect: .*certificate')
        self.assertEqual(proxy.targets, [f'{NAME}:81'])

    def test_tls_in_tls(self):
        with Origin(context=tls()) as origin, HttpProxy(context=tls()) as proxy:
            result = run('--proxy', proxy.url(), '--proxy-cacert', path('root.crt'), '--cacert',
                         path('root.crt'), '--keylog', path('keys'), origin.url)
            self.check(result, CLOSED)
        with open(path('keys'), encoding='ascii') as file:
            self.assertEqual(len({line.split()[1] for line in file}), 2)  # of both, RFC 9850

    def test_login_by_basic(self):
        with HttpProxy(self.names(), Login(*THEIRS, 'Basic')) as proxy:
            self.echo('--proxy', proxy.url('proxy-user:proxy-word@'))
        self.assertEqual([head.get('Proxy-Authorization') for head in proxy.heads],
                         [None, basic(*THEIRS)])

    def test_login_by_digest(self):
        for schemes in ('MD5',), ('SHA-256',), ('Basic', 'MD5', 'SHA-256'):
            with self.subTest(schemes=schemes), \
                    HttpProxy(self.names(), Login(*THEIRS, *schemes)) as proxy:
                self.echo('--proxy', proxy.url('proxy-user:proxy-word@'))
                self.assertRegex(proxy.heads[1].get('Proxy-Authorization'),
                                 f'^Digest .*algorithm={schemes[-1]}')

    def test_login_that_fails_is_2(self):
        for schemes in ('Basic',), ('MD5',):
            for userinfo in '', 'proxy-user:wrong@':
                with self.subTest(schemes=schemes, userinfo=userinfo), \
                        HttpProxy(self.names(), Login(*THEIRS, *schemes)) as proxy:
                    result = run('--proxy', proxy.url(userinfo), f'ws://{NAME}')
                    self.check_one_line(result, REFUSED, 'could not connect: proxy: proxy did not'
                                        f' accept the credentials: proxy {proxy.url()}: .*407')
                    self.assertEqual(proxy.targets, [])

    def test_refusal_shows_the_first_line_of_its_body(self):
        refusal = b'HTTP/1.1 403 No\r\nX-A: 1\r\nContent-Length: 9\r\n\r\nnot you\n\n'
        with HttpProxy(refusal=refusal) as proxy:
            result = run('--proxy', proxy.url(), f'ws://{NAME}')
            self.check_one_line(result, REFUSED, f'could not connect: proxy: .*{proxy.url()}: '
                                '.*403.*: not you\n$')
            result = run('--include', '--proxy', proxy.url(), f'ws://{NAME}')
            self.check_one_line(result, REFUSED, '403', b'HTTP 403\nX-A: 1\nContent-Length: 9\n\n'
                                b'not you\n\n')

    def check_one_line(self, result, status, err, out=b''):
        self.check(result, status, out, err)
        self.assertEqual(result.err.count('\n'), 1, result.err)

    def test_credentials_stay_where_they_belong(self):
        """Of a first proxy, a second one, and the server; everything that passed is looked at."""
        outer, inner = Login('outer-user', 'outer-word', 'Basic'), Login(*THEIRS, 'Basic')
        with HttpProxy(login=outer) as first, HttpProxy(login=inner) as second, \
                Origin() as origin:
            first.names['second.test'] = second.port
            second.names[NAME] = origin.port
            self.check(run('--proxy', first.url('outer-user:outer-word@'), '--proxy',
                           'http://proxy-user:proxy-word@second.test', '-H', 'Cookie: a=cookie',
                           '-H', 'X-Token: token', f'ws://{USER}:{PASSWORD}@{NAME}/'), CLOSED)
        for head in first.heads + second.heads:
            for name in 'Authorization', 'Cookie', 'X-Token':
                self.assertIsNone(head.get(name))
        credentials = [basic('outer-user', 'outer-word'), basic(*THEIRS), basic(USER, PASSWORD)]
        self.assertEqual([head.get('Proxy-Authorization') for head in first.heads],
                         [None, credentials[0]])
        self.assertEqual([head.get('Proxy-Authorization') for head in second.heads],
                         [None, credentials[1]])
        self.assertNotIn(credentials[0].encode(), first.sent[0])
        self.assertIn(credentials[1].encode(), first.sent[0])
        self.assertNotIn(credentials[1].encode(), second.sent[0])
        self.assertEqual([head.get(name) for head in origin.heads
                          for name in ('Authorization', 'Cookie', 'Proxy-Authorization')],
                         [credentials[2], 'a=cookie', None])

    def test_verbose_shows_every_proxy_and_no_secret(self):
        secrets = ('proxy-word', PASSWORD, 'a=cookie', basic(*THEIRS)[6:],
                   basic(USER, PASSWORD)[6:])
        with SocksProxy() as first, HttpProxy(login=Login(*THEIRS, 'Basic')) as second, \
                Origin() as origin:
            first.names['second.test'] = second.port
            second.names[NAME] = origin.port
            result = run('-vv', '--proxy', first.url('socks5h'), '--proxy',
                         'http://proxy-user:proxy-word@second.test', '-H', 'Cookie: a=cookie',
                         f'ws://{USER}:{PASSWORD}@{NAME}/')
        proxies = [first.url('socks5h'), 'http://second.test:80']
        hops = ''.join(fr'\* proxy {proxy}: asking for a tunnel to {target} port 80\n'
                       fr'(?s:.*)\* proxy {proxy}: tunnel is open\n(?s:.*)'
                       for proxy, target in zip(proxies, ('second.test', NAME)))
        self.check(result, CLOSED, b'', hops + fr'\* through {" ".join(proxies)}\n')
        for secret in secrets:
            self.assertNotIn(secret, result.err)

    def test_verbose_tells_the_proxies_of_a_failure(self):
        with HttpProxy(refusal=b'HTTP/1.1 403 No\r\n\r\n') as proxy:
            result = run('-v', '--proxy', proxy.url(), f'ws://{NAME}')
        self.check(result, REFUSED, b'', fr'\* connected to 127\.0\.0\.1 port {proxy.port}\n'
                   fr'\* through {proxy.url()}\n')


class Choice(AccessTest):
    """Which proxies."""

    def test_environment(self):
        with HttpProxy(self.names()) as proxy:
            for name in 'ws_proxy', 'WS_PROXY', 'http_proxy', 'all_proxy', 'ALL_PROXY':
                with self.subTest(name=name):
                    self.echo(env=environment(**{name: proxy.url()}))
            self.assertEqual(proxy.targets, 5 * [f'{NAME}:81'])
            address = f'127.0.0.1:{echo_port}'
            self.echo(env=environment(ws_proxy=proxy.url()), url=f'ws://{address}/')
            self.assertEqual(len(proxy.targets), 5)

    def test_environment_of_wss(self):
        with Origin(context=tls()) as origin, HttpProxy({'wss.test': origin.port}) as proxy:
            for name in 'wss_proxy', 'https_proxy', 'HTTPS_PROXY':
                with self.subTest(name=name):
                    result = run('--cacert', path('root.crt'), 'wss://wss.test',
                                 env=environment(http_proxy='http://b', **{name: proxy.url()}))
                    self.check(result, CLOSED)
            self.assertEqual(proxy.targets, 3 * ['wss.test:443'])

    def direct(self, *options, **variables):
        """The name has an address here, and no proxy is asked."""
        with HttpProxy() as proxy:
            self.echo('--resolve', f'{NAME}:{echo_port}:127.0.0.1',
                      *[option.replace('PROXY', proxy.url()) for option in options],
                      url=f'ws://{NAME}:{echo_port}/',
                      env=environment(**{name: value.replace('PROXY', proxy.url())
                                         for name, value in variables.items()}))
            self.assertEqual(proxy.heads, [])

    def test_no_proxy(self):
        self.direct('--no-proxy', ws_proxy='PROXY')
        self.direct('--no-proxy', all_proxy='ftp://a')
        self.direct('--no-proxy', '--proxy', 'PROXY')
        self.direct(f'--no-proxy={NAME}', ws_proxy='PROXY')
        self.direct('--no-proxy=a, test', '--proxy', 'PROXY')
        self.direct(ws_proxy='PROXY', no_proxy='*')
        self.direct(HTTP_PROXY='PROXY')

    def test_list_takes_the_place_of_the_variable(self):
        with HttpProxy(self.names()) as proxy:
            for given in '--no-proxy=', '--no-proxy=other.test':
                self.echo(given, env=environment(ws_proxy=proxy.url(), no_proxy='*'))
            self.assertEqual(len(proxy.targets), 2)

    def test_option_takes_the_place_of_the_environment(self):
        with HttpProxy(self.names()) as proxy:
            self.echo('--proxy', proxy.url(), env=environment(ws_proxy='http://127.0.0.1:1'))
            self.echo('--proxy', proxy.url(), env=environment(ws_proxy='ftp://a', no_proxy='*'))
            self.echo('--proxy', proxy.url(), url=f'ws://127.0.0.1:{echo_port}/')
            self.assertEqual(len(proxy.targets), 3)


def begin(arguments):
    """With the programs of the command line, and without proxies of the environment."""
    cli_test.WSUV, cli_test.ECHO = arguments[1:3]
    heed_signals()
    for name in list(os.environ):
        if name.lower().endswith('_proxy'):
            del os.environ[name]


if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    begin(sys.argv)
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
