#!/usr/bin/python3
"""Prints what the tests of a build folder run, for ninja, but for the tests of some suites.

    needed.py BUILD_FOLDER [SUITE...]
"""

import json
import os
import subprocess
import sys


def introspect(folder, what):
    command = ['meson', 'introspect', f'--{what}', folder]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def main(folder, *left_out):
    suites = {f'wsuv:{suite}' for suite in left_out}
    wanted = {target for test in introspect(folder, 'tests') if suites.isdisjoint(test['suite'])
              for target in test['depends']}
    for target in introspect(folder, 'targets'):
        if target['id'] in wanted:
            print(os.path.relpath(target['filename'][0], folder))


if __name__ == '__main__':
    main(*sys.argv[1:])
