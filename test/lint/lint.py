#!/usr/bin/python3
"""The rules of the house that no compiler checks.

    lint.py [ROOT]

Prints `file:line: rule: what is wrong` for each offence and exits with 1 if there was one. The
rules: `include` (folders include along the arrows only), `own-header` (a file of the library begins
with its own header), `alloc` (memory comes from the allocator handle), `uv` (libuv is called from
lib/net only), `callback` (the user's callbacks are called from one file), `unbuilt` (every C file
and every test is named in a meson.build), `ascii`, `tab`, `column`, `space`, `newline`, `todo`.
"""

import os
import re
import sys

COLUMNS = 100
C_FOLDERS = ('include', 'lib', 'examples', 'test', 'subprojects')
TEXT_FOLDERS = C_FOLDERS + ('.ci', 'doc')
TEXT_SUFFIXES = ('.c', '.h', '.py', '.sh', '.js', '.map', 'meson.build', 'meson_options.txt')
LAYERS = ('base', 'proto', 'net', 'session')

# Public headers that know neither libuv nor sessions.
PLAIN = {
    f'wsuv/{name}.h'
    for name in (
        'config', 'deflate', 'error', 'export', 'extension', 'frame', 'hooks', 'prepared', 'tls',
        'version'
    )
}
WSUV = PLAIN | {'wsuv.h', 'wsuv/client.h', 'wsuv/converter.h', 'wsuv/session.h', 'wsuv/stats.h'}

# Headers of C11, and the compilers' own for wide words.
STANDARD = {
    f'{name}.h'
    for name in (
        'assert ctype errno inttypes limits stdalign stdarg stdbool stddef stdint stdio stdlib '
        'stdnoreturn string emmintrin immintrin arm_neon'
    ).split()
}
SOCKETS = {'sys/socket.h', 'netinet/in.h', 'netinet/tcp.h', 'arpa/inet.h', 'netdb.h'}
SYSTEM = SOCKETS | {
    f'{name}.h'
    for name in 'dirent fcntl signal time unistd net/if sys/random sys/stat sys/types sys/uio '
    'sys/un'.split()
}
MBEDTLS = {
    f'mbedtls/{name}.h'
    for name in 'asn1 bignum cipher ctr_drbg ecp entropy error md pem pk platform_util ssl '
    'ssl_ciphersuites ssl_ticket version x509 x509_crt'.split()
} | {'psa/crypto.h'}

# What each layer may include: folders of the library, and other headers by name.
ARROWS = {
    'base': ({'base'}, STANDARD | PLAIN | {'sys/socket.h', 'pthread.h'}),
    # inet_pton() is a parser, no socket.
    'proto': ({'proto', 'base'}, STANDARD | PLAIN | {'llhttp.h', 'zlib.h', 'arpa/inet.h'}),
    'net': ({'net', 'base'}, STANDARD | SYSTEM | MBEDTLS | WSUV | {'uv.h'}),
    # A client is told things by other threads.
    'session': ({'session', 'net', 'proto', 'base'}, STANDARD | WSUV | {'uv.h', 'pthread.h'}),
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:<([^>\n]*)>|"([^"\n]*)")', re.M)
ALLOC = re.compile(
    r'(?<![\w.])(?<!->)'
    r'(malloc|calloc|realloc|reallocarray|free|strdup|strndup|aligned_alloc|posix_memalign'
    r'|v?asprintf|getline)[ \t\n]*\('
)
UV_CALL = re.compile(r'\b(uv_\w+)[ \t\n]*\(')
UV_NAME = re.compile(r'\b((?:uv|UV)_\w+)')
CALLBACK = re.compile(
    r'\bcallbacks[ \t\n]*(?:\.|->)[ \t\n]*(on_\w+)'
    r'|(?:\.|->)[ \t\n]*(on_(?:open|message|message_piece|frame|ping|pong|drain))'
    r'[ \t\n]*\)?[ \t\n]*\('
)
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


