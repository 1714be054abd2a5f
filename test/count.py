#!/usr/bin/python3
"""Says in one line how the tests of a build folder ended, from what Meson wrote down.

    count.py BUILD_FOLDER

A test that says that it cannot be run here (exit status 77) is named on a line of its own before,
and is in neither number. One that was never begun has failed. Exits with 0 only if none failed.
"""

import json
import os
import subprocess
import sys


def results(folder):
    """Name of each test that was begun, and how it ended."""
    path = os.path.join(folder, 'meson-logs', 'testlog.json')
    if not os.path.exists(path):
        return []
    with open(path, encoding='utf-8') as file:
        ended = [json.loads(line) for line in file]
    return [(test['name'], test['result']) for test in ended]


def registered(folder):
    """How many tests there are."""
    command = ['meson', 'introspect', '--tests', folder]
    return len(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))


def main(folder):
    ended = results(folder)
    passed = sum(result in ('OK', 'EXPECTEDFAIL') for _, result in ended)
    skipped = [name for name, result in ended if result == 'SKIP']
    failed = registered(folder) - passed - len(skipped)
    for name in skipped:
        print(f'not run: {name}')
    print(f'{passed} passed, {failed} failed')
    return 0 if passed and not failed else 1


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
