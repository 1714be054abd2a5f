#!/usr/bin/python3
"""The rules of the house that no compiler checks.

    lint.py [ROOT]

Prints `file:line: rule: what is wrong` for each offence and exits with 1 if there was one. The
rules:

    include     folders include along the arrows only, and other headers where the table has them
    circle      no file of lib includes itself through others; a file is x.c together with x.h
    order       files of lib/session are in SESSION_ORDER, and include and name only those below
    exceptions  SESSION_EXCEPTIONS are few, and all of them are needed
    own-header  a file of the library begins with its own header
    alloc       memory comes from the allocator handle
    uv          libuv is called from lib/net/uv only, and named where the table has it
    callback    the user's functions are called from one file, x.c together with x.h
    unbuilt     every C file and every test is named in a meson.build
    ascii, tab, column, space, newline, todo
"""

import os
import re
import sys
from fnmatch import fnmatchcase

COLUMNS = 100
C_FOLDERS = ('include', 'lib', 'examples', 'test', 'subprojects')
TEXT_FOLDERS = C_FOLDERS + ('.ci', 'doc')
TEXT_SUFFIXES = (
    '.c', '.h', '.inc', '.py', '.sh', '.js', '.map', 'meson.build', 'meson_options.txt'
)
THIS_FILE = 'test/lint/lint.py'
NOTIFY = ('lib/session/notify.c', 'lib/session/notify.h')


def headers(names):
    return {f'{name}.h' for name in names.split()}


# Public headers that know neither libuv nor sessions.
PLAIN = headers(
    'wsuv/config wsuv/deflate wsuv/end wsuv/error wsuv/export wsuv/extension wsuv/frame wsuv/hooks '
    'wsuv/http_request wsuv/prepared wsuv/refusal wsuv/stage wsuv/tls wsuv/transport wsuv/version'
)
TESTKIT = {'wsuv/testkit.h'}
WSUV = PLAIN | headers(
    'wsuv wsuv/access_line wsuv/adopt wsuv/client wsuv/converter wsuv/exchange wsuv/server '
    'wsuv/session wsuv/stats'
)

# Headers of C11, and the compilers' own for wide words.
STANDARD = headers(
    'assert ctype errno inttypes limits stdalign stdarg stdbool stddef stdint stdio stdlib '
    'stdnoreturn string emmintrin immintrin arm_neon'
)
PLAIN_C = STANDARD | PLAIN
FILES = headers('dirent fcntl sys/stat unistd')
ADDRESSES = headers('arpa/inet netinet/in')
MBEDTLS = {'mbedtls/*', 'psa/*'}
OPENSSL = {'openssl/*'}

# What may be named of libuv.
NOTHING, CODES, TYPES, ALL = '', r'UV_\w+', r'uv_\w+_t', r'(?:uv|UV)_\w+'

NET = 'net net/tls net/dial'
PROTO = 'proto/http proto/extension proto/frame proto/handshake proto/tunnel'

