#!/usr/bin/python3
"""The program wsuv through real proxies, to servers over ws and wss, IPv4 and IPv6.

    client_proxies.py WSUV [--all] [unittest's arguments]

tinyproxy, microsocks, haproxy with TLS in front, and one squid if it is installed; with --all also
more of squid, dante, stunnel, and longer chains. dante, and a name server for squid, want
the rights of root. Any other proxy that is missing is a failure.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import certs
from forward_proxies import (IPV6, LOGIN, Dante, HaproxyTls, Microsocks, NoNames, Squid, Stunnel,
                             Tinyproxy)
from lines import PATIENCE, Lines
from reverse_proxy import free_port

PATTERN = bytes(range(251)) * 5000  # 1.2 MB
WRONG = LOGIN.replace('e@', 'f@')
LONG_NAME = 'x' * 64 + '.invalid'  # no resolver asks anybody for it: a label has 63 characters
WSUV = FOLDER = None
EVERY = sys.argv[2:3] == ['--all']


def path(name):
    return os.path.join(FOLDER, name)


def is_there(program):
    return shutil.which(program, path='/usr/sbin:/usr/bin:/sbin:/bin') is not None


def nightly(test):
    return unittest.skipUnless(EVERY, 'nightly')(test)


class Echo:
    """`wsuv --listen --echo`, ended with a `with` block. `host` is in its URL, and a name of its
    certificate, NAME.crt."""

    def __init__(self, address, host, certificate=None):
        self.command = [WSUV, '--listen', f'{address}:0', '--echo']
        self.host = host
        if certificate is not None:
            self.command += ['--cert', path(f'{certificate}.crt'),
                             '--key', path(f'{certificate}.key')]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stderr=subprocess.PIPE, bufsize=0)
        scheme, self.port = Lines(self.process.stderr).find(r'on (\w+)://.*:(\d+)/$').groups()
        self.url = f'{scheme}://{self.host}:{self.port}/'
        return self

    def __exit__(self, *_):
        self.process.terminate()
        status = self.process.wait(PATIENCE)
        self.process.stderr.close()
        if status != 0:
            raise RuntimeError(f'the server has ended with {status}')


def setUpModule():
    """The servers, by scheme and family; localhost is the name of those of IPv4."""
    global stack, servers
    with contextlib.ExitStack() as made:
        servers = {name: made.enter_context(Echo(*arguments)) for name, arguments in {
            'ws': ('127.0.0.1', 'localhost'), 'wss': ('127.0.0.1', 'localhost', 'good'),
            'ws6': ('[::1]', '[::1]'), 'wss6': ('[::1]', '[::1]', 'ipv6')}.items()}
        stack = made.pop_all()


def tearDownModule():
    stack.close()


def run(*options, data=b''):
    return subprocess.run([WSUV, *options], input=data, capture_output=True, timeout=PATIENCE,
                          check=False)


class ProxyTest(unittest.TestCase):
    def start(self, kind, *arguments, **options):
        return self.enterContext(kind(FOLDER, *arguments, **options))

    def front(self, kind, behind, name='good'):
        """TLS in front of another, with this certificate."""
        with open(path(f'{name}.both'), 'w', encoding='ascii') as pem:
            for part in 'crt', 'key':
                with open(path(f'{name}.{part}'), encoding='ascii') as file:
                    pem.write(file.read())
        return self.start(kind, behind, path(f'{name}.both'))

    def options(self, proxies):
        options = ['--cacert', path('root.crt'), '--proxy-cacert', path('root.crt')]
        for url in proxies:
            options += ['--proxy', url]
        return options

    def passes(self, url, *proxies):
        done = run('-v', '-b', '-n', '1', *self.options(proxies), url, data=PATTERN)
        log = done.stderr.decode()
        self.assertEqual(done.returncode, 0, log)
        self.assertTrue(done.stdout == PATTERN)
        shown = [re.sub('//.*@', '//', proxy) for proxy in proxies]
        self.assertEqual(re.findall(r'proxy (\S+): tunnel is open', log), shown, log)

    def passes_to(self, names, *proxies):
        for name in names:
            with self.subTest(server=name, proxies=proxies):
                self.passes(servers[name].url, *proxies)

    def passes_to_all(self, *proxies):
        self.passes_to(servers, *proxies)
        with self.subTest('address', proxies=proxies):
            self.passes(f'ws://127.0.0.1:{servers["ws"].port}/', *proxies)

    def fails(self, url, text, *proxies, more=()):
        with self.subTest(url=url, proxies=proxies):
            done = run(*self.options(proxies), *more, url)
            log = done.stderr.decode()
            self.assertEqual((done.returncode, done.stdout), (2, b''), log)
            self.assertRegex(log, f'^wsuv: could not connect: {text}.*\\n$')
            self.assertEqual(log.count('\n'), 1)
            self.assertNotIn(LOGIN.split(':')[1][:-1], log)

    def wants_login(self, proxy, **scheme):
        """Right, and wrong in two ways."""
        self.passes_to(('ws', 'wss'), proxy.url(LOGIN, **scheme))
        for userinfo in '', WRONG:
            self.fails(servers['ws'].url, 'proxy: proxy did not accept the credentials',
                       proxy.url(userinfo, **scheme))


class TinyproxyTest(ProxyTest):
    def test_passes(self):
        self.passes_to_all(self.start(Tinyproxy).url())

    def test_login(self):
        self.wants_login(self.start(Tinyproxy, login=True))

    def test_refusals(self):
        proxy = self.start(Tinyproxy, more='ConnectPort 443')
        self.fails(servers['ws'].url, 'proxy: proxy refused.*403', proxy.url())

    def test_server_that_is_not_there(self):
        proxy = self.start(Tinyproxy)
        for host in f'localhost:{free_port()}', LONG_NAME:
            self.fails(f'ws://{host}', 'proxy: proxy refused.*HTTP 500', proxy.url())


class SquidTest(ProxyTest):
    @unittest.skipUnless(is_there('squid') or EVERY, 'squid is not installed')
    def test_digest(self):
        self.wants_login(self.start(Squid, 'digest'))

    @nightly
    def test_passes(self):
        self.passes_to_all(self.start(Squid).url())

    @nightly
    def test_basic(self):
        self.wants_login(self.start(Squid, 'basic'))

    @nightly
    def test_port_80_is_forbidden(self):
        """By the lists of Debian's configuration."""
        proxy = self.start(Squid, ports='443')
        self.fails('ws://localhost/', 'proxy: proxy refused.*403', proxy.url())

    @nightly
    def test_server_that_is_not_there(self):
        proxy = self.start(Squid)
        self.fails(f'ws://localhost:{free_port()}', 'proxy: proxy refused.*HTTP 503, '
                   'ERR_CONNECT_FAIL', proxy.url())

    @nightly
    def test_name_that_is_not_there(self):
        """Squid 5.7 does not say that it is the name: ERR_DNS_FAIL is that of others."""
        with NoNames() as names:
            proxy = self.start(Squid, names=names.address)
            self.fails('ws://name.invalid', 'proxy: proxy (refused.*HTTP 500, ERR_CANNOT_FORWARD|'
                       'could not look up the name.*ERR_DNS_FAIL)', proxy.url())


