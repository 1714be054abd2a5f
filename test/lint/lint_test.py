#!/usr/bin/python3
"""Proves that every rule of lint.py fires, and where none may."""

import os
import tempfile
import unittest
from unittest import mock

import lint

# The order of lib/session in these tests.
ORDER = ['top', 'x', 'notify', 'low']


def offences(texts, exceptions=(), order=ORDER):
    """All offences of a tree with these files, each as (path, line, rule, message)."""
    session = mock.patch.multiple(lint, SESSION_ORDER=order, SESSION_EXCEPTIONS=exceptions)
    with tempfile.TemporaryDirectory() as root, session:
        for path, text in texts.items():
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, 'w', encoding='utf-8') as file:
                file.write(text)
        return lint.lint(lint.read(root))


def built(texts):
    """The same files, with a meson.build in each folder that names those in it."""
    tree = dict(texts)
    for path in texts:
        folder, name = os.path.split(path)
        build = f'{folder}/meson.build'
        tree[build] = tree.get(build, '') + f"'{name}'\n"
    return tree


def rules(path, text, others=()):
    """The rules that this file breaks in a tree with it, and others."""
    tree = {**built({path: text}), **dict(others)}
    return [rule for found, _, rule, _ in offences(tree) if found == path]


def include(path, what):
    return rules(path, f'#include {what}\n')


def including(*paths):
    return ''.join(f'#include "{path}"\n' for path in paths)


