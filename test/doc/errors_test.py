#!/usr/bin/python3
"""doc/errors.md tells of every error code, all of it, and of no others.

    errors_test.py ROOT [unittest's arguments]

Its entries are compared with WSUV_ERRNO_MAP of include/wsuv/error.h, both ways, and with the codes
of libuv's that the public headers speak of; each must have all its parts, and name only stages and
close codes that there are. That what is wrong is found is tested, too, on pages that were spoilt.
"""

import glob
import os
import re
import sys
import unittest

ROOT = ''
PARTS = ('Where', 'Cause', 'Close code', 'What to do')
OWN, LIBUV = "wsuv's codes", "libuv's codes"

MAPPED = re.compile(r'XX\((\w+),\s*(-\d+),\s*"([^"]*)"\)')
UV_CODE = re.compile(r'\bUV_E[A-Z]\w*')
WSUV_NAME = re.compile(r'\b(?:WSUV_[A-Z]\w*|wsuv_[a-z]\w*)')
SECTION = re.compile(r'^## (.*)$', re.M)
ENTRY = re.compile(r'^### (\w+)\n+(.*)$', re.M)
STAGES = re.compile(r'\bstages?((?:[ ,]|and|from|to|or|`\w+`)*`\w+`)')
STAGE_LIST = re.compile(r'how far the session had come\s*\(([^)]*)\)')
STAGE = re.compile(r'\bWSUV_STAGE_(\w+) =')
CAUSE = re.compile(r'\bXX\((\w+), \d+, \d+,')
CLOSE_CODE = re.compile(r'\bWSUV_CLOSE_\w+ = (\d+)')
PART = re.compile(r'^- \*\*([^*]+):\*\*(.*(?:\n  .*)*)', re.M)


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def pieces(pattern, text):
    """Each match, and the text from it to the next."""
    found = list(pattern.finditer(text))
    ends = [match.start() for match in found[1:]] + [len(text)]
    return [(match, text[match.end():end]) for match, end in zip(found, ends)]


def entries(page, section):
    """Name, line below it, and parts of each entry of a section, in their order."""
    body = ''.join(text for match, text in pieces(SECTION, page) if match.group(1) == section)
    return [(match.group(1), match.group(2), [(name, ' '.join(text.split()))
                                              for name, text in PART.findall(rest)])
            for match, rest in pieces(ENTRY, body)]


def own_codes(header):
    """Name and heading of each code of the map, in its order."""
    return [(f'WSUV_{name}', f'{value}: {text}') for name, value, text in MAPPED.findall(header)]


def compare_own(header, page):
    mapped = own_codes(header)
    told = [(name, line) for name, line, _ in entries(page, OWN)]
    yield from (f'{name}: missing, or not "{line}"' for name, line in mapped
                if (name, line) not in told)
    yield from (f'{name}: "{line}" is not in the map' for name, line in told
                if (name, line) not in mapped)
    if sorted(mapped) == sorted(told) and mapped != told:
        yield 'not in the order of the map'


def compare_libuv(headers, page):
    names = [name for name, _, _ in entries(page, LIBUV)]
    spoken_of = {name for name in UV_CODE.findall(headers) if not name.endswith('_')}
    yield from (f'{name}: missing, though a header speaks of it'
                for name in sorted(spoken_of - set(names)))
    yield from (f'{name}: not a code of libuv\'s' for name in names if not UV_CODE.fullmatch(name))


def check_entries(page):
    every = entries(page, OWN) + entries(page, LIBUV)
    names = [name for name, _, _ in every]
    yield from (f'{name}: told twice' for name in sorted(set(names)) if names.count(name) > 1)
    for name, line, parts in every:
        if not line:
            yield f'{name}: no text'
        if tuple(part for part, _ in parts) != PARTS:
            yield f'{name}: its parts are not {", ".join(PARTS)}'
        yield from (f'{name}: nothing under "{part}"' for part, text in parts if not text)


def check_names(headers, page):
    known = set(WSUV_NAME.findall(headers)) | {name for name, _ in own_codes(headers)}
    known |= {f'WSUV_REFUSED_{name}' for name in CAUSE.findall(headers)}
    for name in sorted(set(WSUV_NAME.findall(page)) - known):
        if name.upper() not in known:  # what a link points to is in lower case
            yield f'{name}: no header has it'


def check_stages(headers, page):
    known = {name.lower() for name in STAGE.findall(headers)}
    listed = re.findall(r'`(\w+)`', ''.join(STAGE_LIST.findall(page)))
    if listed and set(listed) != known:
        yield f'stages: {", ".join(listed)}, and in the headers {", ".join(sorted(known))}'
    for names in STAGES.findall(page):
        yield from (f'{name}: no stage' for name in re.findall(r'`(\w+)`', names)
                    if name not in known)


def check_close_codes(headers, page):
    known = set(CLOSE_CODE.findall(headers))
    for name, _, parts in entries(page, OWN) + entries(page, LIBUV):
        yield from (f'{name}: {code} is no close code' for part, text in parts
                    if part == 'Close code' for code in re.findall(r'\b1\d\d\d\b', text)
                    if code not in known)


def problems(headers, page):
    """What is wrong with the page."""
    for check in (compare_own, compare_libuv, check_names, check_stages, check_close_codes):
        yield from check(headers, page)
    yield from check_entries(page)


