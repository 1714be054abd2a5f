#!/usr/bin/python3
"""Says in one line how the tests of a build folder ended, from what Meson wrote down.

    count.py BUILD_FOLDER [SUITE...]

Tests of a SUITE were left out on purpose, and are not counted.

A test that cannot be run here (exit status 77) is named on a line of its own before that line, and
is in neither number. A test that failed is named, too, below the end of its output; one that never
began has failed. Exits with 0 only if none failed.
"""

import json
import os
import subprocess
import sys


LINES_SHOWN = 40


def results(folder):
    """What Meson wrote of each test that began."""
    path = os.path.join(folder, 'meson-logs', 'testlog.json')
    if not os.path.exists(path):
        return []
    with open(path, encoding='utf-8') as file:
        return [json.loads(line) for line in file]


def registered(folder, left_out):
    """The names of all tests but those of suites that were left out, each as in the log, where a
    test of two suites has both."""
    command = ['meson', 'introspect', '--tests', folder]
    tests = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    left_out = {f'wsuv:{suite}' for suite in left_out}
    return [f'{"+".join(test["suite"]).replace("+wsuv:", "+")} / {test["name"]}'
            for test in tests if left_out.isdisjoint(test['suite'])]


def show_failure(test):
    """Prints the end of a failed test's output, and below it how it ended."""
    output = (test.get('stdout', '') + test.get('stderr', '')).splitlines()
    for line in output[-LINES_SHOWN:]:
        print(f'  {line}')
    print(f'failed: {test["name"]}: {test["result"]} after {test["duration"]:.0f} s')


def main(folder, *left_out):
    ended = results(folder)
    began = {test['name'] for test in ended}
    passed = [test for test in ended if test['result'] in ('OK', 'EXPECTEDFAIL')]
    skipped = [test for test in ended if test['result'] == 'SKIP']
    failed = [test for test in ended if test not in passed and test not in skipped]
    never = [name for name in registered(folder, left_out) if name not in began]
    for test in skipped:
        print(f'not run: {test["name"]}')
    for test in failed:
        show_failure(test)
    for name in never:
        print(f'failed: {name}: never began')
    print(f'{len(passed)} passed, {len(failed) + len(never)} failed')
    return 0 if passed and not failed and not never else 1


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