# The arrows. For each folder of lib, without the folders below it: the folders that its files may
# include besides their own, the other headers that they may include, what they may name of libuv.
# A file that may do more than its folder has a line of its own, with `.*` for its suffix.
ARROWS = {
    'base': ('', PLAIN_C | headers('pthread sys/socket'), NOTHING),
    'base/sha1.*': ('', PLAIN_C | headers('cpuid stdatomic'), NOTHING),
    'base/fork.*': ('', PLAIN_C | headers('pthread stdatomic sys/mman unistd'), NOTHING),
    'proto/http': ('base', PLAIN_C | {'llhttp.h'}, NOTHING),
    'proto/extension': ('proto/http base', PLAIN_C | {'zlib.h'}, NOTHING),
    'proto/frame': ('proto/extension proto/http base', PLAIN_C, NOTHING),
    # inet_pton() is a parser, no socket.
    'proto/handshake': (
        'proto/extension proto/http base', PLAIN_C | headers('llhttp arpa/inet'), NOTHING
    ),
    'proto/tunnel': ('proto/http base', PLAIN_C, NOTHING),
    'net/environment.*': ('', PLAIN_C | headers('unistd'), NOTHING),
    'net': ('base', PLAIN_C | ADDRESSES | headers('net/if sys/socket sys/un'), NOTHING),
    'net/error.*': ('base', PLAIN_C | {'uv.h'}, CODES),
    'net/uv': (
        'net base',
        PLAIN_C | headers('uv netdb netinet/in netinet/tcp sys/random sys/socket sys/un'),
        ALL,
    ),
    'net/uv/pipe.*': ('net base', PLAIN_C | headers('uv sys/un unistd'), ALL),
    'net/uv/tcp.*': ('net base', PLAIN_C | headers('uv unistd'), ALL),
    'net/uv/descriptor.*': ('base', PLAIN_C | headers('uv fcntl sys/socket unistd'), ALL),
    'net/uv/listen_socket.*': (
        'net base', PLAIN_C | headers('uv netinet/in sys/socket unistd'), ALL
    ),
    'net/uv/socket_file.*': (
        'net base', PLAIN_C | headers('uv sys/stat sys/types sys/un unistd'), ALL
    ),
    'net/uv/name_service.*': ('base', PLAIN_C | FILES | headers('fcntl strings'), NOTHING),
    'net/uv/address_sort.*': (
        'base', PLAIN_C | headers('ifaddrs netinet/in sys/socket unistd'), NOTHING
    ),
    'net/uv/lookup_cares.*': (
        'base', PLAIN_C | headers('ares uv netdb netinet/in sys/socket'), ALL
    ),
    'net/uv/backlog.*': (
        'net/uv base',
        PLAIN_C | headers('uv netinet/in netinet/tcp sys/ioctl sys/socket linux/sockios'),
        ALL,
    ),
    'net/uv/credentials.*': (
        'net base', PLAIN_C | headers('uv sys/socket sys/un unistd'), ALL
    ),
    'net/dial': ('net base', PLAIN_C | {'sys/socket.h'}, NOTHING),
    'net/tls': ('net base', PLAIN_C | ADDRESSES | FILES, NOTHING),
    'net/tls/mbedtls': ('net/tls net base', PLAIN_C | ADDRESSES | FILES | MBEDTLS, NOTHING),
    'net/tls/openssl': ('net/tls net base', PLAIN_C | ADDRESSES | FILES | OPENSSL, NOTHING),
    # The keys of tickets have an age, which mbedTLS knows by itself.
    'net/tls/openssl/ossl_tickets.*': (
        'net/tls net base', PLAIN_C | OPENSSL | headers('time'), NOTHING
    ),
    # The public headers have libuv's types. Other threads post to a client, under a lock.
    'session': (f'{NET} net/uv {PROTO} base', STANDARD | WSUV | {'pthread.h'}, TYPES),
    'session/endpoint.*': (f'{NET} net/uv {PROTO} base', STANDARD | WSUV | {'uv.h'}, TYPES),
    'session/testkit_entry.*': ('net/uv base', STANDARD | WSUV | {'uv.h'}, TYPES),
    # They run loops.
    'testkit/kit_simulated.*': (f'session {NET} base', STANDARD | WSUV | TESTKIT | {'uv.h'}, ALL),
    'testkit/kit_on_loop.*': (f'session {NET} base', STANDARD | WSUV | TESTKIT | {'uv.h'}, ALL),
    'testkit': (
        f'session {NET} base',
        STANDARD | WSUV | TESTKIT | ADDRESSES | headers('uv strings sys/socket sys/un'),
        r'UV_\w+|uv_\w+_t',
    ),
}

# The rooms of lib/session, a file and its header each, from the top down.
SESSION_ORDER = (
    'testkit_entry server listener entrance upgrade exchange decision server_state connect '
    'convert client ending control send settings authorize access_line session_info stats '
    'session attempt chain request hops incoming opening route session_tls credentials notify '
    'inflow timeouts handshakes state_deadline session_limits closing cause forwarding endpoint '
    'deadlines kind work outflow gather refresh address_counts connect_queue completions '
    'keepalive pings progress posts log config proxies'
).split()

# Pairs (file, included) of such rooms: the first may include the second, which is not below it.
SESSION_EXCEPTIONS = []
EXCEPTIONS_MAX = 9

