#!/usr/bin/env python3
"""How the command-line client logs in, sends cookies and follows redirects.

    login_test.py WSUV WSUV_ECHO [unittest's arguments]

Servers and proxies are scripted, so that the tests see what each was sent.
"""

import signal
import subprocess
import sys
import termios
import unittest

import access_test
import terminal_test
from access_test import NAME, PASSWORD, USER, basic, environment
from cli_test import run
from programs import CLOSED, OURS, REFUSED
from scripted_proxies import HttpProxy, Login, Origin, redirect


def setUpModule():
    access_test.setUpModule()


def tearDownModule():
    access_test.tearDownModule()


class Redirects(access_test.AccessTest):
    def test_without_the_option_is_2(self):
        with Origin(lambda head: redirect('/there?token=secret')) as origin:
            result = run(origin.url)
        self.check_one_line(result, REFUSED, 'could not connect: handshake: .*302.*/there')
        self.assertNotIn('secret', result.err)

    def test_followed(self):
        def answer(head):
            number = int(head.target[1:] or 0)
            return redirect(f'/{number + 1}') if number < 10 else None
        for options, status in ((['--location'], CLOSED), (['--location=10'], CLOSED),
                                (['--location=9'], REFUSED)):
            with self.subTest(options=options), Origin(answer) as origin:
                result = run(*options, origin.url)
                self.check(result, status, b'',
                           'redirect not followed' if status == REFUSED else None)
        with Origin(lambda head: redirect('/')) as origin:
            self.check_one_line(run('--location', origin.url), REFUSED, 'redirect not followed')

    def test_secrets_stay_at_the_origin(self):
        with Origin() as other:
            def answer(head):
                if head.target == '/':
                    return redirect('/same', 302, 'Set-Cookie: b=2')
                return redirect(other.url.replace('localhost', '127.0.0.1'))
            with Origin(answer) as origin:
                self.check(run('--location', '--user', f'{USER}:{PASSWORD}', '--cookie', 'a=1',
                               '--cookie', 'c=3', '-H', 'X-A: 1', origin.url), CLOSED)
        self.assertEqual([head.get('Authorization') for head in origin.heads + other.heads],
                         2 * [basic(USER, PASSWORD)] + [None])
        self.assertEqual([set((head.get('Cookie') or '').split('; '))
                          for head in origin.heads + other.heads],
                         [{'a=1', 'c=3'}, {'a=1', 'b=2', 'c=3'}, {''}])
        self.assertEqual(other.heads[0].get('X-A'), '1')

    def test_verbose_shows_redirects_without_secrets(self):
        def answer(head):
            return redirect('/there?token=secret') if head.target == '/' else None
        with Origin(answer) as origin:
            result = run('-vv', '--location', origin.url)
        self.check(result, CLOSED, b'', r'\* .*redirect.*/there')
        self.assertNotIn('secret', result.err)

    def test_proxy_is_chosen_again(self):
        with HttpProxy(self.names()) as proxy, \
                Origin(lambda head: redirect(f'ws://{NAME}:81/')) as origin:
            self.echo('--location', url=origin.url, env=environment(ws_proxy=proxy.url()))
        self.assertEqual(proxy.targets, [f'{NAME}:81'])


