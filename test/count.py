#!/usr/bin/python3
"""Says in one line how the tests of a build folder ended, from what Meson wrote down.

    count.py BUILD_FOLDER

A test that was skipped, or that was never run, has not passed. Exits with 0 only if all passed.
"""

import json
import os
import subprocess
import sys


def results(folder):
    """How each test that was run ended."""
    path = os.path.join(folder, 'meson-logs', 'testlog.json')
    if not os.path.exists(path):
        return []
    with open(path, encoding='utf-8') as file:
        return [json.loads(line)['result'] for line in file]


def registered(folder):
    """How many tests there are."""
    command = ['meson', 'introspect', '--tests', folder]
    return len(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))


def main(folder):
    passed = sum(result in ('OK', 'EXPECTEDFAIL') for result in results(folder))
    failed = registered(folder) - passed
    print(f'{passed} passed, {failed} failed')
    return 0 if passed and not failed else 1


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
