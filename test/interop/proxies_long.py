#!/usr/bin/python3
"""What takes its time with real proxies in front of a server: they read their configuration again
while sessions are open, cut sessions that are silent, and pass on much data.

    proxies_long.py ORIGIN_SERVER WSUV_ECHO BULK_CLIENT [unittest's arguments]

nginx, haproxy, apache and caddy. One that is not installed is a failure. What much data costs is
printed.
"""

import contextlib
import os
import re
import select
import signal
import struct
import subprocess
import sys
import time
import unittest

import proxies
from echo_program import Echo

ECHO = BULK_CLIENT = None
CLOSE, PING, PONG = 8, 9, 10  # opcodes
PATIENCE = proxies.PATIENCE
IDLE = 1  # seconds, the idle timeout of the proxies
PING_INTERVAL = 300  # ms
PINGS = 10  # nothing else is sent for 3 s
MESSAGES, SIZE = 1024, 1 << 20  # 1 GiB
RESIDENT_MAX = 16  # MiB, of a server through which that has gone
BULK_PATIENCE = 120  # seconds


def wait_for_end(pids):
    """Of processes that need not be children of this one."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError), os.fdopen(os.pidfd_open(int(pid))) as process:
            if not select.select([process], [], [], PATIENCE)[0]:
                raise AssertionError(f'process {pid} does not end')


def children_of(pid):
    with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as children:
        return set(children.read().split())


# --- the proxies, as services run them: with processes that can be replaced ---


class Workers:
    """Of a proxy whose first process replaces the others on a signal."""

    RELOAD = None

    def workers(self):
        return children_of(self.process.pid)

    def reload(self):
        self.process.send_signal(self.RELOAD)


class Nginx(Workers, proxies.Nginx):
    RELOAD = signal.SIGHUP

    def __init__(self, server, tls=False, idle=None, ending=None):
        fields = proxies.NGINX_X + (f'proxy_read_timeout {idle}s;' if idle else '')
        master = f'on; worker_shutdown_timeout {ending}s' if ending else 'on'
        super().__init__(server, fields, tls, master=master)


class Haproxy(Workers, proxies.Haproxy):
    RELOAD = signal.SIGUSR2

    def __init__(self, server, tls=False, idle=None, ending=None):
        super().__init__(server, 'http', proxies.HAPROXY_X, tls=tls,
                         tunnel=f'{idle}s' if idle else '1h',
                         more=f'hard-stop-after {ending}s' if ending else '')


class Apache(Workers, proxies.Apache):
    RELOAD = signal.SIGUSR1

    def __init__(self, server, tls=False, idle=None):
        more = 'StartServers 1\nMinSpareThreads 1\n'
        if idle:
            more += f'Timeout {idle}\nProxyTimeout {idle}\n'
        if tls:
            more += (f'LoadModule ssl_module {self.MODULES}/mod_ssl.so\nSSLEngine on\n'
                     f'SSLCertificateFile {proxies.path("good.crt")}\n'
                     f'SSLCertificateKeyFile {proxies.path("good.key")}\n')
        super().__init__(server, more)


class Caddy(proxies.Caddy):
    def __init__(self, server, tls=False):
        more = f'tls {proxies.path("good.crt")} {proxies.path("good.key")}' if tls else ''
        super().__init__(server, 'https' if tls else 'http', f'unix//{proxies.path("admin.sock")}',
                         more)

    def reload(self):
        subprocess.run(['caddy', 'reload', '--force', '--adapter', 'caddyfile', '--config',
                        os.path.join(self.folder, 'config')], check=True, timeout=PATIENCE,
                       stderr=subprocess.DEVNULL)


class Session(proxies.Client):
    """It is open when the `with` block begins."""

    def __enter__(self):
        status = self.ask()
        if status != 101:
            raise AssertionError(f'status {status}')
        self.text()
        return self

    def echo(self, text):
        self.send(text.encode())
        return self.text()

    def close(self):
        """The code that is answered."""
        self.send(struct.pack('>H', 1000), CLOSE)
        opcode, payload = self.frame()
        return opcode == CLOSE and struct.unpack('>H', payload)[0]

    def answer_pings(self, count):
        for _ in range(count):
            opcode, payload = self.frame()
            if opcode != PING:
                raise AssertionError(f'opcode {opcode}')
            self.send(payload, PONG)


ENDED = r'^\S+ - .* close=(\d+) by=(\w+) result=(\w+) .* clean=(\d) left=(\d+)$'
CLOSED = ('1000', 'peer', 'OK', '1')  # by the client
CUT = ('1006', 'none', 'EOF', '0')
RESET = ('1006', 'none', 'ECONNRESET', '0')
UNMASKED = ('1002', 'us', 'WSUV_EPROTOCOL', '0')  # the close frame of caddy 2.6


class LongTest(unittest.TestCase):
    def ends_of(self, server, count):
        """How so many sessions have ended, of which there is no more."""
        ends = server.log.find_all(ENDED, count)
        self.assertEqual(len(ends), count)
        self.assertEqual(ends[-1][-1], '0')  # sessions that are left
        return [end[:-1] for end in ends]


class Reload(LongTest):
    """Sessions are open meanwhile."""

    def opens(self, proxy):
        with Session(proxy.port) as session:
            self.assertEqual(session.echo('new'), 'new')
            self.assertEqual(session.close(), 1000)

    def opens_until_reloaded(self, proxy, old):
        """How many sessions were opened. The last one was after there was a new worker."""
        count = 0
        end = time.monotonic() + PATIENCE
        while not proxy.workers() - old:
            self.assertLess(time.monotonic(), end)
            self.opens(proxy)
            count += 1
        self.opens(proxy)
        return count + 1

    def check_kept(self, make):
        """A session that is open goes on, and keeps its worker."""
        with proxies.Server('--x') as server, make(server) as proxy:
            with Session(proxy.port) as kept:
                old = proxy.workers()
                proxy.reload()
                count = self.opens_until_reloaded(proxy, old)
                self.assertEqual(kept.echo('kept'), 'kept')
                self.assertTrue(old & proxy.workers())
                self.assertEqual(kept.close(), 1000)
                self.assertIsNone(kept.frame())
            wait_for_end(old)
            self.assertEqual(self.ends_of(server, count + 1), [CLOSED] * (count + 1))

    def check_ended(self, make):
        """A session that is open is cut when the time for it is over."""
        with proxies.Server('--x') as server, make(server, ending=1) as proxy:
            with Session(proxy.port) as cut:
                old = proxy.workers()
                proxy.reload()
                self.assertIsNone(cut.frame())
            wait_for_end(old)
            self.opens(proxy)
            self.assertEqual(self.ends_of(server, 2), [CUT, CLOSED])

    def test_reload_of_nginx(self):
        self.check_kept(Nginx)

    def test_reload_of_nginx_with_a_time_for_the_old(self):
        self.check_ended(Nginx)

    def test_reload_of_haproxy(self):
        self.check_kept(Haproxy)

    def test_reload_of_haproxy_with_a_time_for_the_old(self):
        self.check_ended(Haproxy)

    def test_reload_of_apache(self):
        self.check_kept(Apache)

    def test_reload_of_caddy(self):
        """It ends sessions with close frames to both ends; that to the server is not masked."""
        with proxies.Server('--x') as server, Caddy(server) as proxy:
            with Session(proxy.port) as left:
                proxy.reload()
                self.assertEqual(left.frame(), (CLOSE, struct.pack('>H', 1001)))
            self.opens(proxy)
            self.assertEqual(self.ends_of(server, 2), [UNMASKED, CLOSED])


class Idle(LongTest):
    """The timeout is a second."""

    def check_cut(self, make, *ends):
        """A silent session, which has one of these ends."""
        with proxies.Server('--x') as server, make(server, idle=IDLE) as proxy:
            with Session(proxy.port) as session:
                self.assertIsNone(session.frame())
            self.assertIn(self.ends_of(server, 1)[0], ends)

    def check_kept(self, make):
        """A session whose server sends pings."""
        with proxies.Server('--x', '--ping', str(PING_INTERVAL)) as server, \
                make(server, idle=IDLE) as proxy:
            with Session(proxy.port) as session:
                session.answer_pings(PINGS)
                self.assertEqual(session.close(), 1000)
            self.assertEqual(self.ends_of(server, 1), [CLOSED])

    def test_silence_through_nginx(self):
        self.check_cut(Nginx, CUT)

    def test_pings_through_nginx(self):
        self.check_kept(Nginx)

    def test_silence_through_haproxy(self):
        """Towards the server haproxy 2.6 sends a reset mostly, but a FIN was seen, too."""
        self.check_cut(Haproxy, RESET, CUT)

    def test_pings_through_haproxy(self):
        self.check_kept(Haproxy)

    def test_silence_through_apache(self):
        self.check_cut(Apache, CUT)

    def test_pings_through_apache(self):
        self.check_kept(Apache)


# --- much data ---


def cpu_of(process):
    """Seconds, of it and the processes that it began."""
    total = 0
    for pid in (process.pid, *children_of(process.pid)):
        with open(f'/proc/{pid}/stat', encoding='ascii') as stat:
            fields = stat.read().rpartition(')')[2].split()
        total += int(fields[11]) + int(fields[12])  # user and system
    return total / os.sysconf('SC_CLK_TCK')


def resident(pid):
    """MiB, at most until now."""
    with open(f'/proc/{pid}/status', encoding='ascii') as status:
        return int(re.search(r'^VmHWM:\s+(\d+) kB$', status.read(), re.M).group(1)) / 1024


class Bulk(unittest.TestCase):
    """1 GiB goes to the server and comes back."""

    def check(self, make):
        for tls in (False, True):
            with self.subTest(tls=tls), Echo(ECHO) as server, make(server, tls) as proxy:
                url = f'{"wss" if tls else "ws"}://localhost:{proxy.port}/'
                begun = time.monotonic()
                client = subprocess.run(
                    [BULK_CLIENT, url, str(MESSAGES), str(SIZE)], capture_output=True, text=True,
                    timeout=BULK_PATIENCE, env={'SSL_CERT_FILE': proxies.path('root.crt')})
                self.assertEqual((client.returncode, client.stdout, client.stderr),
                                 (0, f'{MESSAGES} messages\n', ''))
                print(f'{make.__name__}{" with TLS" if tls else ""}: '
                      f'{time.monotonic() - begun:.1f} s; CPU of the proxy '
                      f'{cpu_of(proxy.process):.1f} s, of the server '
                      f'{cpu_of(server.process):.1f} s; memory of the server '
                      f'{resident(server.process.pid):.1f} MiB')
                self.assertLess(resident(server.process.pid), RESIDENT_MAX)

    def test_bulk_through_nginx(self):
        self.check(Nginx)

    def test_bulk_through_haproxy(self):
        self.check(Haproxy)

    def test_bulk_through_apache(self):
        self.check(Apache)

    def test_bulk_through_caddy(self):
        self.check(Caddy)


def main(arguments):
    global ECHO, BULK_CLIENT
    server, ECHO, BULK_CLIENT, *arguments = arguments
    with proxies.installed(server, 'nginx', 'haproxy', 'apache2', 'caddy'):
        unittest.main(argv=[sys.argv[0], *arguments])


if __name__ == '__main__':
    main(sys.argv[1:])