def layer_of(path):
    """The folder of the library that a file is in, or None."""
    parts = path.split('/')
    return parts[1] if len(parts) > 2 and parts[0] == 'lib' and parts[1] in LAYERS else None


def may_include(path, system, quoted):
    """Whether `path` may include <system> or "quoted"."""
    layer = layer_of(path)
    if layer:
        folders, names = ARROWS[layer]
        return system in names if system else quoted.split('/')[0] in folders and '/' in quoted
    if path.startswith('include/'):
        if path[len('include/'):] in PLAIN:
            return system in PLAIN | STANDARD
        return system in WSUV | STANDARD | {'uv.h'}
    if path.startswith('examples/'):
        return bool(system) or '/' not in quoted
    return not path.startswith('lib/')


def check_includes(path, text):
    code = without_comments(text)
    for match in INCLUDE.finditer(code):
        system, quoted = match.groups()
        if not may_include(path, system, quoted):
            yield line_of(code, match.start()), 'include', f'may not include {system or quoted}'


def check_own_header(path, text, root):
    header = path[len('lib/'):-1] + 'h'
    if not layer_of(path) or not path.endswith('.c'):
        return
    if os.path.exists(os.path.join(root, 'lib', header)):
        if not text.startswith(f'#include "{header}"\n'):
            yield 1, 'own-header', f'does not begin with {header}'


def check_calls(path, text):
    layer = layer_of(path)
    if not layer:
        return
    code = bare(text)
    if path not in ('lib/base/alloc.c', 'lib/base/alloc.h'):
        for match in ALLOC.finditer(code):
            yield line_of(code, match.start()), 'alloc', f'calls {match.group(1)}'
    if layer in ('base', 'proto'):
        for match in UV_NAME.finditer(code):
            yield line_of(code, match.start()), 'uv', f'names {match.group(1)}'
    elif layer == 'session':
        for match in UV_CALL.finditer(code):
            if not match.group(1).endswith(('_t', '_cb')):
                yield line_of(code, match.start()), 'uv', f'calls {match.group(1)}'
    if path != 'lib/session/notify.c':
        for match in CALLBACK.finditer(code):
            called = match.group(1) or match.group(2)
            yield line_of(code, match.start()), 'callback', f'uses {called}'


def named_in_build(root, folder):
    """All strings in the meson.build of a folder."""
    path = os.path.join(root, folder, 'meson.build')
    if not os.path.exists(path):
        return set()
    with open(path, encoding='utf-8') as file:
        return set(re.findall(r"'([^'\n]*)'", file.read()))


def check_built(path, root):
    """A test may be named without `test_` and its suffix."""
    parts = path.split('/')
    short = re.sub(r'^test_|\.\w+$', '', parts[-1])
    for depth in range(len(parts)):
        names = named_in_build(root, '/'.join(parts[:depth]))
        if '/'.join(parts[depth:]) in names or short in names:
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


def lint_file(root, path):
    with open(os.path.join(root, path), encoding='utf-8') as file:
        text = file.read()
    yield from check_lines(path, text)
    if path.endswith(('.c', '_test.py')):
        yield from check_built(path, root)
    if path.endswith(('.c', '.h')):
        yield from check_ascii(path, text)
    if path.endswith(('.c', '.h')) and path.split('/')[0] != 'test':
        yield from check_includes(path, text)
        yield from check_own_header(path, text, root)
        yield from check_calls(path, text)


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


def lint(root):
    """All offences as (path, line, rule, message)."""
    return [
        (path, line, rule, message)
        for path in files(root)
        for line, rule, message in lint_file(root, path)
    ]


def main(arguments):
    root = arguments[1] if len(arguments) > 1 else '.'
    offences = lint(root)
    for path, line, rule, message in offences:
        print(f'{path}:{line}: {rule}: {message}')
    looked_at = sum(1 for _ in files(root))
    print(f'{looked_at} files, {len(offences)} offences')
    return 1 if offences or looked_at == 0 else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
