#!/usr/bin/python3
"""doc/features.md names tests that there are, for everything that it promises.

    features_test.py ROOT [unittest's arguments]

A proof is files below test, each with names of tests in it; or "not yet". Every field of the
configuration and every error code has a row, every number among the faults, and every public
function is in the matrix of calls. That what is wrong is found is tested, too, on pages that were
spoilt.
"""

import glob
import os
import re
import sys
import unittest

ROOT = ''
NOT_YET = 'not yet'
FAULTS = list(range(1, 70))
MATRIX = ('test/support/matrix/client_calls.c', 'test/support/matrix/server_calls.c',
          'test/support/matrix/session_calls.c')
# Functions that can be called in a hook of an extension only, with what that was given: no session
# is touched, and the matrix cannot have them; and a hook ready made, which calls nothing. Each with
# the test that calls it.
IN_HOOKS = {
    'wsuv_log_stderr': 'test/net/client/test_log.c',
    'wsuv_extension_put': 'test/unit/test_extension_list.c',
    'wsuv_sink_commit': 'test/unit/test_sink.c',
    'wsuv_sink_reserve': 'test/unit/test_sink.c',
    'wsuv_sink_trim': 'test/unit/test_sink.c',
    'wsuv_sink_write': 'test/unit/test_extension_set.c',
}

TOKEN = re.compile(r'`([^`]+)`')
PROOF = re.compile(r'`[^`]+`: `[^`]+`(?:, `[^`]+`)*(?:; `[^`]+`: `[^`]+`(?:, `[^`]+`)*)*')
SUFFIX = re.compile(r'\.(?:c|py)$')
SECTION = re.compile(r'^## (.*)$', re.M)
FIELD = re.compile(r'\b(\w+);')
CONFIG = re.compile(r'typedef struct wsuv_config \{(.*?)\} wsuv_config_t', re.S)
CODE = re.compile(r'XX\((\w+), -\d+,')
DECLARATION = re.compile(r'^WSUV_EXTERN\b[^;{]*?\b(\w+)\s*\(', re.M)
COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*', re.S)


def read(path):
    with open(os.path.join(ROOT, path), encoding='utf-8') as file:
        return file.read()


def sections(page):
    """The rows of each section, as lists of their cells, without the head of the table."""
    parts = SECTION.split(page)[1:]
    return {title: [[cell.strip() for cell in line.strip()[1:-1].split('|')]
                    for line in text.splitlines() if line.startswith('|')][2:]
            for title, text in zip(parts[::2], parts[1::2])}


def tests_in(text, path):
    """What can be named of a file: in C, what registers itself as a test."""
    if path.endswith('.py'):
        return set(re.findall(r'^ *(?:async )?def (\w+)\(', text, re.M))
    return set(re.findall(r'^(?:(?:WORLD|SCENARIO|SERVER)_\w*)?TEST\((test_\w+)', text, re.M))


def check_proof(proof, files):
    """What is wrong with one; `files` gives the text of a file below test, or None."""
    if proof == NOT_YET:
        return
    if not PROOF.fullmatch(proof):
        yield f'no proof: "{proof[:60]}"'
        return
    path, names = '', set()
    for token in TOKEN.findall(proof):
        if SUFFIX.search(token):
            path, text = token, files(token)
            if text is None:
                yield f'{path}: there is no such file'
            names = tests_in(text or '', path)
        elif token not in names:
            yield f'{path}: {token} is no test there'


def check_rows(page, files):
    for title, rows in sections(page).items():
        for row in rows:
            yield from (f'{title}: {row[0]}: {problem}'
                        for problem in check_proof(row[-1], files))


def missing(what, wanted, rows):
    """Those that no first cell names."""
    named = {token for row in rows for token in TOKEN.findall(row[0])}
    yield from (f'{what}: {name} has no row' for name in wanted if name not in named)


def fields(header):
    """Those of wsuv_config_t."""
    text = COMMENT.sub('', header)
    return FIELD.findall(CONFIG.search(text).group(1))


def check_faults(rows):
    numbers = [row[0] for row in rows]
    if numbers != [f'F{n}' for n in FAULTS]:
        yield f'faults: not F1 to F{FAULTS[-1]}, each once and in order'


