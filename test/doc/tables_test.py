#!/usr/bin/python3
"""The tables of the guide, of errors.md and of peers.md say what the public headers say, and the
links of every page lead somewhere.

    tables_test.py ROOT [unittest's arguments]

In every table, a name that looks like one of wsuv's or libuv's must be in a header. An HTML comment
on the line before a table says what else it is compared with:

    <!-- table functions PREFIX -->  has all functions whose names begin so, and no others
    <!-- table errors GROUP -->      has the codes that the comment of this `@name` group has
    <!-- table fields STRUCT -->     has all fields of the structure but `size`, and no others
    <!-- table enum TYPE -->         has all members of the enumeration, and no others
    <!-- table map MACRO PREFIX -->  has all rows `XX(name, value, status, text)` of the map, and no
                                     others, with the same status ("none" for 0) and text
    <!-- table limits STRUCT -->     has all fields whose comment says with which error a session
                                     ends; with the same default, and with that error
    <!-- table cases -->             its columns `stage`, `code`, `sent_code` have only stages and
                                     close codes that there are

That what is wrong is found is tested, too, on pages that were spoilt.
"""

import glob
import os
import re
import sys
import unittest

ROOT = ''
PAGES = ('doc/errors.md', 'doc/peers.md')  # and the chapters of the guide
GUIDE = 'doc/guide.md'

FENCE = re.compile(r'^```.*?^```$', re.M | re.S)
TABLE = re.compile(r'(?:^<!-- table (.*) -->\n)?((?:^\|.*\|\n)+)', re.M)
TOKEN = re.compile(r'`(\w+)`')
NAME = re.compile(r'`((?:WSUV_|wsuv_|UV_E)\w+)`')
ERROR = re.compile(r'`?((?:WSUV|UV)_E[A-Z]\w*)`?')
CLOSE_CODE = re.compile(r'(?:close code |\()(1\d\d\d)\b')
ENDS = re.compile(r'session ends with|ends the session with|fails with')
VALUE = re.compile(r'\d+(?: [KM]iB)?')
COMMENTED = re.compile(r'(?:/\*\*(?!<)(?P<before>(?:(?!\*/).)*)\*/\s*)?'
                       r'(?P<text>[^;{}/]*?\b(?P<name>\w+));'
                       r'(?:[ ]*/\*\*<(?P<after>(?:(?!\*/).)*)\*/)?', re.S)
FUNCTION = re.compile(r'^WSUV_EXTERN\b[^;{]*?\b(\w+)\s*\(', re.M)
ROW = re.compile(r'XX\((\w+),\s*\d+,\s*(\d+),[\s\\]*"([^"]*)"\)')
LINK = re.compile(r'\]\(([^)\s]+)\)')
NAMED = re.compile(r'\b(?:doc|findings)/[\w/-]+\.md\b')
HEADING = re.compile(r'^#+ (.*)$', re.M)


# --- the headers ---


def plain(comment):
    """Of several lines one."""
    return ' '.join(re.sub(r'\n\s*\*', ' ', comment).split())