DEFINITION = re.compile(r'^(?!static\b)[A-Za-z_][\w *]*?\b(\w+)\([^;{}]*\)\s*\{', re.M)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:<([^>\n]*)>|"([^"\n]*)")', re.M)
ALLOC = re.compile(
    r'(?<![\w.])(?<!->)'
    r'(malloc|calloc|realloc|reallocarray|free|strdup|strndup|aligned_alloc|posix_memalign'
    r'|v?asprintf|getline)[ \t\n]*\('
)
UV_NAME = re.compile(r'\b((?:uv|UV)_\w+)')
CALLBACK = re.compile(
    r'\bcallbacks[ \t\n]*(?:\.|->)[ \t\n]*(on_\w+)'
    r'|(?:\.|->)[ \t\n]*(on_(?:open|message|message_piece|frame|ping|pong|drain))'
    r'[ \t\n]*\)?[ \t\n]*\('
)
# The callback that a program passes to a send, a post or a client's close is named cb in
# lib/session, so that this lint finds its calls.
PASSED = re.compile(r'\b(wsuv_\w+_cb)[ \t\n]+(?!(?:\w+_)?cb\b)(\w+)')
PASSED_CALL = re.compile(r'\b(?<!_t )(?:[a-z]+_)?cb[ \t\n]*\)?[ \t\n]*\(')
UNFINISHED = re.compile(r'\b(TO' r'DO|FIX' r'ME)\b')

# One alternative matches a comment, the other a literal: what begins first wins.
COMMENT_OR_LITERAL = re.compile(
    r'(?P<comment>/\*.*?\*/|//(?:\\\n|[^\n])*)'
    r'|(?P<literal>"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\')',
    re.S,
)


def blank(text):
    """The same number of lines, without anything in them."""
    return re.sub(r'[^\n]', ' ', text)


def without_comments(text):
    def replace(match):
        return blank(match.group()) if match.group('comment') else match.group()

    return COMMENT_OR_LITERAL.sub(replace, text)


def bare(text):
    """Code alone: no comments, no directives' file names, nothing inside of literals."""

    def replace(match):
        found = match.group()
        return blank(found) if match.group('comment') else found[0] + blank(found[1:-1]) + found[-1]

    return COMMENT_OR_LITERAL.sub(replace, text)


def line_of(text, offset):
    return text.count('\n', 0, offset) + 1


def room_of(path):
    """What x.c and x.h are together: the path below lib, without suffix. Of any other file None."""
    match = re.fullmatch(r'lib/(.+)\.[ch]', path)
    return match and match.group(1)


def arrows_of(room):
    """The line of the table for a room: its own, or that of its folder. None if it has none."""
    return ARROWS.get(f'{room}.*') or ARROWS.get(os.path.dirname(room))


def includes(text):
    """All includes as (line, <system> or None, "quoted" or None)."""
    code = without_comments(text)
    for match in INCLUDE.finditer(code):
        yield line_of(code, match.start()), *match.groups()


def included_rooms(text):
    """The files of lib that a text includes, as (line, room)."""
    for line, _, quoted in includes(text):
        room = room_of(f'lib/{quoted}')
        if room:
            yield line, room


def library_may_include(room, system, quoted):
    folders, names, _ = arrows_of(room)
    if system:
        return any(fnmatchcase(system, name) for name in names)
    folder = os.path.dirname(quoted)
    return quoted.endswith('.h') and folder in (os.path.dirname(room), *folders.split())


def may_include(path, system, quoted):
    """Whether `path` may include <system> or "quoted"."""
    if path.startswith('lib/'):
        return library_may_include(room_of(path), system, quoted)
    if path.startswith('include/'):
        if path[len('include/'):] in PLAIN:
            return system in PLAIN | STANDARD
        return system in WSUV | STANDARD | {'uv.h'}
    if path.startswith('examples/'):
        return bool(system) or '/' not in quoted
    return True


def check_includes(path, text):
    room = room_of(path)
    if room and not arrows_of(room):
        yield 1, 'include', 'is in a folder that has no arrows'
        return
    for line, system, quoted in includes(text):
        if not may_include(path, system, quoted):
            yield line, 'include', f'may not include {system or quoted}'


def check_own_header(path, text, texts):
    room = room_of(path)
    if room and path.endswith('.c') and f'lib/{room}.h' in texts:
        if not text.startswith(f'#include "{room}.h"\n'):
            yield 1, 'own-header', f'does not begin with {room}.h'


