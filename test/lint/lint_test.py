#!/usr/bin/python3
"""Proves that every rule of lint.py fires, and where none may."""

import os
import tempfile
import unittest

from lint import lint


def rules(path, text, others=()):
    """The rules that a tree with this file, and others of the same kind, breaks."""
    with tempfile.TemporaryDirectory() as root:
        build = os.path.join(os.path.dirname(path), 'meson.build')
        names = f"'{os.path.basename(path)}'\n"
        for name, content in ((build, names), (path, text), *others):
            full = os.path.join(root, name)
            os.makedirs(os.path.dirname(full) or root, exist_ok=True)
            with open(full, 'w', encoding='utf-8') as file:
                file.write(content)
        return [rule for found, _, rule, _ in lint(root) if found == path]


def include(path, what):
    return rules(path, f'#include {what}\n')


class Includes(unittest.TestCase):
    def check(self, folder, good, bad):
        for what in good:
            self.assertEqual(include(f'lib/{folder}/x.c', what), [], what)
        for what in bad:
            self.assertEqual(include(f'lib/{folder}/x.c', what), ['include'], what)

    def test_base(self):
        self.check(
            'base',
            ('"base/list.h"', '<wsuv/error.h>', '<wsuv/hooks.h>', '<string.h>', '<sys/socket.h>'),
            ('"proto/url.h"', '"net/dial.h"', '"session/x.h"', '<uv.h>', '<llhttp.h>', '<wsuv.h>',
             '<wsuv/session.h>', '<wsuv/client.h>', '<zlib.h>', '"list.h"', '<time.h>'),
        )

    def test_proto(self):
        self.check(
            'proto',
            ('"base/list.h"', '"proto/url.h"', '<wsuv/frame.h>', '<llhttp.h>', '<zlib.h>',
             '<stdint.h>'),
            ('"net/dial.h"', '"session/x.h"', '<uv.h>', '<wsuv.h>', '<wsuv/session.h>',
             '<wsuv/client.h>', '<mbedtls/ssl.h>', '<sys/socket.h>', '<time.h>', '"../net/dial.h"'),
        )

    def test_net(self):
        self.check(
            'net',
            ('"base/env.h"', '"net/dial.h"', '<uv.h>', '<wsuv/error.h>', '<sys/socket.h>',
             '<mbedtls/ssl.h>'),
            ('"proto/conn.h"', '"session/session.h"', '<llhttp.h>'),
        )

    def test_session(self):
        self.check(
            'session',
            ('"base/env.h"', '"net/dial.h"', '"proto/conn.h"', '"session/x.h"', '<wsuv.h>',
             '<wsuv/session.h>', '<uv.h>'),
            ('<llhttp.h>', '<mbedtls/ssl.h>', '<sys/socket.h>', '<unistd.h>'),
        )

    def test_public_headers(self):
        self.assertEqual(include('include/wsuv/frame.h', '<wsuv/export.h>'), [])
        self.assertEqual(include('include/wsuv/client.h', '<uv.h>'), [])
        self.assertEqual(include('include/wsuv.h', '<wsuv/session.h>'), [])
        self.assertEqual(include('include/wsuv/frame.h', '<uv.h>'), ['include'])
        self.assertEqual(include('include/wsuv/frame.h', '<wsuv/session.h>'), ['include'])
        self.assertEqual(include('include/wsuv/client.h', '"base/list.h"'), ['include'])

    def test_examples(self):
        self.assertEqual(include('examples/x.c', '<wsuv.h>'), [])
        self.assertEqual(include('examples/x.c', '"options.h"'), [])
        self.assertEqual(include('examples/x.c', '"base/list.h"'), ['include'])

    def test_no_file_outside_of_the_layers(self):
        self.assertEqual(include('lib/x.c', '<string.h>'), ['include'])

    def test_comments_do_not_include(self):
        self.assertEqual(rules('lib/base/x.c', '/*\n#include <uv.h>\n*/\n'), [])

    def test_spaces_do_not_hide(self):
        self.assertEqual(rules('lib/base/x.c', '  #  include  <uv.h>\n'), ['include'])

    def test_own_header_comes_first(self):
        header = (('lib/base/x.h', '\n'),)
        good = '#include "base/x.h"\n'
        self.assertEqual(rules('lib/base/x.c', good, header), [])
        self.assertEqual(rules('lib/base/x.c', '#include <string.h>\n' + good, header),
                         ['own-header'])