def headers_of(root):
    return ''.join(read(path) for path in sorted(glob.glob(f'{root}/include/wsuv/*.h')))


class Page(unittest.TestCase):
    def test_it_tells_of_every_code_and_of_no_other(self):
        page = read(os.path.join(ROOT, 'doc', 'errors.md'))
        self.assertEqual(list(problems(headers_of(ROOT), page)), [])

    def test_the_map_is_read(self):
        names = [name for name, _ in own_codes(headers_of(ROOT))]
        self.assertIn('WSUV_EURL', names)
        self.assertEqual(len(names), len(set(names)))


    def test_stages_and_close_codes_are_read(self):
        self.assertIn('TLS', STAGE.findall(headers_of(ROOT)))
        self.assertIn('1000', CLOSE_CODE.findall(headers_of(ROOT)))
        page = read(os.path.join(ROOT, 'doc', 'errors.md'))
        self.assertEqual(len(STAGE_LIST.findall(page)), 1)
        self.assertGreater(len(STAGES.findall(page)), 20)


class Spoilt(unittest.TestCase):
    """One small page, and what is found when something is wrong with it."""

    HEADER = ('#define WSUV_ERRNO_MAP(XX) XX(EONE, -1, "first") \\\n  XX(ETWO, -2, "second")\n'
              'int wsuv_one(void); /* or `UV_EOF`, and so on: UV_EAI_* */\n'
              'enum { WSUV_STAGE_OPEN = 1, WSUV_STAGE_TLS = 2, WSUV_CLOSE_NORMAL = 1000 };\n')
    PARTS = ''.join(f'- **{part}:** something\n  and more\n' for part in PARTS)
    ONE = '### WSUV_EONE\n\n-1: first\n\n' + PARTS
    TWO = '### WSUV_ETWO\n\n-2: second\n\n' + PARTS
    EOF = '### UV_EOF\n\nend of file\n\n' + PARTS

    def page(self, own, libuv=EOF):
        return f'# Errors\n\n`wsuv_one`\n\n## {OWN}\n\n{own}\n## {LIBUV}\n\n{libuv}'

    def check(self, page, *expected, header=HEADER):
        found = list(problems(header, page))
        self.assertEqual(len(found), len(expected), found)
        for problem, pattern in zip(found, expected):
            self.assertRegex(problem, pattern)

    def test_nothing_wrong(self):
        self.check(self.page(self.ONE + self.TWO))

    def test_missing_code(self):
        self.check(self.page(self.ONE), 'WSUV_ETWO: missing')

    def test_extra_code(self):
        extra = self.ONE.replace('ONE', 'THREE').replace('-1', '-3')
        self.check(self.page(self.ONE + self.TWO + extra), 'WSUV_ETHREE: .* not in the map',
                   'WSUV_ETHREE: no header has it')

    def test_code_that_is_new_in_the_map(self):
        header = self.HEADER.replace('"second")', '"second") XX(ETHREE, -3, "third")')
        self.check(self.page(self.ONE + self.TWO), 'WSUV_ETHREE: missing', header=header)

    def test_other_value_or_text(self):
        for spoilt in (self.TWO.replace('-2', '-4'), self.TWO.replace('second', 'last')):
            self.check(self.page(self.ONE + spoilt), 'WSUV_ETWO: missing', 'WSUV_ETWO: .* map')

    def test_other_order(self):
        self.check(self.page(self.TWO + self.ONE), 'order')

    def test_code_told_twice(self):
        self.check(self.page(self.ONE + self.TWO + self.TWO), 'WSUV_ETWO: told twice')

    def test_missing_and_empty_parts(self):
        for part in PARTS:
            line = f'- **{part}:** something\n  and more\n'
            without = self.TWO.replace(line, '')
            self.check(self.page(self.ONE + without), 'WSUV_ETWO: its parts')
            empty = self.TWO.replace(line, f'- **{part}:**\n')
            self.check(self.page(self.ONE + empty), f'WSUV_ETWO: nothing under "{part}"')

    def test_missing_code_of_libuv(self):
        self.check(self.page(self.ONE + self.TWO, libuv=''), 'UV_EOF: missing')

    def test_foreign_code_among_those_of_libuv(self):
        other = self.EOF.replace('UV_EOF', 'EOF')
        page = self.page(self.ONE + self.TWO, self.EOF + other)
        self.check(page, "EOF: not a code of libuv's")

    def test_name_that_no_header_has(self):
        page = self.page(self.ONE + self.TWO).replace('`wsuv_one`', '`wsuv_two`')
        self.check(page, 'wsuv_two: no header')

    def test_stages(self):
        page = self.page(self.ONE + self.TWO)
        listed = 'how far the session had come (`open`, `tls`). Stages `tls` and `open`.'
        self.check(page.replace('`wsuv_one`', listed))
        self.check(page.replace('`wsuv_one`', listed.replace(', `tls`', '')), 'stages: open, and')
        self.check(page.replace('`wsuv_one`', 'stages from `open` to `end`'), 'end: no stage')

    def test_close_code(self):
        page = self.page(self.ONE + self.TWO)
        self.check(page.replace('Close code:** something', 'Close code:** 1000 or', 1))
        self.check(page.replace('Close code:** something', 'Close code:** 1001 or', 1),
                   'WSUV_EONE: 1001 is no close code')


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    ROOT = sys.argv[1]
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:])
