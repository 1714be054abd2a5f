"""Proxies that a client goes through, each started on a port of its own at 127.0.0.1 or ::1."""

import contextlib
import os
import signal
import socket
import subprocess
import threading

import reverse_proxy
import run
from lines import PATIENCE

IPV4, IPV6 = '127.0.0.1', '::1'
USER, PASSWORD = 'aladdin', 'open-sesame'
LOGIN = f'{USER}:{PASSWORD}@'
PAUSE = 0.02  # seconds between two attempts to reach a program that says nothing when it listens


class Proxy(reverse_proxy.Proxy):
    """It is ready when it accepts connections. `scheme` is that of its URL, whose host is `host`.
    What it writes is in the file `log` of its folder."""

    SCHEME = 'http'
    PROGRAM = PACKAGE = None

    def __init__(self, parent, text='', host=IPV4, **values):
        super().__init__(parent, text, host=host, authority=f'[{host}]' if ':' in host else host,
                         **values)
        self.host = host
        os.chmod(self.folder, 0o755)  # squid gives its rights away

    def program(self):
        return run.program(self.PROGRAM, self.PACKAGE or self.PROGRAM)

    def url(self, userinfo='', scheme=None, host=None):
        host = host or self.values['authority']
        return f'{scheme or self.SCHEME}://{userinfo}{host}:{self.port}'

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), 'w', encoding='ascii') as file:
            file.write(text)
        return self.path(name)

    def start(self, **options):
        self.port = reverse_proxy.free_port()
        config = self.write('config', self.text.format(folder=self.folder, port=self.port,
                                                       **self.values))
        with open(self.path('log'), 'wb') as log:
            self.process = subprocess.Popen(self.command(config), stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, start_new_session=True,
                                            **options)

    def log_text(self):
        with open(self.path('log'), encoding='utf-8', errors='replace') as file:
            return file.read()

    def wait_until_ready(self):
        pause = threading.Event()
        for _ in range(int(PATIENCE / PAUSE)):
            with contextlib.suppress(ConnectionRefusedError):
                socket.create_connection((self.host, self.port)).close()
                return
            if self.process.poll() is not None:
                raise EOFError(self.log_text())
            pause.wait(PAUSE)
        raise TimeoutError(f'{self.PROGRAM} does not listen: {self.log_text()}')

    def stop(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(PATIENCE)


TINYPROXY = '''
Port {port}
Listen {host}
LogLevel Connect
{more}
'''


class Tinyproxy(Proxy):
    """`login`: it wants user name and password, by Basic."""

    PROGRAM, PACKAGE = 'tinyproxy', 'tinyproxy-bin'

    def __init__(self, parent, login=False, more='', host=IPV4):
        if login:
            more += f'\nBasicAuth {USER} {PASSWORD}'
        super().__init__(parent, TINYPROXY, host, more=more)

    def command(self, config):
        return [self.program(), '-d', '-c', config]


# Of Debian's configuration: CONNECT to port 443 only. These ports are others.
SQUID = '''
http_port {authority}:{port}
{login}
acl SSL_ports port {ports}
http_access deny CONNECT !SSL_ports
{access}
http_access deny all
cache deny all
cache_log /dev/null
access_log none
cache_store_log none
pid_filename none
netdb_filename none
pinger_enable off
coredump_dir {folder}
shutdown_lifetime 0 seconds
max_filedescriptors 256
visible_hostname localhost
{names}
'''

SQUID_LOGIN = '''
auth_param {scheme} program /usr/lib/squid/{helper} {folder}/users
auth_param {scheme} children 1 startup=1
auth_param {scheme} realm test
acl known proxy_auth REQUIRED
'''


class Squid(Proxy):
    """`scheme` is 'basic' or 'digest', by which it wants user name and password; None: it wants
    none. `ports` may be connected to. `names`: the address of its name server."""

    PROGRAM = 'squid'
    HELPERS = {'basic': 'basic_ncsa_auth', 'digest': 'digest_file_auth'}

    def __init__(self, parent, scheme=None, ports='1-65535', host=IPV4, names=None):
        super().__init__(parent, SQUID, host, ports=ports,
                         names=f'dns_nameservers {names}' if names else '')
        self.values.update(login='', access='http_access allow all')
        if scheme is not None:
            self.values.update(
                login=SQUID_LOGIN.format(scheme=scheme, helper=self.HELPERS[scheme],
                                         folder=self.folder),
                access='http_access allow known')
            self.write('users', self.users(scheme))

    @staticmethod
    def users(scheme):
        if scheme == 'digest':
            return f'{USER}:{PASSWORD}\n'
        done = subprocess.run(['openssl', 'passwd', '-apr1', PASSWORD], capture_output=True,
                              text=True, check=True, timeout=PATIENCE)
        return f'{USER}:{done.stdout}'

    def command(self, config):
        service = f'wsuv{self.port}'  # its name for shared memory
        return [self.program(), '-n', service, '-N', '-d', '1', '-f', config]


class Microsocks(Proxy):
    SCHEME = 'socks5'
    PROGRAM = 'microsocks'

    def __init__(self, parent, login=False, host=IPV4):
        super().__init__(parent, '', host)
        self.login = ['-u', USER, '-P', PASSWORD] if login else []

    def command(self, config):
        return [self.program(), '-i', self.host, '-p', str(self.port), *self.login]


DANTE = '''
logoutput: stderr
internal: {host} port = {port}
external: lo
clientmethod: none
socksmethod: {method}
user.privileged: root
user.unprivileged: nobody
client pass {{ from: 0/0 to: 0/0 }}
{rules}
'''

DANTE_PASS = 'socks pass {{ from: 0/0 to: 0/0 {more} }}\n'


class Dante(Proxy):
    """It wants the rights of root. `method` is 'none', or 'username' for those of users of the
    system."""

    SCHEME = 'socks5'
    PROGRAM, PACKAGE = 'danted', 'dante-server'

    def __init__(self, parent, method='none', rules=DANTE_PASS.format(more=''), host=IPV4):
        super().__init__(parent, DANTE, host, method=method, rules=rules)

    def command(self, config):
        return [self.program(), '-f', config, '-N', '1']


class NoNames:
    """A name server at port 53, which squid asks there only: no name exists (RFC 1035 4.1.1)."""

    address = '127.0.0.53'

    def __enter__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((self.address, 53))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        return self

    def serve(self):
        while True:
            query, client = self.socket.recvfrom(4096)
            if not query:
                return
            end = query.index(b'\0', 12) + 5  # of the one question
            head = query[:2] + b'\x81\x83\0\1' + bytes(6)
            self.socket.sendto(head + query[12:end], client)

    def __exit__(self, *_):
        self.socket.sendto(b'', (self.address, 53))
        self.thread.join(PATIENCE)
        self.socket.close()


HAPROXY = '''
defaults
  mode tcp
  timeout connect 5s
  timeout client 30s
  timeout server 30s
frontend in
  bind {authority}:{port} ssl crt {pem}
  default_backend out
backend out
  server one {behind}
'''


class HaproxyTls(Proxy):
    """TLS in front of another proxy, `behind`."""

    SCHEME = 'https'
    PROGRAM = 'haproxy'

    def __init__(self, parent, behind, pem, host=IPV4):
        super().__init__(parent, HAPROXY, host, pem=pem,
                         behind=f'{behind.host}:{behind.port}')

    def command(self, config):
        return [self.program(), '-db', '-f', config]


STUNNEL = '''
foreground = yes
pid =
[proxy]
accept = {host}:{port}
connect = {behind}
cert = {pem}
'''


class Stunnel(HaproxyTls):
    PROGRAM, PACKAGE = 'stunnel4', 'stunnel4'

    def __init__(self, parent, behind, pem, host=IPV4):
        super().__init__(parent, behind, pem, host)
        self.text = STUNNEL

    def command(self, config):
        return [self.program(), config]