class Headers:
    def __init__(self, text):
        self.text = text

    def has(self, name):
        short = name.removeprefix('WSUV_')  # as the map of error codes has it
        short = short.removeprefix('REFUSED_')
        return re.search(rf'\b(?:{name}|XX\({short},)', self.text) or name.startswith('UV_E')

    def functions(self, prefix):
        return {name for name in FUNCTION.findall(self.text) if name.startswith(prefix)}

    def group(self, name):
        """The codes in the comment that begins a group."""
        match = re.search(rf'/\*\* @name {name}\n(.*?)\*/', self.text, re.S)
        return set(ERROR.findall(match.group(1))) if match else set()

    def fields(self, struct):
        """Comments of the fields, by name."""
        match = re.search(rf'\}} {struct};', self.text)
        if not match:
            return {}
        begin = self.text.rindex('\ntypedef struct ', 0, match.start())
        body = self.text[self.text.index('{', begin) + 1:match.start()]
        body = re.sub(r'/\*\*\s*@name.*?\*/|/\*\* @\} \*/', '', body, flags=re.S)
        return {m['name']: plain(m['before'] or m['after'] or '')
                for m in COMMENTED.finditer(body) if m['name'] != 'size'}

    def members(self, enum):
        """Values of an enumeration, by name; None: it is not a plain number."""
        match = re.search(rf'typedef enum {enum.removesuffix("_t")} \{{(.*?)\}} {enum};', self.text,
                          re.S)
        body = re.sub(r'/\*.*?\*/', '', match.group(1), flags=re.S) if match else ''
        return {name: int(value) if value.isdigit() else None
                for name, value in re.findall(r'(\w+) =\s*([^,]+?),?\s*(?=WSUV_|$)', body)}

    def map(self, macro):
        """The rows of an X-macro, as status and text by name."""
        match = re.search(rf'#define {macro}\(XX\)((?:[^\n]*\\\n)*[^\n]*)', self.text)
        rows = ROW.findall(match.group(1)) if match else ()
        return {name: (status, text) for name, status, text in rows}

    def stages(self):
        return {name.removeprefix('WSUV_STAGE_').lower() for name in self.members('wsuv_stage_t')}


# --- the tables ---


def tables(page):
    """What each is compared with, its head, and its rows, as lists of cells."""
    for directive, text in TABLE.findall(FENCE.sub('', page)):
        lines = [[cell.strip() for cell in line.strip()[1:-1].split('|')]
                 for line in text.splitlines()]
        yield directive.split(), lines[0], lines[2:]


def same(what, told, there):
    yield from (f'{name}: not in the table of {what}' for name in sorted(there - told))
    yield from (f'{name}: in the table of {what}, but not in the headers'
                for name in sorted(told - there))


def first_column(rows):
    names = [name for row in rows for name in TOKEN.findall(row[0])]
    yield from sorted(names)


def compare_functions(headers, _head, rows, prefix):
    yield from same(f'functions {prefix}', set(first_column(rows)), headers.functions(prefix))


def compare_errors(headers, _head, rows, group):
    yield from same(f'errors, {group}', set(first_column(rows)), headers.group(group))


def compare_fields(headers, _head, rows, struct):
    yield from same(struct, set(first_column(rows)), set(headers.fields(struct)))
    for row in rows:
        if row[0] == '`stage`':
            told = set(re.split(r',\s*', row[1].rpartition(': ')[2]))
            yield from same('stages', told, headers.stages())


def compare_enum(headers, _head, rows, enum):
    yield from same(enum, set(first_column(rows)), set(headers.members(enum)))


def compare_map(headers, _head, rows, macro, prefix):
    there = {prefix + name: row for name, row in headers.map(macro).items()}
    yield from same(macro, set(first_column(rows)), set(there))
    for name, status, text in rows:
        row = (status.replace('none', '0'), text)
        if there.get(name.strip('`'), row) != row:
            yield f'{name}: {row}, and in the header {there[name.strip("`")]}'


def default_of(comment):
    match = re.search(r'(\S+) \(the default\)|[Dd]efault (\d+(?: [KM]iB)?)', comment)
    return match and (match.group(1) or match.group(2))


def compare_limits(headers, _head, rows, struct):
    fields = headers.fields(struct)
    told = set(first_column(rows))
    needed = {name for name, comment in fields.items() if ENDS.search(comment)}
    yield from same(struct, told, needed | (told & set(fields)))
    for names, default, text in rows:
        for name, value in zip(TOKEN.findall(names), VALUE.findall(default)):
            comment = fields.get(name, '')
            if value != default_of(comment):
                yield f'{name}: default {value}, and in the header {default_of(comment)}'
            for pattern in (ERROR, CLOSE_CODE):
                missing = set(pattern.findall(comment)) - set(pattern.findall(text))
                yield from (f'{name}: {code} is not in its row' for code in sorted(missing))