def check_memory(path, code):
    if room_of(path) == 'base/alloc':
        return
    for match in ALLOC.finditer(code):
        yield line_of(code, match.start()), 'alloc', f'calls {match.group(1)}'


def check_libuv(path, code):
    _, _, allowed = arrows_of(room_of(path)) or ('', '', NOTHING)
    for match in UV_NAME.finditer(code):
        if not re.fullmatch(allowed, match.group(1)):
            yield line_of(code, match.start()), 'uv', f'names {match.group(1)}'


def check_callbacks(path, code):
    if path in NOTIFY:
        return
    for match in CALLBACK.finditer(code):
        called = match.group(1) or match.group(2)
        yield line_of(code, match.start()), 'callback', f'uses {called}'
    if not path.startswith('lib/session/'):
        return
    for match in PASSED.finditer(code):
        name = match.group(2)
        yield line_of(code, match.start()), 'callback', f'{name} should be named cb or ..._cb'
    for match in PASSED_CALL.finditer(code):
        yield line_of(code, match.start()), 'callback', 'calls cb'


def check_library(path, text, texts):
    yield from check_own_header(path, text, texts)
    code = bare(text)
    for check in check_memory, check_libuv, check_callbacks:
        yield from check(path, code)


def named_in_build(texts, folder):
    """All strings in the meson.build of a folder."""
    text = texts.get(os.path.join(folder, 'meson.build'), '')
    return set(re.findall(r"'([^'\n]*)'", text))


def check_built(path, texts):
    """A test may be named without `test_` and its suffix."""
    parts = path.split('/')
    test = re.fullmatch(r'test_(\w+)\.\w+', parts[-1])
    for depth in range(len(parts)):
        names = named_in_build(texts, '/'.join(parts[:depth]))
        if '/'.join(parts[depth:]) in names or test and test.group(1) in names:
            return
    yield 1, 'unbuilt', 'is named in no meson.build'


def check_ascii(path, text):
    for number, line in enumerate(without_comments(text).split('\n'), 1):
        if not line.isascii():
            yield number, 'ascii', 'is not ASCII'


def check_lines(path, text):
    for number, line in enumerate(text.split('\n'), 1):
        if '\t' in line:
            yield number, 'tab', 'has a tab'
        if len(line) > COLUMNS:
            yield number, 'column', f'is {len(line)} columns wide'
        if line != line.rstrip():
            yield number, 'space', 'ends in white space'
        if UNFINISHED.search(line):
            yield number, 'todo', 'is not finished'
    if text and not text.endswith('\n'):
        yield line_of(text, len(text)), 'newline', 'does not end in a newline'


def check_file(path, text, texts):
    """All that can be said of one file, as (line, rule, message)."""
    yield from check_lines(path, text)
    if path.endswith(('.c', '_test.py')):
        yield from check_built(path, texts)
    if path.endswith(('.c', '.h')):
        yield from check_ascii(path, text)
        yield from check_includes(path, text)
    if room_of(path):
        yield from check_library(path, text, texts)


def include_graph(texts):
    """For each room of lib the rooms that it includes, and where: {room: {other: (path, line)}}."""
    graph = {}
    for path, text in texts.items():
        room = room_of(path)
        if room:
            edges = graph.setdefault(room, {})
            for line, other in included_rooms(text):
                if other != room:
                    edges.setdefault(other, (path, line))
    return graph


def reached(graph, start):
    """All that can be reached from `start`; `start` itself only by a circle."""
    found, waiting = set(), [start]
    while waiting:
        for other in graph.get(waiting.pop(), ()):
            if other not in found:
                found.add(other)
                waiting.append(other)
    return found


def shortest_circle(graph, start):
    """[start, ..., start] along the graph. There must be one."""
    seen, ways = set(), [[start]]
    for way in ways:
        for other in sorted(graph.get(way[-1], ())):
            if other == start:
                return way + [start]
            if other not in seen:
                seen.add(other)
                ways.append(way + [other])
    raise ValueError(f'no circle through {start}')