class Includes(unittest.TestCase):
    def check(self, folder, good, bad):
        for what in good:
            self.assertEqual(include(f'lib/{folder}/x.c', what), [], what)
        for what in bad:
            self.assertEqual(include(f'lib/{folder}/x.c', what), ['include'], what)

    def test_base(self):
        self.check(
            'base',
            ('"base/list.h"', '<wsuv/error.h>', '<wsuv/hooks.h>', '<string.h>', '<sys/socket.h>',
             '<pthread.h>'),
            ('"proto/http/headers.h"', '"net/address.h"', '"net/uv/tcp.h"', '"session/x.h"',
             '<uv.h>', '<llhttp.h>', '<wsuv.h>', '<wsuv/session.h>', '<wsuv/client.h>', '<zlib.h>',
             '"list.h"', '<time.h>', '<base/list.h>', '"base/list.inc"'),
        )

    def test_proto(self):
        for folder in 'http', 'extension', 'frame', 'handshake', 'tunnel':
            self.check(
                f'proto/{folder}',
                ('"base/list.h"', f'"proto/{folder}/y.h"', '"proto/http/headers.h"',
                 '<wsuv/frame.h>', '<stdint.h>'),
                ('"net/address.h"', '"net/dial/dial.h"', '"session/x.h"', '"testkit/x.h"',
                 '<uv.h>', '<wsuv.h>', '<wsuv/session.h>', '<wsuv/client.h>', '<mbedtls/ssl.h>',
                 '<sys/socket.h>', '<pthread.h>', '<time.h>', '"proto/x.h"',
                 f'"proto/{folder}/../frame/conn.h"', f'"proto/{folder}/deeper/x.h"'),
            )

    def test_folders_of_proto(self):
        self.check(
            'proto/http',
            ('<llhttp.h>',),
            ('"proto/extension/x.h"', '"proto/frame/x.h"', '"proto/handshake/x.h"',
             '"proto/tunnel/x.h"', '<zlib.h>', '<arpa/inet.h>'),
        )
        self.check(
            'proto/extension',
            ('<zlib.h>',),
            ('"proto/frame/x.h"', '"proto/handshake/x.h"', '"proto/tunnel/x.h"', '<llhttp.h>'),
        )
        self.check(
            'proto/frame',
            ('"proto/extension/x.h"',),
            ('"proto/handshake/x.h"', '"proto/tunnel/x.h"', '<llhttp.h>', '<zlib.h>'),
        )
        self.check(
            'proto/handshake',
            ('"proto/extension/x.h"', '<llhttp.h>', '<arpa/inet.h>'),
            ('"proto/frame/x.h"', '"proto/tunnel/x.h"', '<zlib.h>'),
        )
        self.check(
            'proto/tunnel',
            (),
            ('"proto/extension/x.h"', '"proto/frame/x.h"', '"proto/handshake/x.h"', '<llhttp.h>',
             '<zlib.h>'),
        )

    def test_net(self):
        for folder in 'net', 'net/uv', 'net/tls', 'net/tls/mbedtls', 'net/tls/openssl', 'net/dial':
            self.check(
                folder,
                ('"base/env.h"', '"net/filter.h"', f'"{folder}/y.h"', '<wsuv/error.h>'),
                ('"proto/frame/conn.h"', '"proto/http/ascii.h"', '"session/session.h"',
                 '<llhttp.h>', '<zlib.h>', '<wsuv/session.h>', '<signal.h>', '<time.h>'),
            )

    def test_folders_of_net(self):
        uv, tls, dial = '"net/uv/y.h"', '"net/tls/y.h"', '"net/dial/y.h"'
        mbedtls, openssl = '"net/tls/mbedtls/y.h"', '"net/tls/openssl/y.h"'
        self.check('net', ('<sys/socket.h>',), (uv, tls, dial, mbedtls, openssl, '<uv.h>'))
        self.check('net/uv', ('<uv.h>', '<netdb.h>'), (tls, dial, mbedtls, openssl, '<unistd.h>'))
        self.check('net/dial', ('<sys/socket.h>',), (uv, tls, mbedtls, openssl, '<uv.h>'))
        others = (uv, dial, mbedtls, openssl, '<uv.h>', '<mbedtls/ssl.h>')
        self.check('net/tls', ('<dirent.h>',), others)
        self.check('net/tls/mbedtls', (tls, '<unistd.h>'), (uv, dial, openssl, '<uv.h>'))
        self.check('net/tls/openssl', (tls, '<unistd.h>'), (uv, dial, mbedtls, '<uv.h>'))

    def test_tls_libraries(self):
        mbedtls, openssl = ('<mbedtls/ssl.h>', '<psa/crypto.h>'), ('<openssl/ssl.h>',)
        self.check('net/tls/mbedtls', mbedtls, openssl)
        self.check('net/tls/openssl', openssl, mbedtls)
        self.check('net/tls', (), openssl)
        for folder in 'base', 'proto/frame', 'net', 'net/uv', 'net/dial', 'session', 'testkit':
            self.check(folder, (), mbedtls + openssl)

    def test_session(self):
        self.check(
            'session',
            ('"base/env.h"', '"net/filter.h"', '"net/dial/dial.h"', '"net/tls/tls.h"',
             '"net/uv/tcp.h"', '"proto/frame/conn.h"', '"proto/http/ascii.h"',
             '"proto/tunnel/x.h"', '"session/low.h"', '<wsuv.h>', '<wsuv/session.h>'),
            ('"net/tls/mbedtls/x.h"', '"net/tls/openssl/x.h"', '"testkit/x.h"', '<uv.h>',
             '<llhttp.h>', '<sys/socket.h>', '<unistd.h>'),
        )

    def test_testkit(self):
        self.check(
            'testkit',
            ('"base/env.h"', '"net/filter.h"', '"net/tls/tls.h"', '"session/x.h"', '"testkit/y.h"',
             '<wsuv.h>', '<uv.h>', '<sys/socket.h>'),
            ('"net/uv/tcp.h"', '"net/tls/mbedtls/x.h"', '"proto/frame/conn.h"', '<llhttp.h>',
             '<unistd.h>'),
        )

    def test_a_file_with_a_line_of_its_own(self):
        self.assertEqual(include('lib/net/error.c', '<uv.h>'), [])
        self.assertEqual(include('lib/net/error.c', '"net/address.h"'), [])
        self.assertEqual(include('lib/net/error.c', '"net/uv/tcp.h"'), ['include'])
        self.assertNotIn('include', include('lib/session/endpoint.h', '<uv.h>'))
        self.assertIn('include', include('lib/session/endpoint.h', '"net/tls/mbedtls/x.h"'))

    def test_arrows_make_no_circle(self):
        graph = {folder: arrows[0].split() for folder, arrows in lint.ARROWS.items()}
        self.assertEqual(list(lint.circles(graph)), [])

    def test_arrows_end_at_folders_with_arrows(self):
        for folders, _, _ in lint.ARROWS.values():
            self.assertLessEqual(set(folders.split()), set(lint.ARROWS))

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

    def test_no_file_outside_of_the_folders(self):
        for path in 'lib/x.c', 'lib/net.h', 'lib/proto/x.c', 'lib/net/new/x.c', 'lib/base/sub/x.h':
            self.assertEqual(rules(path, '\n'), ['include'], path)

    def test_comments_do_not_include(self):
        self.assertEqual(rules('lib/base/x.c', '/*\n#include <uv.h>\n*/\n'), [])

    def test_spaces_do_not_hide(self):
        self.assertEqual(rules('lib/base/x.c', '  #  include  <uv.h>\n'), ['include'])

    def test_own_header_comes_first(self):
        for folder in 'base', 'proto/http', 'net', 'net/tls', 'net/tls/mbedtls', 'session':
            path, header = f'lib/{folder}/x.c', ((f'lib/{folder}/x.h', '\n'),)
            good = including(f'{folder}/x.h')
            self.assertEqual(rules(path, good, header), [], folder)
            self.assertEqual(rules(path, '#include <string.h>\n' + good, header), ['own-header'])

    def test_a_header_elsewhere_is_not_the_own_one(self):
        self.assertEqual(rules('lib/net/tls/x.c', '\n', (('lib/net/x.h', '\n'),)), [])