class Built(unittest.TestCase):
    def check(self, path, folder, names, want):
        build = (os.path.join(folder, 'meson.build'), names)
        own = (os.path.join(os.path.dirname(path), 'meson.build'), '')
        self.assertEqual(rules(path, '\n', [own, build]), want, names)

    def test_every_file_is_named(self):
        self.check('lib/base/x.c', 'lib/base', "'x.c'\n", [])
        self.check('test/unit/test_x.c', 'test', "['x', 'y']\n", [])
        self.check('test/unit/test_x.c', 'test', "'unit/test_x.c'\n", [])
        self.check('test/cli/cli_test.py', 'test', "'cli/cli_test.py'\n", [])

    def test_files_that_are_not(self):
        self.check('lib/base/x.c', 'lib/base', "'y.c'\n", ['unbuilt'])
        self.check('test/unit/test_x.c', 'test', "['xy']\n", ['unbuilt'])
        self.check('test/cli/cli_test.py', 'test', '\n', ['unbuilt'])
        self.check('lib/base/x.c', 'lib/net', "'x.c'\n", ['unbuilt'])


class Calls(unittest.TestCase):
    def test_memory(self):
        for call in ('malloc(1)', 'calloc (1, 1)', 'realloc(p, 1)', 'free(p)', 'strdup(s)',
                     'strndup(s, 1)', 'asprintf(&s, "")', 'free\n(p)'):
            for layer in ('base', 'proto', 'net', 'session'):
                self.assertEqual(rules(f'lib/{layer}/x.c', f'{call};\n'), ['alloc'], call)

    def test_memory_where_it_may_be(self):
        self.assertEqual(rules('lib/base/alloc.c', 'malloc(1);\n'), [])
        self.assertEqual(rules('examples/x.c', 'malloc(1);\n'), [])
        for call in ('ws_malloc(a, 1)', 'a->malloc(1, a->arg)', 'a.free(p)', 'url_free(p)'):
            self.assertEqual(rules('lib/proto/x.c', f'{call};\n'), [], call)

    def test_libuv(self):
        self.assertEqual(rules('lib/net/x.c', 'uv_close(h, 0);\n'), [])
        self.assertEqual(rules('lib/session/x.c', 'uv_close(h, 0);\n'), ['uv'])
        self.assertEqual(rules('lib/session/x.c', 'uv_now\n(loop);\n'), ['uv'])
        self.assertEqual(rules('lib/session/x.c', 'uv_loop_t *loop; int e = UV_ENOMEM;\n'), [])
        self.assertEqual(rules('lib/proto/x.c', 'int e = UV_ENOMEM;\n'), ['uv'])
        self.assertEqual(rules('lib/base/x.c', 'uv_loop_t *loop;\n'), ['uv'])

    def test_callbacks(self):
        for use in ('s->on_open(s)', 's->callbacks.on_close(s, 0)', 'callbacks->on_ping(s)',
                    'c.on_message(s, m)', '(*c->on_drain)(s)', 'c -> on_pong (s)'):
            self.assertEqual(rules('lib/session/x.c', f'{use};\n'), ['callback'], use)
            self.assertEqual(rules('lib/session/notify.c', f'{use};\n'), [], use)

    def test_events_of_filters_are_not_callbacks(self):
        self.assertEqual(rules('lib/net/x.c', 'f->events->on_close(f->up);\n'), [])

    def test_comments_and_literals_do_not_count(self):
        for text in ('/* free(p) */', '// free(p)', '"free(p)"', "'\"'; /* free(p) */",
                     '"\\"free(p)"', '/* " */ /* free(p) " */'):
            self.assertEqual(rules('lib/session/x.c', f'{text}\n'), [], text)

    def test_code_behind_comments_and_literals_counts(self):
        for text in ('/* " */ free(p);', "'\"'; free(p);", '"/*"; free(p);', '"\\\\"; free(p);'):
            self.assertEqual(rules('lib/session/x.c', f'{text}\n'), ['alloc'], text)


class Lines(unittest.TestCase):
    def test_ascii(self):
        self.assertEqual(rules('lib/base/x.c', 'char *s = "\u00e4";\n'), ['ascii'])
        self.assertEqual(rules('lib/base/x.c', 'int \u00e4;\n'), ['ascii'])
        self.assertEqual(rules('lib/base/x.c', '/* 1000\u20131003 */\n'), [])

    def test_tab(self):
        self.assertEqual(rules('lib/base/x.c', '\tint a;\n'), ['tab'])
        self.assertEqual(rules('test/x.py', 'if a:\n\tb\n'), ['tab'])

    def test_columns(self):
        self.assertEqual(rules('lib/base/x.c', 'a' * 100 + '\n'), [])
        self.assertEqual(rules('lib/base/x.c', 'a' * 101 + '\n'), ['column'])
        self.assertEqual(rules('.ci/run', 'a' * 101 + '\n'), ['column'])

    def test_white_space(self):
        self.assertEqual(rules('lib/base/x.c', 'int a; \n'), ['space'])
        self.assertEqual(rules('lib/base/x.c', 'int a;'), ['newline'])

    def test_unfinished(self):
        for word in ('TO' 'DO', 'FIX' 'ME'):
            self.assertEqual(rules('lib/base/x.c', f'/* {word}: later */\n'), ['todo'])
            self.assertEqual(rules('.ci/run', f'# {word}\n'), ['todo'])


if __name__ == '__main__':
    unittest.main()