def circles(graph):
    """Each set of rooms that all reach each other, as (circle through the first, the others)."""
    reach = {room: reached(graph, room) for room in graph}
    done = set()
    for room in sorted(graph):
        if room in reach[room] and room not in done:
            knot = {other for other in reach[room] if room in reach.get(other, ())}
            circle = shortest_circle(graph, room)
            done |= knot
            yield circle, sorted(knot.difference(circle))


def check_circles(texts):
    graph = include_graph(texts)
    for circle, others in circles(graph):
        path, line = graph[circle[0]][circle[1]]
        message = ' -> '.join(circle)
        if others:
            message += ', and in circles with these: ' + ', '.join(others)
        yield path, line, 'circle', message


def session_name(room):
    """The name of a room of lib/session as SESSION_ORDER has it, or None."""
    return room[len('session/'):] if room and room.startswith('session/') else None


def upward_includes(texts):
    """Includes against SESSION_ORDER, as (path, line, name, included name)."""
    place = {name: number for number, name in enumerate(SESSION_ORDER)}
    for path, text in texts.items():
        name = session_name(room_of(path))
        if name in place:
            for line, room in included_rooms(text):
                other = session_name(room)
                if place.get(other, len(place)) < place[name]:
                    yield path, line, name, other


def upward_calls(texts):
    """Functions of rooms above that are named, as (path, line, name, function): public headers
    declare functions of several rooms, so that includes alone do not show it."""
    codes = {path: bare(text) for path, text in texts.items() if session_name(room_of(path))}
    defined = {}
    for path, code in codes.items():
        for function in DEFINITION.findall(code) if path.endswith('.c') else ():
            defined[function] = session_name(room_of(path))
    place = {name: number for number, name in enumerate(SESSION_ORDER)}
    for path, code in codes.items():
        name = session_name(room_of(path))
        for match in re.finditer(r'\b[a-z]\w+\b', code):
            other = defined.get(match.group())
            if place.get(other, len(place)) < place.get(name, -1):
                yield path, line_of(code, match.start()), name, match.group()


def check_order(texts):
    for path in texts:
        name = session_name(room_of(path))
        if name and name not in SESSION_ORDER:
            yield path, 1, 'order', f'{name} is not in SESSION_ORDER'
    for path, line, name, other in upward_includes(texts):
        if (name, other) not in SESSION_EXCEPTIONS:
            yield path, line, 'order', f'{name} includes {other}, which is above it'
    for path, line, name, function in upward_calls(texts):
        yield path, line, 'order', f'{name} names {function}, which a room above it defines'


def check_exceptions(texts):
    count = len(SESSION_EXCEPTIONS)
    if count > EXCEPTIONS_MAX:
        yield THIS_FILE, 1, 'exceptions', f'{count} are more than {EXCEPTIONS_MAX}'
    needed = {(name, other) for _, _, name, other in upward_includes(texts)}
    for name, other in SESSION_EXCEPTIONS:
        if (name, other) not in needed:
            yield THIS_FILE, 1, 'exceptions', f'that {name} includes {other} is not needed'


def files(root):
    """Paths of all the files to look at, relative to the root."""
    for name in sorted(os.listdir(root)):
        if name.endswith(TEXT_SUFFIXES):
            yield name
    for folder in TEXT_FOLDERS:
        for where, folders, names in os.walk(os.path.join(root, folder)):
            folders.sort()
            for name in sorted(names):
                if name.endswith(TEXT_SUFFIXES) or folder == '.ci':
                    yield os.path.relpath(os.path.join(where, name), root).replace(os.sep, '/')


def read(root):
    texts = {}
    for path in files(root):
        with open(os.path.join(root, path), encoding='utf-8') as file:
            texts[path] = file.read()
    return texts


def lint(texts):
    """All offences as (path, line, rule, message)."""
    offences = [
        (path, *offence)
        for path, text in texts.items()
        for offence in check_file(path, text, texts)
    ]
    for check in check_circles, check_order, check_exceptions:
        offences += check(texts)
    return sorted(offences)


def main(arguments):
    texts = read(arguments[1] if len(arguments) > 1 else '.')
    offences = lint(texts)
    for path, line, rule, message in offences:
        print(f'{path}:{line}: {rule}: {message}')
    print(f'{len(texts)} files, {len(offences)} offences')
    return 1 if offences or not texts else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
