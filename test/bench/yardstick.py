"""What run.py and growth.py have in common: programs that are measured, each on a core of its own,
and the CPU time that they take."""

import contextlib
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / 'interop'))
from lines import Lines  # noqa: E402

SERVER_CORE, CLIENT_CORE = '0', '1'
PATIENCE_S = 300


class Failed(Exception):
    """A program that is measured has not done its work."""


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as listener:
        return listener.getsockname()[1]


def cpu_seconds(pid):
    """Of all threads of a process, by its CPU clock (clock_getcpuclockid(3))."""
    return time.clock_gettime((~pid << 3) | 2)


def resident_bytes(pid):
    pages = int(pathlib.Path(f'/proc/{pid}/statm').read_text().split()[1])
    return pages * os.sysconf('SC_PAGESIZE')


def pinned(core, command):
    """The command on one core, if there are two."""
    return (['taskset', '-c', core] if os.cpu_count() > 1 else []) + [str(c) for c in command]


@contextlib.contextmanager
def server(command):
    """A server, once it has printed a line, which says that it listens. It is ended by SIGTERM, and
    nothing is left of its sessions then."""
    process = subprocess.Popen(pinned(SERVER_CORE, command), stdout=subprocess.PIPE,
                               env=environment())
    try:
        if Lines(process.stdout).read() is None:
            raise Failed(f'{command[0]} does not listen')
        yield process
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def environment():
    return dict(os.environ, NODE_PATH='/usr/share/nodejs')


def client(command):
    """Run a client, and return its line."""
    done = subprocess.run(pinned(CLIENT_CORE, command), capture_output=True, text=True,
                          timeout=PATIENCE_S, env=environment())
    if done.returncode != 0:
        raise Failed(f'{" ".join(map(str, command))}: {done.stderr.strip()}')
    return json.loads(done.stdout.splitlines()[-1])


class ServerLoad:
    """Connections of server_load to a server that is measured."""

    def __init__(self, program, port, connections, window, size, seconds=1.0):
        command = [program, port, '/echo', connections, window, size, seconds]
        self.process = subprocess.Popen(pinned(CLIENT_CORE, command), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.line()

    def line(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failed(f'server_load: {self.process.args}: no answer')
        return json.loads(line)

    def exchange(self):
        self.process.stdin.write('\n')
        self.process.stdin.flush()
        return self.line()['messages']

    def end(self):
        self.process.stdin.close()
        self.process.wait()


@contextlib.contextmanager
def certificate():
    """Names of the files of a certificate and its key, P-256."""
    with tempfile.TemporaryDirectory() as folder:
        cert, key = f'{folder}/certificate.pem', f'{folder}/key.pem'
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
                        'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost', '-keyout',
                        key, '-out', cert], check=True, capture_output=True)
        yield cert, key


def conditions(runs, load_before):
    """What the figures depend on."""
    model = next((line.split(':')[1].strip()
                  for line in pathlib.Path('/proc/cpuinfo').read_text().splitlines()
                  if line.startswith('model name')), 'unknown processor')
    system = pathlib.Path('/etc/os-release').read_text()
    name = next(line.split('"')[1] for line in system.splitlines()
                if line.startswith('PRETTY_NAME'))
    return (f'{os.cpu_count()} cores of {model}, {name}; medians of {runs}; '
            f'load average {load_before:.1f} before, {os.getloadavg()[0]:.1f} after.')


def publish(text, document, part):
    """Print a text, and put it into a document, if there is one, between the lines
    `<!-- PART -->` and `<!-- end of PART -->`."""
    print(text)
    if document is None:
        return
    begin, end = f'<!-- {part} -->\n', f'<!-- end of {part} -->\n'
    before, rest = document.read_text(encoding='utf-8').split(begin)
    after = rest.split(end)[1]
    document.write_text(f'{before}{begin}{text}{end}{after}', encoding='utf-8')


median = statistics.median