def compare_cases(headers, head, rows):
    codes = {str(value) for value in headers.members('wsuv_close_code_t').values()} | {'0'}
    stages = headers.stages() | {'any', 'up', 'to'}
    for row in rows:
        cells = dict(zip((cell.strip('`') for cell in head), row))
        yield from (f'{stage}: no stage' for stage in re.findall(r'\w+', cells['stage'])
                    if stage not in stages)
        yield from (f'{code}: no close code' for column in ('code', 'sent_code')
                    for code in re.findall(r'\d+', cells[column]) if code not in codes)


RULES = {'functions': compare_functions, 'errors': compare_errors, 'fields': compare_fields,
         'enum': compare_enum, 'map': compare_map, 'limits': compare_limits, 'cases': compare_cases}


def problems(headers, page):
    """What is wrong with the tables of a page."""
    for directive, head, rows in tables(page):
        for row in rows:
            if len(row) != len(head):
                yield f'{row[0]}: a row with another number of cells'
            yield from (f'{name}: no header has it' for name in NAME.findall(' '.join(row))
                        if not headers.has(name))
        if directive:
            rule, *arguments = directive
            yield from RULES[rule](headers, head, rows, *arguments)


# --- links ---


def anchors(page):
    """As the project's host and others make them of headings."""
    headings = HEADING.findall(FENCE.sub('', page))
    return [re.sub(r'[^\w\- ]', '', re.sub(r'\[([^]]*)\]\([^)]*\)', r'\1', heading)).lower()
            .replace(' ', '-') for heading in headings]


def dead_links(path, read_page, exists):
    """Links that lead nowhere, and headings that a link cannot tell apart."""
    own = anchors(read_page(path))
    yield from (f'{path}: #{name}: twice' for name in sorted(set(own)) if own.count(name) > 1)
    for link in LINK.findall(FENCE.sub('', read_page(path))):
        if '://' in link:
            continue
        target, _, anchor = link.partition('#')
        target = os.path.normpath(os.path.join(os.path.dirname(path), target)) if target else path
        if not exists(target):
            yield f'{path}: {link}: no such file'
        elif anchor and anchor not in anchors(read_page(target)):
            yield f'{path}: {link}: no such heading'


def read(path):
    with open(os.path.join(ROOT, path), encoding='utf-8') as file:
        return file.read()


def files(*ends):
    """Paths below the root that end so, without those of builds."""
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders
                      if name not in ('.git', 'subprojects') and not name.startswith('build')]
        found += [os.path.relpath(os.path.join(folder, name), ROOT) for name in names]
    return sorted(path for path in found if path.endswith(ends))


def pages():
    return [path for path in files('.md') if path.startswith('doc/guide/')] + list(PAGES)


def exists(path):
    return os.path.exists(os.path.join(ROOT, path))


def headers_of(root):
    texts = []
    for path in sorted(glob.glob(f'{root}/include/wsuv/*.h')):
        with open(path, encoding='utf-8') as file:
            texts.append(file.read())
    return Headers(''.join(texts))


