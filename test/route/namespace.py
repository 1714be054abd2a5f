"""A network namespace for a test of names or routes: the script runs itself again inside of one.
What it then changes, files in /etc included, is seen by nobody else."""

import os
import shutil
import subprocess
import sys

INSIDE = '--inside'
NOT_RUN = 77


def ip(*args):
    subprocess.run(['ip', *args], check=True)


def find():
    """The command that runs another in namespaces of its own; None: there is none, and why."""
    if shutil.which('ip') is None or shutil.which('unshare') is None:
        return None, 'ip or unshare is missing'
    why = ''
    for command in (['unshare', '-nm'], ['unshare', '-Urnm']):
        probe = command + ['sh', '-c', 'ip link add near type veth peer name far']
        done = subprocess.run(probe, stderr=subprocess.PIPE, check=False)
        if done.returncode == 0:
            return command, ''
        why = done.stderr.decode().strip()
    return None, why


def enter(usage):
    """Inside: the script's arguments. Outside it runs the script inside, and does not return. The
    two programs under test are the first arguments; without them it prints the usage."""
    if sys.argv[1:2] == [INSIDE]:
        return sys.argv[2:]
    if len(sys.argv) < 3:
        sys.exit(usage)
    command, why = find()
    if command is None:
        print(f'NOT RUN: no network namespace can be had here: {why}')
        sys.exit(NOT_RUN)
    inside = [sys.executable, os.path.abspath(sys.argv[0]), INSIDE, *sys.argv[1:]]
    sys.exit(subprocess.run(command + inside, check=False).returncode)