class Circles(unittest.TestCase):
    def circles(self, texts):
        """Each circle as (path, line, message); there may be no other offence."""
        found = offences(built(texts))
        self.assertEqual([rule for _, _, rule, _ in found], ['circle'] * len(found))
        return [(path, line, message) for path, line, _, message in found]

    def test_of_two_files(self):
        tree = {
            'lib/net/uv/a.h': including('base/list.h', 'net/uv/b.h'),
            'lib/net/uv/b.h': including('net/uv/a.h'),
        }
        want = ('lib/net/uv/a.h', 2, 'net/uv/a -> net/uv/b -> net/uv/a')
        self.assertEqual(self.circles(tree), [want])

    def test_of_three_files(self):
        tree = {
            'lib/base/a.h': including('base/c.h'),
            'lib/base/b.h': including('base/a.h'),
            'lib/base/c.h': including('base/b.h'),
        }
        want = ('lib/base/a.h', 1, 'base/a -> base/c -> base/b -> base/a')
        self.assertEqual(self.circles(tree), [want])

    def test_source_and_header_are_one_file(self):
        tree = {
            'lib/base/a.c': including('base/a.h', 'base/b.h'),
            'lib/base/a.h': '\n',
            'lib/base/b.h': including('base/a.h'),
        }
        want = ('lib/base/a.c', 2, 'base/a -> base/b -> base/a')
        self.assertEqual(self.circles(tree), [want])

    def test_two_circles(self):
        tree = {
            'lib/base/a.h': including('base/b.h', 'base/c.h'),
            'lib/base/b.h': including('base/a.h'),
            'lib/base/c.h': including('base/d.h'),
            'lib/base/d.h': including('base/c.h'),
        }
        want = ['base/a -> base/b -> base/a', 'base/c -> base/d -> base/c']
        self.assertEqual([message for _, _, message in self.circles(tree)], want)

    def test_circles_with_a_file_in_common_are_one_offence(self):
        tree = {
            'lib/base/a.h': including('base/b.h', 'base/c.h'),
            'lib/base/b.h': including('base/a.h'),
            'lib/base/c.h': including('base/a.h'),
        }
        want = 'base/a -> base/b -> base/a, and in circles with these: base/c'
        self.assertEqual([message for _, _, message in self.circles(tree)], [want])

    def test_two_ways_to_one_file_are_no_circle(self):
        tree = {
            'lib/base/a.h': including('base/b.h', 'base/c.h'),
            'lib/base/b.h': including('base/d.h'),
            'lib/base/c.h': including('base/d.h'),
            'lib/base/d.h': '/* #include "base/a.h" */\n',
        }
        self.assertEqual(self.circles(tree), [])