class Papers(unittest.TestCase):
    def test_tables_say_what_the_headers_say(self):
        headers = headers_of(ROOT)
        for path in pages():
            with self.subTest(path):
                self.assertEqual(list(problems(headers, read(path))), [])

    def test_every_rule_is_used(self):
        used = {directive[0] for path in pages()
                for directive, *_ in tables(read(path)) if directive}
        self.assertEqual(used, set(RULES))

    def test_links_lead_somewhere(self):
        paths = files('.md')
        self.assertIn('README.md', paths)
        self.assertIn('doc/guide/tls.md', paths)
        for path in paths:
            with self.subTest(path):
                self.assertEqual(list(dead_links(path, read, exists)), [])

    def test_pages_that_are_named_elsewhere_are_there(self):
        for path in files('.md', '.h', '.c', '.py', '.sh', '.dox', '.1', 'meson.build'):
            for name in NAMED.findall(read(path)):
                self.assertTrue(exists(name), f'{path}: {name}')

    def test_every_chapter_is_on_the_front_page_once_and_leads_back(self):
        links = LINK.findall(read(GUIDE))
        linked = [f'doc/{link}' for link in links if link.startswith('guide/')]
        self.assertEqual(sorted([*linked, *PAGES]), sorted(pages()))
        for path in linked:
            self.assertIn('](../guide.md)', read(path), path)

    def test_every_header_is_in_a_group_of_the_reference(self):
        groups = set(re.findall(r'@defgroup (\w+)', read('doc/reference.dox')))
        for path in glob.glob(f'{ROOT}/include/wsuv/*.h'):
            if not path.endswith('/export.h'):
                with open(path, encoding='utf-8') as file:
                    named = re.findall(r'@addtogroup (\w+)', file.read())
                self.assertTrue(named and groups.issuperset(named), f'{path}: {named}')

    def test_every_finding_is_listed(self):
        listed = LINK.findall(read('findings/README.md'))
        for path in glob.glob(f'{ROOT}/findings/*.sh'):
            self.assertIn(os.path.basename(path), listed)