class Logins(access_test.AccessTest):
    def test_what_cannot_be_sent_is_1(self):
        for args in ['--user', 'a\n:secret'], ['--cookie', 'a=secret\n']:
            with self.subTest(args=args):
                result = run(*args, 'ws://a')
                self.check_one_line(result, OURS, '^wsuv: ')
                self.assertNotIn('secret', result.err)

    def test_basic_is_sent_at_once(self):
        with Origin() as origin:
            self.check(run('--user', f'{USER}:a:b', origin.url), CLOSED)
            self.check(run('--user', f'{USER}:', origin.url), CLOSED)
            self.check(run('--user', f'{USER}:%41', origin.url.replace('//', '//x:y@')), CLOSED)
        self.assertEqual([head.get('Authorization') for head in origin.heads],
                         [basic(USER, 'a:b'), basic(USER, ''), basic(USER, '%41')])

    def sent(self, how, *schemes, status=CLOSED):
        """The schemes by which credentials were sent, with each request."""
        with Origin(login=Login(USER, PASSWORD, *schemes)) as origin:
            result = run('--auth', how, '--user', f'{USER}:{PASSWORD}', origin.url)
        self.check(result, status, b'', '401' if status == REFUSED else None)
        return [(head.get('Authorization') or '').split(' ')[0] for head in origin.heads]

    def test_digest(self):
        for schemes in ('MD5',), ('SHA-256',), ('Basic', 'MD5'):
            with self.subTest(schemes=schemes):
                self.assertEqual(self.sent('digest', *schemes), ['', 'Digest'])
        self.assertEqual(self.sent('digest', 'Basic', status=REFUSED), [''])

    def test_any(self):
        self.assertEqual(self.sent('any', 'Basic'), ['', 'Basic'])
        self.assertEqual(self.sent('any', 'Basic', 'MD5'), ['', 'Digest'])

    def test_login_that_fails_is_2(self):
        for how in 'basic', 'digest', 'any':
            with self.subTest(how=how), \
                    Origin(login=Login(USER, 'other', 'Basic', 'MD5')) as origin:
                result = run('--auth', how, '--user', f'{USER}:{PASSWORD}', origin.url)
                self.check_one_line(result, REFUSED, 'could not connect: handshake: .*401')
                self.assertLessEqual(len(origin.heads), 2)

    def test_password_cannot_be_asked_for_without_a_terminal(self):
        result = run('--user', USER, 'ws://a', start_new_session=True)
        self.check_one_line(result, OURS, f'^wsuv: no password of {USER}, and it cannot be asked')


class Typed(access_test.AccessTest):
    """The password, on a terminal that has a prompt for it."""

    def ask(self, origin, *options, **kwargs):
        session = terminal_test.Session('--user', USER, *options, origin.url, **kwargs)
        self.addCleanup(session.close)
        session.wait_for(f'Password of {USER}: ')
        self.assertFalse(termios.tcgetattr(session.slave)[3] & termios.ECHO)
        return session

    def check_end(self, session, status):
        self.assertEqual(session.end(), status)
        self.assertEqual(session.after, session.before)
        self.assertNotIn(PASSWORD, '\n'.join(session.terminal.lines()))

    def test_is_sent_and_not_shown(self):
        with Origin() as origin:
            session = self.ask(origin, stdin=subprocess.DEVNULL)
            session.type(f'{PASSWORD}: \n'.encode())
            self.check_end(session, CLOSED)
        self.assertEqual([head.get('Authorization') for head in origin.heads],
                         [basic(USER, f'{PASSWORD}: ')])

    def test_empty(self):
        with Origin() as origin:
            session = self.ask(origin, '-m', 'x')
            session.type(b'\n')
            self.check_end(session, CLOSED)
        self.assertEqual([head.get('Authorization') for head in origin.heads], [basic(USER, '')])

    def test_end_is_1(self):
        with Origin() as origin:
            session = self.ask(origin)
            session.type(terminal_test.CTRL_D)
            self.check_end(session, OURS)
        self.assertEqual(origin.heads, [])

    def test_signals_end_the_prompt(self):
        with Origin() as origin:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
                with self.subTest(number=number):
                    session = self.ask(origin)
                    session.type(PASSWORD.encode())
                    session.process.send_signal(number)
                    self.check_end(session, -number)
            session = self.ask(origin)
            session.type(terminal_test.CTRL_Z + terminal_test.CTRL_C)
            self.check_end(session, -signal.SIGINT)
        self.assertEqual(origin.heads, [])

    def test_too_long_is_1(self):
        with Origin() as origin:
            session = self.ask(origin)
            session.type(b'x' * 2000 + b'\n')
            self.check_end(session, OURS)
        self.assertEqual(origin.heads, [])


if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    access_test.begin(sys.argv)
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
