#!/usr/bin/python3
"""README.md shows the examples and the help of the program as they are.

    readme.py README PROGRAM EXAMPLE...
"""

import subprocess
import sys


def main(readme, program, *examples):
    with open(readme, encoding='utf-8') as file:
        text = file.read()
    shown = {}
    for example in examples:
        with open(example, encoding='utf-8') as file:
            shown[example] = file.read()
    command = [program, '--help']
    shown['the help'] = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    missing = [name for name, part in shown.items() if f'\n{part}```\n' not in text]
    for name in missing:
        print(f'{readme}: does not show {name} as it is')
    return 1 if missing else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