class Spoilt(unittest.TestCase):
    """Small tables, and what is found when something is wrong with them."""

    HEADERS = Headers('''
#define WSUV_ERRNO_MAP(XX) XX(EONE, -1, "first") XX(ETWO, -2, "second")
#define WSUV_REFUSED_MAP(XX) \\
  XX(ONE, 1, 404, "first") \\
  XX(TWO, 2, 0, \\
     "second")
typedef enum wsuv_stage { WSUV_STAGE_ONE = 0, /**< First. */ WSUV_STAGE_TWO = 1 /**< Second. */
} wsuv_stage_t;
typedef enum wsuv_close_code { WSUV_CLOSE_NORMAL = 1000 /**< End. */ } wsuv_close_code_t;
/** @name Sending
 * `WSUV_EONE`: no; `UV_EINVAL`: no.
 * @{ */
WSUV_EXTERN int wsuv_send_one(int a,
                              int b);
/** @} */
typedef struct wsuv_config {
  size_t size; /**< Of the caller. */
  /** @name Limits
   * @{ */
  /** A larger one ends the session with `WSUV_EONE` (1000). Default 16 MiB. */
  size_t most;
  unsigned time; /**< In ms; 0 (the default): none. The session ends with `WSUV_ETWO`. */
  /** @} */
  const char *const *names; /**< Some. */
} wsuv_config_t;
''')

    def check(self, text, *expected):
        found = list(problems(self.HEADERS, f'\n{text}\n\nbehind\n'))
        self.assertEqual(len(found), len(expected), found)
        for problem, pattern in zip(found, expected):
            self.assertRegex(problem, pattern)

    def table(self, directive, head, *rows):
        line = '|---' * (head.count('|') + 1) + '|'
        comment = [f'<!-- table {directive} -->'] if directive else []
        return '\n'.join([*comment, f'| {head} |', line, *(f'| {row} |' for row in rows)])

    def test_names(self):
        self.check(self.table('', 'a', '`WSUV_EONE`, `UV_EOF`, `other`'))
        self.check(self.table('', 'a', '`WSUV_ETHREE`, `wsuv_three`'), 'ETHREE', 'wsuv_three')
        self.check('```\n' + self.table('', 'a', '`WSUV_ETHREE`') + '\n```')

    def test_number_of_cells(self):
        self.check(self.table('', 'a | b', 'one'), 'number of cells')

    def test_functions(self):
        self.check(self.table('functions wsuv_send', 'f', '`wsuv_send_one`'))
        self.check(self.table('functions wsuv_send', 'f', 'none'), 'wsuv_send_one: not in')
        self.check(self.table('functions wsuv_send', 'f', '`wsuv_send_one`', '`wsuv_send_two`'),
                   'wsuv_send_two: no header', 'wsuv_send_two: .* not in the headers')

    def test_errors(self):
        self.check(self.table('errors Sending', 'e', '`WSUV_EONE`', '`UV_EINVAL`'))
        self.check(self.table('errors Sending', 'e', '`WSUV_EONE`', '`WSUV_ETWO`'),
                   'UV_EINVAL: not in', 'WSUV_ETWO: .* not in the headers')

    def test_fields(self):
        self.check(self.table('fields wsuv_config_t', 'f | m', '`most`, `time` | x', '`names` | x'))
        self.check(self.table('fields wsuv_config_t', 'f | m', '`most` | x', '`names`, `more` | x'),
                   'time: not in', 'more: .* not in the headers')

    def test_stages(self):
        rows = ['`most`, `time`, `names` | x']
        self.check(self.table('fields wsuv_config_t', 'f | m', *rows, '`stage` | so: one, two'),
                   'stage: .* not in the headers')
        self.check(self.table('fields wsuv_config_t', 'f | m', *rows, '`stage` | so: one, three'),
                   'stage: .*', 'two: not in', 'three: .* not in the headers')

    def test_enum(self):
        self.check(self.table('enum wsuv_stage_t', 'm', '`WSUV_STAGE_ONE`, `WSUV_STAGE_TWO`'))
        self.check(self.table('enum wsuv_stage_t', 'm', '`WSUV_STAGE_ONE`'), 'TWO: not in')

    def test_map(self):
        one, two = '`WSUV_REFUSED_ONE` | 404 | first', '`WSUV_REFUSED_TWO` | none | second'
        for rows, *expected in (
                ([one, two],),
                ([one], 'REFUSED_TWO: not in'),
                ([one.replace('404', '400'), two], r'ONE.*400.*404'),
                ([one, two.replace('second', 'other')], r'TWO.*other.*second')):
            self.check(self.table('map WSUV_REFUSED_MAP WSUV_REFUSED_', 'c | s | t', *rows),
                       *expected)

    def test_limits(self):
        most = '`most` | 16 MiB | `WSUV_EONE`, close code 1000'
        time = '`time` | 0: none | `WSUV_ETWO`'
        for rows, *expected in (
                ([most, time],),
                ([most], 'time: not in'),
                ([most.replace('16', '8'), time], 'most: default 8 MiB, .* 16 MiB'),
                ([most, time.replace('0', '1')], 'time: default 1, .* 0'),
                ([most.replace('EONE', 'ETWO'), time], 'most: WSUV_EONE is not'),
                ([most.replace('1000', '1001'), time], 'most: 1000 is not'),
                ([most, time, '`more` | 1 | x'], 'more: .* not in the headers', 'more: default')):
            self.check(self.table('limits wsuv_config_t', 'f | d | w', *rows), *expected)

    def test_cases(self):
        head = 'what | `stage` | `code` | `sent_code`'
        self.check(self.table('cases', head, 'a | one, two | 1000 | 0 or 1000', 'b | any | 0 | 0'))
        self.check(self.table('cases', head, 'a | three | 1001 | 1'), 'three: no stage',
                   '1001: no close', '1: no close')

    def test_links(self):
        pages = {'a.md': '# One\n\n[x](b/c.md#two-words) [y](#one) [z](https://x/y)\n',
                 'b/c.md': '## `Two` words\n\n[x](../a.md#gone) [y](d.md)\n'}
        self.assertEqual(list(dead_links('a.md', pages.__getitem__, pages.__contains__)), [])
        self.assertEqual(list(dead_links('b/c.md', pages.__getitem__, pages.__contains__)),
                         ['b/c.md: ../a.md#gone: no such heading', 'b/c.md: d.md: no such file'])
        pages['a.md'] += '## One\n'
        self.assertEqual(list(dead_links('a.md', pages.__getitem__, pages.__contains__)),
                         ['a.md: #one: twice'])


if __name__ == '__main__':
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    ROOT = sys.argv[1]
    unittest.main(argv=[sys.argv[0]] + sys.argv[2:])
