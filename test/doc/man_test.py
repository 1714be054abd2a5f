#!/usr/bin/python3
"""The man page of the program tells of every option and exit status, and of no others; that of the
testkit names functions that there are.

    man_test.py PAGE PROGRAM TESTKIT_PAGE INCLUDE_FOLDER [unittest's arguments]

The former is compared with `PROGRAM --help`, both ways, the latter with the headers in
INCLUDE_FOLDER. Both must be set without a complaint by groff or mandoc, by both where both are
there. That what is wrong is found is tested, too, on pages that were spoilt.
"""

import glob
import os
import re
import shutil
import subprocess
import sys
import unittest

PAGE = PROGRAM = TESTKIT_PAGE = INCLUDE = ''

SETTERS = (
    ['groff', '-mandoc', '-Tutf8', '-ww', '-z'],
    ['mandoc', '-Tlint', '-W', 'warning'],
)
HELP_OPTION = re.compile(r"^ {2}(?:(-\w)|    (--[\w-]+))( (?:[A-Z:]+|'[^']+')(?=\s))?", re.M)
HELP_STATUS = re.compile(r'^  (\d+)  ', re.M)
MAN_SECTION = re.compile(r'^\.Sh (.*)\n((?:(?!\.Sh ).*\n?)*)', re.M)
MAN_OPTION = re.compile(r'^\.It Fl (\S+)( Ar)?', re.M)
MAN_STATUS = re.compile(r'^\.It (\d+)$', re.M)
SYNOPSIS_OPTION = re.compile(r'^\.(?:Op )?Fl (\S+)( Ar)?', re.M)


def read_help():
    return subprocess.run([PROGRAM, '--help'], check=True, capture_output=True, text=True).stdout


def read(path):
    with open(path, encoding='utf-8') as file:
        return file.read()


def read_page():
    return read(PAGE)


def options_of_help(text):
    """Each option, and whether it takes a value."""
    return {short or long: bool(value) for short, long, value in HELP_OPTION.findall(text)}


def sections(page):
    return dict(MAN_SECTION.findall(page))


def options_of_page(page):
    found = MAN_OPTION.findall(sections(page).get('DESCRIPTION', ''))
    return {'-' + name.replace(r'\-', '-'): bool(value) for name, value in found}


def options_of_synopsis(page):
    """Options of one letter stand together there: `Fl bv`."""
    options = {}
    for names, value in SYNOPSIS_OPTION.findall(sections(page).get('SYNOPSIS', '')):
        each = [names.replace(r'\-', '-')] if names.startswith('\\') else names
        options.update({'-' + name: bool(value) for name in each})
    return options


def compare(wanted, found, where):
    for option in sorted(wanted.keys() | found.keys()):
        if option not in found:
            yield f'{option}: missing from {where}'
        elif option not in wanted:
            yield f'{option}: in {where}, but not in the help'
        elif wanted[option] != found[option]:
            yield f'{option}: takes a value in {"the help" if wanted[option] else where} only'


def problems(text, page):
    """What the page says otherwise than the help."""
    wanted = options_of_help(text)
    yield from compare(wanted, options_of_page(page), 'DESCRIPTION')
    yield from compare(wanted, options_of_synopsis(page), 'SYNOPSIS')
    statuses = MAN_STATUS.findall(sections(page).get('EXIT STATUS', ''))
    if statuses != HELP_STATUS.findall(text):
        yield f'exit statuses {statuses}'


def complaints(page):
    """What groff and mandoc have to say."""
    setters = [command for command in SETTERS if shutil.which(command[0])]
    if not setters:
        return ['neither groff nor mandoc is there to set it']
    said = []
    for command in setters:
        result = subprocess.run(command, input=page, capture_output=True, text=True)
        said += (result.stdout + result.stderr).splitlines()
    return said


class Page(unittest.TestCase):
    def test_it_says_what_the_help_says(self):
        self.assertEqual(list(problems(read_help(), read_page())), [])

    def test_it_is_set_without_complaint(self):
        self.assertEqual(complaints(read_page()), [])

    def test_the_help_is_read(self):
        options = options_of_help(read_help())
        self.assertEqual({name: options.get(name) for name in ('-m', '-v', '--timeout', '--help')},
                         {'-m': True, '-v': False, '--timeout': True, '--help': False})


class TestkitPage(unittest.TestCase):
    def test_it_names_functions_that_there_are(self):
        headers = ''.join(map(read, glob.glob(os.path.join(INCLUDE, 'wsuv', '*.h'))))
        named = set(re.findall(r'^\.Fn (\w+)', read(TESTKIT_PAGE), re.M))
        self.assertIn('wsuv_testkit_new', named)
        self.assertEqual([name for name in sorted(named) if f'{name}(' not in headers], [])

    def test_it_is_set_without_complaint(self):
        self.assertEqual(complaints(read(TESTKIT_PAGE)), [])


class Spoilt(unittest.TestCase):
    """The page with something wrong, and what is found then."""

    def check(self, old, new, *expected):
        page = read_page()
        self.assertIn(old, page)
        found = list(problems(read_help(), page.replace(old, new)))
        self.assertEqual(found, list(expected))

    def test_missing_option(self):
        self.check('.It Fl p Ar', '.It Ar', '-p: missing from DESCRIPTION')
        self.check('.Op Fl p Ar', '.Op Ar', '-p: missing from SYNOPSIS')

    def test_extra_option(self):
        self.check('.It Fl v\n', '.It Fl v\n.It Fl \\-loud\n',
                   '--loud: in DESCRIPTION, but not in the help')
        self.check('.Op Fl bv\n', '.Op Fl bvx\n', '-x: in SYNOPSIS, but not in the help')

    def test_value(self):
        self.check('.It Fl n Ar number', '.It Fl n', '-n: takes a value in the help only')
        self.check('.It Fl v\n', '.It Fl v Ar level\n', '-v: takes a value in DESCRIPTION only')

    def test_exit_status(self):
        self.check('.It 4\n', '.It 6\n', "exit statuses ['0', '1', '2', '3', '6', '5']")

    def test_what_cannot_be_set(self):
        self.assertNotEqual(complaints(read_page().replace('.El\n', '', 1)), [])


if __name__ == '__main__':
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    PAGE, PROGRAM, TESTKIT_PAGE, INCLUDE = sys.argv[1:5]
    unittest.main(argv=[sys.argv[0]] + sys.argv[5:])