class MicrosocksTest(ProxyTest):
    def test_passes(self):
        proxy = self.start(Microsocks)
        self.passes_to_all(proxy.url())
        self.passes_to_all(proxy.url(scheme='socks5h'))

    def test_login(self):
        self.wants_login(self.start(Microsocks, login=True), scheme='socks5h')

    def test_server_that_is_not_there(self):
        proxy = self.start(Microsocks)
        self.fails(f'ws://localhost:{free_port()}', 'proxy: proxy refused', proxy.url())
        self.fails(f'ws://{LONG_NAME}', 'proxy: proxy refused', proxy.url(scheme='socks5h'))


@nightly
class DanteTest(ProxyTest):
    def test_passes(self):
        proxy = self.start(Dante)
        self.passes_to_all(proxy.url())
        self.passes_to_all(proxy.url(scheme='socks5h'))
        self.passes_to(('ws', 'wss'), proxy.url(scheme='socks4'))

    def test_names_of_socks_4a(self):
        """It connects to 0.0.0.1, which stands for a name there."""
        self.fails(servers['ws'].url, 'proxy: proxy refused.*91',
                   self.start(Dante).url(scheme='socks4a'))

    def test_login_that_fails(self):
        proxy = self.start(Dante, 'username')
        for userinfo in '', WRONG:
            self.fails(servers['ws'].url, 'proxy: proxy did not accept the credentials',
                       proxy.url(userinfo))

    def test_refusals(self):
        rules = 'socks block { from: 0/0 to: 0/0 }\n'
        proxy = self.start(Dante, rules=rules)
        for scheme in 'socks4', 'socks5':
            self.fails(servers['ws'].url, 'proxy: proxy refused', proxy.url(scheme=scheme))

    def test_server_that_is_not_there(self):
        proxy = self.start(Dante)
        for scheme in 'socks4', 'socks5':
            self.fails(f'ws://localhost:{free_port()}', 'proxy: proxy refused',
                       proxy.url(scheme=scheme))
        self.fails(f'ws://{LONG_NAME}', 'proxy: proxy refused', proxy.url(scheme='socks5h'))

    def test_ipv6_has_no_socks_4(self):
        proxy = self.start(Dante)
        self.fails(servers['ws6'].url, 'proxy: ', proxy.url(scheme='socks4'))


