#!/usr/bin/env python3
"""Runs a program of ours against the conformance peer.

    run.py client PATH_TO_AUTOBAHN_CLIENT [peer.py's options]
    run.py server PATH_TO_WSUV_ECHO [peer.py's options]
    run.py handshake-client PATH_TO_HANDSHAKE_CLIENT [--wsuv PATH_TO_WSUV] [peer.py's options]
    run.py handshake-server PATH_TO_WSUV_ECHO [peer.py's options]

With --deflate both, the program and the peer, are told so; a handshake client is told by the peer
what to offer.

Exit status 0: all cases are OK, and the program ended well.
"""

import argparse
import os
import select
import shlex
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PEER = [sys.executable, os.path.join(HERE, 'peer.py')]
START_S, END_S = 10, 5  # for a program to say where it listens, and to end
CHAT = ('-p', 'chat')  # the server's subprotocol


def start(command):
    return subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0)


def url_of(process, mark):
    """The URL in the first line that a program prints."""
    ready, _, _ = select.select([process.stdout], [], [], START_S)
    line = process.stdout.readline().decode() if ready else ''
    if not line.startswith(mark):
        raise RuntimeError(f'{process.args[0]} did not say where it listens: {line!r}')
    return line[len(mark):].strip()


def end(process):
    if process.poll() is None:
        process.kill()
    process.communicate()


def verdict(peer):
    """What the peer has to say. One that was never asked for its reports is told to end, and
    judges what there is."""
    try:
        return peer.communicate(timeout=END_S)[0].decode()
    except subprocess.TimeoutExpired:
        peer.terminate()
        return peer.communicate(timeout=END_S)[0].decode()


def run_client(command, options, limit):
    """Our client under test."""
    peer = start([*PEER, 'server', *options])
    try:
        url = url_of(peer, 'listening ')
        try:
            status = subprocess.run([*command, url, 'wsuv'], timeout=limit, check=False).returncode
        except subprocess.TimeoutExpired:
            status = f'none after {limit} s'
        if status != 0:
            print(f'the client\'s exit status: {status}')
        print(verdict(peer), end='', flush=True)
        return 0 if status == 0 and peer.returncode == 0 else 1
    finally:
        end(peer)


def run_answers(command, command_line, options, limit):
    """The opening handshake of our client, and of the command line's, a path."""
    programs = [shlex.join(command)] + ([shlex.quote(command_line)] if command_line else [])
    peer = [*PEER, 'answers', *programs, *options]
    return subprocess.run(peer, timeout=limit, check=False).returncode


def run_server(command, options, limit, role='client'):
    """Our echo server under test, by a peer in that role."""
    echo = start(command)
    try:
        url = url_of(echo, 'listening on ')
        peer = [*PEER, role, url, *options]
        status = subprocess.run(peer, timeout=limit, check=False).returncode
        echo.terminate()
        if echo.wait(END_S) != 0:
            print(f'the server\'s exit status: {echo.returncode}')
        return 0 if status == 0 and echo.returncode == 0 else 1
    finally:
        end(echo)


def run_requests(command, options, limit):
    """The opening handshake of our echo server."""
    return run_server([*command, *CHAT], options, limit, 'requests')


ROLES = {'client': run_client, 'server': run_server, 'handshake-server': run_requests}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n', 1)[0])
    parser.add_argument('role', choices=(*ROLES, 'handshake-client'))
    parser.add_argument('program')
    parser.add_argument('--wsuv', help='for handshake-client: have the program play, too')
    parser.add_argument('--limit', type=float, default=120, help='seconds for all cases')
    parser.add_argument('--deflate', action='store_true', help='the cases of permessage-deflate')
    given, options = parser.parse_known_args()
    deflate = ['--deflate'] if given.deflate else []
    options = [*deflate, *options]
    try:
        if given.role == 'handshake-client':
            return run_answers([given.program], given.wsuv, options, given.limit)
        return ROLES[given.role]([given.program, *deflate], options, given.limit)
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        print(f'run.py: {error}', file=sys.stderr)
        return 1


if __name__ == '__main__':
    sys.exit(main())