def problems(page, files, config, errors):
    """What is wrong with the page."""
    found = sections(page)
    yield from check_rows(page, files)
    yield from missing('Configuration', fields(config), found['Configuration'])
    yield from missing('Errors', [f'WSUV_{name}' for name in CODE.findall(errors)],
                       found['Errors'])
    yield from check_faults(found['Faults'])


def file_below_test(path):
    full = os.path.join(ROOT, 'test', path)
    return read(full) if os.path.isfile(full) else None


class Page(unittest.TestCase):
    def test_everything_has_its_proof(self):
        found = problems(read('doc/features.md'), file_below_test, read('include/wsuv/config.h'),
                         read('include/wsuv/error.h'))
        self.assertEqual(list(found), [])

    def test_every_public_function_is_in_the_matrix_of_calls(self):
        paths = sorted(glob.glob(os.path.join(ROOT, 'include/wsuv/*.h')))
        # What is called in tests only has no states of a session to be called in.
        headers = ''.join(read(path) for path in paths if not path.endswith('/testkit.h'))
        declared = set(DECLARATION.findall(headers))
        tables = ''.join(map(read, MATRIX))
        named = {name for line in re.findall(r'^ +\{"([\w ]+)"', tables, re.M)
                 for name in line.split()}
        self.assertIn('wsuv_connect', declared)
        self.assertEqual(sorted(declared - named), sorted(IN_HOOKS))
        self.assertEqual(sorted(named - declared), [])

    def test_what_hooks_can_call_is_called_by_a_test(self):
        for name, path in IN_HOOKS.items():
            self.assertRegex(read(path), rf'\b{name}\(')


class Spoilt(unittest.TestCase):
    """A small page, and what is found when something is wrong with it."""

    CONFIG = ('typedef struct wsuv_config {\n  size_t one; /**< The first; of two. */\n'
              '  const char *const *two;\n} wsuv_config_t;\n')
    ERRORS = 'XX(EONE, -70001, "one") \\\n XX(ETWO, -70002, "two")\n'
    FILES = {'net/test_a.c': 'WORLD_TEST(test_one, w) {\n}\nstatic void test_two(world *w) {}\n',
             'cli/b.py': 'class A:\n    def test_three(self):\n'}
    GOOD = '`net/test_a.c`: `test_one`; `cli/b.py`: `test_three`'

    def page(self, proof=GOOD, field='`two`', code='`WSUV_ETWO`', faults=FAULTS):
        head = '| a | b | proof |\n|---|---|---|\n'
        rows = ''.join(f'| F{n} | | not yet |\n' for n in faults)
        return (f'# Page\n\n## Configuration\n\n{head}| `one` * | text | {proof} |\n'
                f'| {field} | | not yet |\n\n## Errors\n\n{head}'
                f'| `WSUV_EONE`, {code} | | not yet |\n\n## Faults\n\n{head}{rows}')

    def check(self, *expected, **spoilt):
        found = list(problems(self.page(**spoilt), self.FILES.get, self.CONFIG, self.ERRORS))
        self.assertEqual(len(found), len(expected), found)
        for problem, pattern in zip(found, expected):
            self.assertRegex(problem, pattern)

    def test_nothing_wrong(self):
        self.check()

    def test_no_such_file(self):
        self.check('net/test_b.c: there is no', 'test_one is no test',
                   proof='`net/test_b.c`: `test_one`')

    def test_no_such_test(self):
        self.check('cli/b.py: test_one is no test', proof='`cli/b.py`: `test_one`')
        self.check('test_three is no test', proof='`net/test_a.c`: `test_one`, `test_three`')

    def test_a_test_that_is_not_run(self):
        self.check('test_two is no test', proof='`net/test_a.c`: `test_two`')

    def test_no_proof_at_all(self):
        for proof in ('', 'later', '`net/test_a.c`', '`test_one`', '`cli/b.py`: later'):
            self.check('no proof', proof=proof)

    def test_a_field_without_a_row(self):
        self.check('Configuration: two has no row', field='`three`')

    def test_a_code_without_a_row(self):
        self.check('Errors: WSUV_ETWO has no row', code='`WSUV_EFOUR`')

    def test_a_fault_is_missing(self):
        self.check('faults: not F1', faults=FAULTS[:-1])


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    ROOT = sys.argv[1]
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:])