class Order(unittest.TestCase):
    def offences(self, texts, *arguments):
        """Without the messages."""
        return [offence[:3] for offence in offences(built(texts), *arguments)]

    def test_downwards(self):
        tree = {
            'lib/session/top.c': including('session/x.h', 'session/low.h'),
            'lib/session/x.c': including('session/x.h', 'session/low.h', 'base/list.h'),
            'lib/session/x.h': '\n',
            'lib/session/low.h': '\n',
        }
        self.assertEqual(self.offences(tree), [])

    def test_upwards(self):
        tree = {
            'lib/session/low.c': including('session/low.h', 'session/x.h'),
            'lib/session/low.h': including('session/top.h'),
        }
        want = [('lib/session/low.c', 2, 'order'), ('lib/session/low.h', 1, 'order')]
        self.assertEqual(self.offences(tree), want)

    def test_calls_upwards(self):
        own = including('session/low.h')
        tree = {
            'lib/session/top.c': own + 'int wsuv_top(void) {\n}\nstatic int own(int a) {\n}\n',
            'lib/session/low.h': '\n',
            'lib/session/low.c': own + 'int low(void) {  /* wsuv_top */\n  wsuv_top();\n}\n',
        }
        found = [offence for offence in self.offences(tree) if offence[2] == 'order']
        self.assertEqual(found, [('lib/session/low.c', 3, 'order')])

    def test_a_file_that_is_not_in_the_list(self):
        tree = {'lib/session/new.c': including('session/low.h')}
        self.assertEqual(self.offences(tree), [('lib/session/new.c', 1, 'order')])

    def test_exceptions(self):
        tree = {'lib/session/low.c': including('session/x.h', 'session/top.h')}
        both = [('low', 'x'), ('low', 'top')]
        self.assertEqual(self.offences(tree, both), [])
        self.assertEqual(self.offences(tree, both[:1]), [('lib/session/low.c', 2, 'order')])

    def test_an_exception_allows_no_circle(self):
        tree = {
            'lib/session/low.h': including('session/x.h'),
            'lib/session/x.h': including('session/low.h'),
        }
        self.assertEqual(self.offences(tree, [('low', 'x')]), [('lib/session/low.h', 1, 'circle')])

    def test_exceptions_that_are_not_needed(self):
        tree = {'lib/session/x.c': including('session/low.h')}
        for exception in ('x', 'low'), ('low', 'x'), ('x', 'new'), ('new', 'x'):
            self.assertEqual(self.offences(tree, [exception]), [(lint.THIS_FILE, 1, 'exceptions')])

    def test_nine_exceptions_and_ten(self):
        names = [f'y{number}' for number in range(10)]
        for count, want in (9, []), (10, [(lint.THIS_FILE, 1, 'exceptions')]):
            text = including(*(f'session/{name}.h' for name in names[:count]))
            exceptions = [('x', name) for name in names[:count]]
            found = self.offences({'lib/session/x.c': text}, exceptions, names + ['x'])
            self.assertEqual(found, want, count)


class Clean(unittest.TestCase):
    def test_a_little_tree(self):
        tree = {
            'lib/base/list.h': '#include <stddef.h>\n',
            'lib/proto/http/url.c': including('proto/http/url.h', 'base/list.h'),
            'lib/proto/http/url.h': '\n',
            'lib/proto/frame/conn.c': including('proto/http/url.h'),
            'lib/net/filter.h': including('base/list.h'),
            'lib/net/uv/tcp.c': including('net/uv/tcp.h') + '#include <uv.h>\n',
            'lib/net/uv/tcp.h': including('net/filter.h'),
            'lib/net/tls/tls.h': including('net/filter.h'),
            'lib/net/tls/mbedtls/x.c': including('net/tls/tls.h') + '#include <psa/crypto.h>\n',
            'lib/session/x.c': including('session/low.h', 'net/uv/tcp.h', 'net/tls/tls.h'),
            'lib/session/low.h': '#include <wsuv.h>\n',
            'lib/testkit/world.c': including('session/x.h'),
            'include/wsuv.h': '#include <uv.h>\n',
            'examples/hello.c': '#include <wsuv.h>\n',
            'test/unit/test_list.c': including('base/list.h', 'net/uv/tcp.h'),
        }
        self.assertEqual(offences(built(tree)), [])


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

    def test_the_name_of_a_folder_is_not_that_of_a_file(self):
        self.check('lib/net/tls/tls.c', 'lib/net', "subdir('tls')\n", ['unbuilt'])
        self.check('lib/net/tls/tls.c', 'lib/net', "'tls/tls.c'\n", [])


