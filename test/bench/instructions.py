#!/usr/bin/python3
"""The instructions that a message costs, exactly, by valgrind's callgrind.

    instructions.py TESTKIT_BENCH [--write]

A server of the library echoes messages in a simulated world, which is the same in every run; what
a message costs is the difference of two runs with other numbers of messages, the testkit's own part
included. Compares with instructions.txt beside this file: more than 2 % above it is a failure. What
that file says holds for a release build by the compiler that it names; with another one, the exit
status is 77. --write writes the file.
"""

import pathlib
import platform
import re
import subprocess
import sys

BASELINE = pathlib.Path(__file__).with_name('instructions.txt')
SIZES = (1, 125, 1000, 16384)  # bytes
COUNTS = (100, 600)
TOLERANCE = 0.02
NOT_RUN = 77


def compiler():
    done = subprocess.run(['cc', '--version'], check=True, capture_output=True, text=True)
    return f'{done.stdout.splitlines()[0]}, {platform.machine()}'


def instructions(program, count, size):
    done = subprocess.run(['valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null',
                           program, 'messages', str(count), str(size)],
                          check=True, capture_output=True, text=True)
    return int(re.search(r'Collected : (\d+)', done.stderr).group(1))


def each(program, size):
    few, many = (instructions(program, count, size) for count in COUNTS)
    return round((many - few) / (COUNTS[1] - COUNTS[0]))


def main(program, write=''):
    found = {size: each(program, size) for size in SIZES}
    if write == '--write':
        lines = [compiler(), *(f'{size} {count}' for size, count in found.items())]
        BASELINE.write_text('\n'.join(lines) + '\n', encoding='utf-8')
    made_by, *lines = BASELINE.read_text(encoding='utf-8').splitlines()
    known = {int(size): int(count) for size, count in map(str.split, lines)}
    worse = False
    for size, count in found.items():
        change = count / known[size] - 1
        worse = worse or change > TOLERANCE
        print(f'{size} bytes: {count:,} instructions a message, {change:+.1%}')
    if compiler() != made_by:
        print(f'{BASELINE.name} is for {made_by}')
        return NOT_RUN
    return 1 if worse else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