class TlsTest(ProxyTest):
    def test_haproxy_before_tinyproxy(self):
        proxy = self.front(HaproxyTls, self.start(Tinyproxy))
        self.passes_to_all(proxy.url(host='localhost'))

    @nightly
    def test_stunnel_before_squid(self):
        proxy = self.front(Stunnel, self.start(Squid))
        self.passes_to_all(proxy.url(host='localhost'))

    @nightly
    def test_logins(self):
        for kind, behind in ((HaproxyTls, self.start(Tinyproxy, login=True)),
                             (Stunnel, self.start(Squid, 'basic')),
                             (Stunnel, self.start(Squid, 'digest'))):
            with self.subTest(kind=kind.__name__, behind=type(behind).__name__):
                self.wants_login(self.front(kind, behind), host='localhost')

    @nightly
    def test_certificates_that_are_not_accepted(self):
        behind = self.start(Tinyproxy)
        for kind in HaproxyTls, Stunnel:
            for name in 'unknown-ca', 'wrong-name', 'expired':
                proxy = self.front(kind, behind, name)
                self.fails(servers['ws'].url, '.*certificate', proxy.url(host='localhost'))

    @nightly
    def test_address_in_the_url(self):
        self.passes_to(('ws', 'wss'), self.front(Stunnel, self.start(Squid), 'ipv4').url())

    @nightly
    def test_plain_proxy_for_a_proxy_of_tls(self):
        """It waits for more of the ClientHello, which is no line."""
        self.fails(servers['ws'].url, 'proxy: connection timed out: proxy https://',
                   self.start(Tinyproxy).url(scheme='https'), more=('--timeout', '0.5'))


class ChainTest(ProxyTest):
    def test_http_and_socks(self):
        tinyproxy, microsocks = self.start(Tinyproxy), self.start(Microsocks)
        self.passes_to_all(microsocks.url(), tinyproxy.url())
        self.passes_to_all(tinyproxy.url(), microsocks.url(scheme='socks5h'))
        self.passes_to(servers, tinyproxy.url(), microsocks.url(host='localhost'))

    @nightly
    def test_logins_of_each(self):
        squid, microsocks = self.start(Squid, 'digest'), self.start(Microsocks, login=True)
        self.passes_to(servers, microsocks.url(LOGIN), squid.url(LOGIN))
        self.passes_to(servers, squid.url(LOGIN), microsocks.url(LOGIN))
        for urls in (microsocks.url(LOGIN), squid.url(WRONG)), (microsocks.url(WRONG), squid.url()):
            self.fails(servers['ws'].url, 'proxy: proxy did not accept the credentials', *urls)

    @nightly
    def test_tls(self):
        first = self.front(HaproxyTls, self.start(Tinyproxy)).url(host='localhost')
        second = self.front(Stunnel, self.start(Squid)).url(host='localhost')
        socks = self.start(Microsocks)
        self.passes_to_all(socks.url(), first)
        self.passes_to_all(first, socks.url())
        self.passes_to_all(first, second)
        self.passes_to_all(first, socks.url(), second)

    @nightly
    def test_socks_4(self):
        dante, microsocks = self.start(Dante), self.start(Microsocks)
        self.passes_to_all(dante.url(scheme='socks4'), microsocks.url())
        self.passes_to(('ws', 'wss'), microsocks.url(), dante.url(scheme='socks4'))


@nightly
class Ipv6Test(ProxyTest):
    """Proxies on ::1."""

    def test_passes(self):
        for kind in Tinyproxy, Squid, Microsocks:
            with self.subTest(kind=kind.__name__):
                self.passes_to(('ws', 'wss6'), self.start(kind, host=IPV6).url())

    def test_chain(self):
        proxies = [self.start(kind, host=IPV6).url() for kind in (Tinyproxy, Microsocks, Squid)]
        self.passes_to_all(*proxies)


def main(arguments):
    global WSUV, FOLDER
    program, WSUV, *rest = arguments
    wanted = ['tinyproxy', 'microsocks', 'haproxy']
    missing = [name for name in wanted + EVERY * ['squid', 'danted', 'stunnel4']
               if not is_there(name)]
    if missing:
        sys.exit(f'NOT INSTALLED: {" ".join(missing)}')
    with tempfile.TemporaryDirectory() as FOLDER:
        os.chmod(FOLDER, 0o755)  # squid gives its rights away
        certs.make(FOLDER)
        unittest.main(argv=[program, *rest[EVERY:]])


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv)