class Calls(unittest.TestCase):
    def test_memory(self):
        for call in ('malloc(1)', 'calloc (1, 1)', 'realloc(p, 1)', 'free(p)', 'strdup(s)',
                     'strndup(s, 1)', 'asprintf(&s, "")', 'free\n(p)'):
            for folder in lint.ARROWS:
                if not folder.endswith('.*'):
                    self.assertEqual(rules(f'lib/{folder}/x.c', f'{call};\n'), ['alloc'], call)

    def test_memory_where_it_may_be(self):
        self.assertEqual(rules('lib/base/alloc.c', 'malloc(1);\n'), [])
        self.assertEqual(rules('examples/x.c', 'malloc(1);\n'), [])
        for call in ('ws_malloc(a, 1)', 'a->malloc(1, a->arg)', 'a.free(p)', 'url_free(p)'):
            self.assertEqual(rules('lib/proto/http/x.c', f'{call};\n'), [], call)

    def check_libuv(self, path, good, bad):
        for text in good:
            self.assertEqual(rules(path, f'{text};\n'), [], text)
        for text in bad:
            self.assertEqual(rules(path, f'{text};\n'), ['uv'], text)

    def test_libuv(self):
        calls = ('uv_close(h, 0)', 'uv_now\n(loop)', 'f = uv_close', 'f = &uv_read_stop')
        code, kind = 'int e = UV_ENOMEM', 'uv_loop_t *loop'
        self.check_libuv('lib/net/uv/x.c', (*calls, code, kind), ())
        self.check_libuv('lib/net/error.c', (code,), (*calls, kind))
        self.check_libuv('lib/session/x.c', (kind, 'env_uv_new(loop)'), (*calls, code))
        for folder in ('base', 'proto/http', 'proto/frame', 'net', 'net/dial', 'net/tls',
                       'net/tls/mbedtls'):
            self.check_libuv(f'lib/{folder}/x.c', (), (*calls, code, kind))

    def test_callbacks(self):
        for use in ('s->on_open(s)', 's->callbacks.on_close(s, 0)', 'callbacks->on_ping(s)',
                    'c.on_message(s, m)', '(*c->on_drain)(s)', 'c -> on_pong (s)'):
            self.assertEqual(rules('lib/session/x.c', f'{use};\n'), ['callback'], use)
            for notify in lint.NOTIFY:
                self.assertEqual(rules(notify, f'{use};\n'), [], use)

    def test_callbacks_that_a_program_passes_to_a_call(self):
        for use in ('cb(s, 0, arg)', 'c->cb(s, 0, arg)', '(*own->cb) (client)',
                    'wsuv_send_cb done', 'struct x { wsuv_client_close_cb\ngone; }'):
            self.assertEqual(rules('lib/session/x.c', f'{use};\n'), ['callback'], use)
        for use in ('notify_posted(cb, client, arg)', 'wsuv_post_cb cb', 'if (c->cb != NULL) f()'):
            self.assertEqual(rules('lib/session/x.c', f'{use};\n'), [], use)
        self.assertEqual(rules('lib/net/x.c', 'cb(s);\n'), [])

    def test_events_of_filters_are_not_callbacks(self):
        self.assertEqual(rules('lib/net/dial/x.c', 'f->events->on_close(f->up);\n'), [])

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
