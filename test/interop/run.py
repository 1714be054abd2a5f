#!/usr/bin/python3
"""One side of an interoperability test against the other.

    run.py KIND BINARY [mbedtls|openssl]

    client-vs-node    interop against node_server.js      BINARY is interop
    client-vs-python  interop against py_server.py        BINARY is interop
    node-vs-server    node_client.js against wsuv_echo    BINARY is wsuv_echo
    python-vs-server  py_client.py against wsuv_echo      BINARY is wsuv_echo
    node-vs-server-deflate, python-vs-server-deflate      the same with wsuv_echo --deflate
    node-vs-server-tls, python-vs-server-tls              over TLS
    node-vs-server-unix, python-vs-server-unix            over a Unix socket

The third argument is the TLS library of wsuv_echo. Starts the server, waits for the line that tells
its port, runs the client, and ends the server. A peer that is not installed is a failure. Python's
peers run under the interpreter that runs this, which must be the one that has the system's modules.
"""

import os
import re
import select
import shutil
import subprocess
import sys
import tempfile

import certs

HERE = os.path.dirname(os.path.abspath(__file__))
BOUND = 60  # seconds, for all the cases of a client
START = 20  # seconds, for a server to listen
STOP = 10  # seconds, for a server to end when it is asked to
SUBPROTOCOLS = ['-p', 'chat2', '-p', 'chat3']


class Failure(Exception):
    pass


def environment():
    env = dict(os.environ)
    env.setdefault('NODE_PATH', '/usr/share/nodejs')
    return env


def require(command, what, packages):
    try:
        done = subprocess.run(command, env=environment(), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=START)
    except subprocess.TimeoutExpired:
        raise Failure(f'{command[0]} does not answer within {START} s') from None
    if done.returncode != 0:
        output = done.stdout.decode(errors='replace')
        raise Failure(f'NOT INSTALLED: {what} (packages: {packages})\n{output}')


def program(name, package):
    found = shutil.which(name) or shutil.which(name, path='/usr/sbin:/usr/bin')
    if found is None:
        raise Failure(f'NOT INSTALLED: {name} (package: {package})')
    return found


def node(script):
    program = shutil.which('node') or shutil.which('nodejs')
    if program is None:
        raise Failure('NOT INSTALLED: node (package: nodejs)')
    require([program, '-e', 'require("ws")'], 'ws for node', 'nodejs, node-ws')
    return [program, os.path.join(HERE, script)]


def python(script):
    require([sys.executable, '-c', 'import websockets'], f'websockets for {sys.executable}',
            'python3-websockets')
    return [sys.executable, os.path.join(HERE, script)]


def binary(path, *arguments):
    if not os.access(path, os.X_OK):
        raise Failure(f'NOT BUILT: {path}')
    return [path, *arguments]


def server_options(kind, folder, engine):
    """Of wsuv_echo. Clients trust the certificate by their environment."""
    if kind.endswith('-deflate'):
        return ['--deflate']
    if kind.endswith('-unix'):
        return ['--unix', os.path.join(folder, 'echo.sock')]
    if not kind.endswith('-tls'):
        return []
    certs.make_good(folder)
    root, cert, key = (os.path.join(folder, name) for name in ('root.crt', 'good.crt', 'good.key'))
    os.environ['NODE_EXTRA_CA_CERTS'] = os.environ['SSL_CERT_FILE'] = root
    return ['--cert', cert, '--key', key, *(['--tls-engine', engine] if engine else [])]


def commands(kind, path, folder, engine):
    """The server's and the client's, the latter without its arguments."""
    if kind == 'client-vs-node':
        return node('node_server.js'), binary(path)
    if kind == 'client-vs-python':
        return python('py_server.py'), binary(path)
    server = binary(path, *SUBPROTOCOLS, *server_options(kind, folder, engine))
    return server, node('node_client.js') if kind.startswith('node') else python('py_client.py')


KINDS = (
    'client-vs-node',
    'client-vs-python',
    'node-vs-server',
    'python-vs-server',
    'node-vs-server-deflate',
    'python-vs-server-deflate',
    'node-vs-server-tls',
    'python-vs-server-tls',
    'node-vs-server-unix',
    'python-vs-server-unix',
)


def first_line(server):
    ready, _, _ = select.select([server.stdout], [], [], START)
    return server.stdout.readline().decode().rstrip() if ready else ''


def port_of(server):
    """From the first line, which ends with it."""
    line = first_line(server)
    found = re.search(r'listening.*?(\d+)$', line)
    if not found:
        raise Failure(f'the server ended, or told no port within {START} s: {line!r}')
    return int(found.group(1))


def url_of(server, kind):
    """The certificate is for localhost. A URL of a Unix socket ends where a path begins."""
    if kind.endswith('-unix'):
        return f'ws+unix://{first_line(server).removeprefix("listening on ")}:'
    if kind.endswith('-tls'):
        return f'wss://localhost:{port_of(server)}'
    return f'ws://127.0.0.1:{port_of(server)}'


def arguments_of(server, kind):
    """Clients of ours take the URL alone, those of others the server's process, too, and whether
    it compresses."""
    url = url_of(server, kind)
    if '-vs-server' not in kind:
        return [url]
    return [url, str(server.pid), *(['deflate'] if kind.endswith('-deflate') else [])]


def run_client(command):
    """Shows its output in any case: it tells which cases ran."""
    try:
        status = subprocess.run(command, env=environment(), timeout=BOUND).returncode
    except subprocess.TimeoutExpired:
        raise Failure(f'the client did not end within {BOUND} s') from None
    if status != 0:
        raise Failure(f'the client ended with {status}')


def stop(server, kind):
    """wsuv_echo has been ended by its client, and ends with 0 if it has lost nothing."""
    ours = '-vs-server' in kind
    if not ours and server.poll() is not None:
        raise Failure(f'the server ended early, with {server.returncode}')
    if not ours:
        server.terminate()
    try:
        status = server.wait(STOP)
    except subprocess.TimeoutExpired:
        raise Failure(f'the server did not end within {STOP} s') from None
    if ours and status != 0:
        raise Failure(f'the server ended with {status}')


def serve_and_run(kind, server_command, client_command, errors):
    server = subprocess.Popen(server_command, env=environment(), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=errors)
    try:
        run_client(client_command + arguments_of(server, kind))
        stop(server, kind)
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


def run(kind, path, engine=None):
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryDirectory() as folder:
        server_command, client_command = commands(kind, path, folder, engine)
        try:
            serve_and_run(kind, server_command, client_command, errors)
        except Failure:
            errors.seek(0)
            text = errors.read().decode(errors='replace')
            print(f'--- standard error of the server:\n{text}---', file=sys.stderr)
            raise


def main(arguments):
    if len(arguments) not in (3, 4) or arguments[1] not in KINDS:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        run(*arguments[1:])
    except Failure as failure:
        sys.stdout.flush()
        print(f'FAILED: {arguments[1]}: {failure}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
