#!/usr/bin/env python3
"""The command-line client as a person at a terminal meets it.

    terminal_test.py WSUV WSUV_ECHO [unittest's arguments]

The program runs on a pseudo terminal; what it writes goes to a terminal in memory (vt.py), and the
tests ask what is on its screen. They wait for that, and for nothing else.
"""

import codecs
import fcntl
import functools
import os
import pty
import re
import resource
import select
import signal
import struct
import sys
import tempfile
import termios
import threading
import unittest

import cli_test
from cli_test import CliTest, Peer, Server
from listen_test import Caller
from programs import (BINARY, CLOSED, CODE, CONTINUATION, LOST, PATIENCE, PING, PONG, TEXT,
                      UNFINISHED, heed_signals)
import vt

EVIL, SHOWN = cli_test.Terminal.EVIL, cli_test.Terminal.SHOWN.decode()
UP, LEFT, HOME, CTRL_C, CTRL_D, CTRL_Z = b'\x1b[A', b'\x1b[D', b'\x01', b'\x03', b'\x04', b'\x1a'


def attach(slave):
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)


class Session:
    """The program on a terminal, whose screen is `terminal`."""

    def __init__(self, *args, rows=24, columns=80, env=None, **kwargs):
        self.master, self.slave = pty.openpty()
        self.terminal = vt.Terminal(rows, columns)
        self.set_size(rows, columns)
        self.before = termios.tcgetattr(self.slave)
        environment = {name: value for name, value in os.environ.items() if name != 'NO_COLOR'}
        environment.update({'TERM': 'xterm', 'HOME': '/nonexistent'}, **(env or {}))
        streams = dict(stdin=self.slave, stdout=self.slave, stderr=self.slave)
        streams.update(kwargs)
        self.changed, self.stop = threading.Condition(), os.pipe()
        self.watcher = threading.Thread(target=self.watch, daemon=True)
        self.watcher.start()
        self.process = cli_test.start(*args, env=environment, start_new_session=True,
                                      preexec_fn=functools.partial(attach, self.slave), **streams)

    def set_size(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))

    def resize(self, rows, columns):
        self.terminal.resize(rows, columns)
        self.set_size(rows, columns)

    def watch(self):
        """Reads all the time: a terminal that is not read would hold up the program."""
        decoder = codecs.getincrementaldecoder('utf-8')()
        try:
            while self.master in select.select([self.master, self.stop[0]], [], [])[0]:
                data = os.read(self.master, 65536)
                with self.changed:
                    self.terminal.feed(decoder.decode(data))
                    self.changed.notify_all()
        except OSError:
            pass

    def wait(self, condition, what='what was awaited'):
        with self.changed:
            if not self.changed.wait_for(condition, PATIENCE):
                raise AssertionError('%s is not on the screen:\n%s' % (
                    what, '\n'.join(self.terminal.lines()[-self.terminal.rows:])))

    def wait_for(self, line):
        """The line of the cursor, up to it."""
        self.wait(lambda: self.terminal.line() == line, repr(line))

    def wait_for_lines(self, *lines):
        """The last lines, of which the last one has the cursor."""
        self.wait(lambda: self.terminal.lines()[-len(lines):] == list(lines), repr(lines))

    def type(self, data):
        while data:
            data = data[os.write(self.master, data):]

    def end(self):
        """The exit status, when everything that was written is on the screen."""
        status = self.process.wait(PATIENCE)
        self.after = termios.tcgetattr(self.slave)
        self.close_slave()
        self.watcher.join(PATIENCE)
        return status

    def hang_up(self):
        self.close_slave()
        os.write(self.stop[1], b'.')
        self.watcher.join(PATIENCE)
        os.close(self.master)
        self.master = None

    def close_slave(self):
        if self.slave is not None:
            os.close(self.slave)
        self.slave = None

    def close(self):
        self.process.kill()
        self.process.wait()
        if self.master is not None:
            self.hang_up()
        for fd in self.stop:
            os.close(fd)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


class Script:
    """A server that does what the test says, when it says it, and tells what it has received."""

    def __init__(self):
        self.open = threading.Event()

    def __call__(self, peer):
        peer.accept()
        self.peer = peer
        self.open.set()
        self.done.wait(PATIENCE)

    def __enter__(self):
        self.done = threading.Event()
        self.server = Server(self)
        self.server.__enter__()
        self.url = self.server.url
        return self

    def __exit__(self, *error):
        self.done.set()
        self.server.__exit__(*error)

    def wait(self):
        if not self.open.wait(PATIENCE):
            raise AssertionError('no session has opened')
        return self.peer


class TerminalTest(CliTest):
    def serve(self):
        self.script = Script()
        self.addCleanup(self.script.__exit__, None)
        return self.script.__enter__()

    def start(self, *args, prompt=True, **kwargs):
        """A session that is open: its terminal, and its peer."""
        script = self.serve()
        session = Session(*args, script.url, **kwargs)
        self.addCleanup(session.close)
        peer = script.wait()
        if prompt:
            session.wait_for('> ')
        return session, peer

    def check_end(self, session, status):
        self.script.done.set()
        self.assertEqual(session.end(), status, session.terminal.lines()[-9:])
        self.assertEqual(session.after, session.before)
        self.assertEqual(session.terminal.unknown, [])


class Typing(TerminalTest):
    def test_typed_lines_and_answers_are_marked(self):
        session, peer = self.start()
        session.type(b'hello\n')
        self.assertEqual(peer.receive(), (TEXT, b'hello'))
        peer.send(TEXT, b'you')
        session.wait_for_lines('> hello', '< you', '>')
        self.assertEqual(session.terminal.colors, {0, 32, 36})
        session.type(CTRL_D)
        self.assertEqual(peer.answer_close(), 1000)
        self.check_end(session, CLOSED)
        self.assertEqual(session.terminal.lines(), ['> hello', '< you'])

    def test_characters_of_any_width(self):
        text = 'é漢字\t|\U0001f600ß'
        session, peer = self.start()
        session.type(text.encode())
        session.wait(lambda: session.terminal.line().endswith('ß'))
        session.type(b'\n')
        self.assertEqual(peer.receive(), (TEXT, text.encode()))

    def test_bytes_that_are_not_utf8_are_replaced(self):
        session, peer = self.start()
        session.type(b'a\xffb\xc3\xc3\xa4\n')
        self.assertEqual(peer.receive(), (TEXT, 'a\ufffdb\ufffdä'.encode()))

    def test_line_is_edited(self):
        session, peer = self.start()
        session.type(b'ello' + HOME + b'H' + b'\x05' + b' yyou' + LEFT * 3 + b'\x7f' + b'\n')
        self.assertEqual(peer.receive(), (TEXT, b'Hello you'))

    def test_history(self):
        session, peer = self.start()
        for line in b'one', b'two':
            session.type(line + b'\n')
            self.assertEqual(peer.receive(), (TEXT, line))
            session.wait_for('> ')
        session.type(UP + UP)
        session.wait_for('> one')
        session.type(b'!\n')
        self.assertEqual(peer.receive(), (TEXT, b'one!'))

    def test_paste_of_6000_characters(self):
        session, peer = self.start()
        session.type(b'x' * 6000 + b'END\n')
        self.assertEqual(peer.receive(), (TEXT, b'x' * 6000 + b'END'))

    def test_paste_of_long_lines(self):
        lines = [bytes([letter]) * 6000 for letter in b'abc']
        session, peer = self.start()
        session.type(b'\n'.join(lines) + b'\n')
        for line in lines:
            self.assertEqual(peer.receive(), (TEXT, line))

    def test_slash_and_json(self):
        session, peer = self.start('--slash', '--json')
        session.type(b'/ping now\n"text"\n')
        self.assertEqual(peer.receive_frame(), (PING, b'now', True))
        self.assertEqual(peer.receive(), (TEXT, b'text'))
        peer.send(PONG, b'now')
        peer.send(BINARY, b'\0')
        session.wait_for_lines('* pong: now', '< {"type":"binary","data":"AA=="}', '>')

    def test_many_lines_are_pasted(self):
        lines = [b'line %d' % i for i in range(500)]
        session, peer = self.start()
        session.type(b'\n'.join(lines) + b'\n')
        for line in lines:
            self.assertEqual(peer.receive(), (TEXT, line))


class Messages(TerminalTest):
    """They come while a line is being typed."""

    def check_line(self, typed, then=b'', sent=None, **kwargs):
        """Type something, let messages come, and send the line."""
        session, peer = self.start(**kwargs)
        session.type(typed)
        session.type(b'@' + then)
        session.wait(lambda: '@' in ''.join(session.terminal.lines()))
        peer.send(TEXT, b'mark')
        session.wait(lambda: '< mark' in session.terminal.lines())
        session.wait(lambda: ''.join(session.terminal.lines()[-1:]).endswith('@'))
        alone = session.terminal.lines()[session.terminal.lines().index('< mark') + 1:]
        at = session.terminal.line()
        messages = ['message %d' % i for i in range(30)]
        for message in messages:
            peer.send(TEXT, message.encode())
        wanted = ['< ' + message for message in messages] + alone
        session.wait_for_lines(*wanted)
        session.wait_for(at)
        session.type(b'\n')
        self.assertEqual(peer.receive(), (TEXT, sent or typed + b'@'))
        peer.send(TEXT, b'last')
        # libedit leaves an empty line behind a row that is full.
        wanted = ['< message 29'] + alone + ['< last', '>']
        session.wait(lambda: [line for line in session.terminal.lines() if line][-len(wanted):]
                     == wanted)

    def test_message_does_not_tear_the_line(self):
        self.check_line(b'half a line')

    def test_message_does_not_tear_a_line_of_several_rows(self):
        self.check_line(b'0123456789' * 20)

    def test_message_does_not_tear_a_line_that_fills_its_row(self):
        for n in range(75, 80):
            self.check_line(b'a' * n)

    def test_message_does_not_tear_wide_characters(self):
        for n in range(3):
            self.check_line(b'a' * n + '漢字'.encode() * 40)

    def test_message_does_not_tear_tabs_and_controls(self):
        self.check_line(b'a\tb' * 20 + b'c' * 60)
        self.check_line(b'a\x16\x01' * 50, sent=b'a\x01' * 50 + b'@')

    def test_message_comes_while_the_cursor_is_within_the_line(self):
        self.check_line(b'0123456789' * 20, LEFT * 100)
        self.check_line(b'0123456789' * 20, HOME)

    def test_message_comes_in_the_middle_of_a_key(self):
        session, peer = self.start()
        session.type(b'abc' + LEFT[:1])
        session.wait_for('> abc')
        peer.send(TEXT, b'message')
        session.wait_for_lines('< message', '> abc')
        session.type(LEFT[1:] + b'X\n')
        self.assertEqual(peer.receive(), (TEXT, b'abXc'))

    def test_message_comes_in_the_middle_of_a_character(self):
        session, peer = self.start()
        session.type(b'abc\xe6\xbc')
        session.wait_for('> abc')
        peer.send(TEXT, b'message')
        session.wait_for_lines('< message', '> abc')
        session.type(b'\xa2\n')
        self.assertEqual(peer.receive(), (TEXT, 'abc漢'.encode()))

    def test_log_does_not_tear_the_line(self):
        session, peer = self.start('-v')
        session.type(b'half')
        session.wait_for('> half')
        peer.send(TEXT, b'message')
        session.wait_for_lines('* < text frame, 7 bytes', '< message', '> half')

    def test_escape_sequences_of_the_peer_are_escaped(self):
        session, peer = self.start()
        session.type(b'half')
        session.wait_for('> half')
        peer.send(TEXT, EVIL)
        session.wait_for_lines('< ' + SHOWN, '> half')
        peer.close(4000, EVIL)
        self.assertEqual(peer.receive_close(), 4000)
        self.check_end(session, CODE)
        self.assertEqual(session.terminal.lines()[-2:],
                         ['> half', 'wsuv: closed by the peer: 4000: ' + SHOWN])

    def test_resize(self):
        session, peer = self.start()
        session.type(b'0123456789' * 3)
        session.wait_for('> ' + '0123456789' * 3)
        for columns in 120, 40, 20:
            session.resize(24, columns)
            peer.send(TEXT, b'%d' % columns)
            session.wait(lambda: '< %d' % columns in session.terminal.lines())
        session.wait_for_lines('< 20', '> 012345678901234567', '890123456789')
        session.type(b'!\n')
        self.assertEqual(peer.receive(), (TEXT, b'0123456789' * 3 + b'!'))


class Ends(TerminalTest):
    """The terminal is as it was before."""

    def half(self, *args):
        session, peer = self.start(*args)
        session.type(b'half')
        session.wait_for('> half')
        return session, peer

    def test_ctrl_c(self):
        session, peer = self.half()
        session.type(CTRL_C)
        self.assertEqual(peer.answer_close(), 1001)
        self.check_end(session, CLOSED)
        self.assertEqual(session.terminal.lines(), ['> half'])
        self.assertEqual(session.terminal.line(), '')

    def test_signals(self):
        for number in signal.SIGTERM, signal.SIGHUP:
            with self.subTest(signal=number):
                session, peer = self.half()
                session.process.send_signal(number)
                self.assertEqual(peer.answer_close(), 1001)
                self.check_end(session, CLOSED)

    def test_quit(self):
        session, _ = self.half()
        session.type(b'\x1c')
        session.process.wait(PATIENCE)
        self.check_end(session, -signal.SIGQUIT)

    def test_two_interrupts(self):
        session, peer = self.half()
        session.type(CTRL_C)
        self.assertEqual(peer.receive_close(), 1001)
        session.type(CTRL_C)
        self.check_end(session, LOST)

    def test_ctrl_d_within_a_line_is_no_end(self):
        session, peer = self.half()
        session.type(CTRL_D + b'\n')
        self.assertEqual(peer.receive(), (TEXT, b'half'))
        session.wait_for('> ')
        session.type(CTRL_D)
        self.assertEqual(peer.answer_close(), 1000)
        self.check_end(session, CLOSED)

    def test_session_that_ends(self):
        session, peer = self.half()
        peer.close(1000)
        self.assertEqual(peer.receive_close(), 1000)
        self.check_end(session, UNFINISHED)
        self.assertEqual(session.terminal.lines(), [
            '> half', 'wsuv: closed by the peer: 1000: standard input was not sent to its end'])

    def test_connection_that_is_lost(self):
        session, peer = self.half()
        peer.reset()
        self.check_end(session, LOST)

    def test_limit(self):
        session, peer = self.half('-n', '1')
        peer.send(TEXT, b'one')
        self.assertEqual(peer.answer_close(), 1000)
        self.check_end(session, CLOSED)
        self.assertEqual(session.terminal.lines(), ['< one', '> half'])

    def test_terminal_that_is_gone(self):
        session, peer = self.half()
        session.hang_up()
        self.assertIn(peer.answer_close(), (1000, 1001))
        session.process.wait(PATIENCE)

    def test_terminal_that_takes_no_output(self):
        session, peer = self.start()
        termios.tcflow(session.slave, termios.TCOOFF)
        peer.send(TEXT, b'unseen')
        session.process.send_signal(signal.SIGTERM)
        self.assertEqual(peer.answer_close(), 1001)
        termios.tcflow(session.slave, termios.TCOON)
        self.check_end(session, CLOSED)

    def test_ctrl_z_gives_the_terminal_back_and_takes_it_again(self):
        script = self.serve()
        shell = ('import os, signal, sys\n'
                 'child = os.fork()\n'
                 'if child == 0:\n'
                 '    os.setpgid(0, 0)\n'
                 '    signal.signal(signal.SIGTTOU, signal.SIG_IGN)\n'
                 '    os.tcsetpgrp(0, os.getpid())\n'
                 '    signal.signal(signal.SIGTTOU, signal.SIG_DFL)\n'
                 '    os.execv(sys.argv[1], sys.argv[1:])\n'
                 'os.waitpid(child, os.WUNTRACED)\n'
                 'os.write(1, b"stopped\\n")\n'
                 'signal.sigwait([signal.SIGUSR1])\n'
                 'os.kill(child, signal.SIGCONT)\n'
                 'sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n')
        wsuv = cli_test.WSUV
        self.addCleanup(setattr, cli_test, 'WSUV', wsuv)
        cli_test.WSUV = sys.executable
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
        session = Session('-c', shell, wsuv, script.url)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR1])
        self.addCleanup(session.close)
        peer = script.wait()
        session.wait_for('> ')
        session.type(b'half')
        session.wait_for('> half')
        session.type(CTRL_Z)
        session.wait(lambda: 'stopped' in session.terminal.lines())
        self.assertEqual(termios.tcgetattr(session.slave), session.before)
        session.process.send_signal(signal.SIGUSR1)
        session.wait_for_lines('stopped', '> half')
        session.type(b' more\n')
        self.assertEqual(peer.receive(), (TEXT, b'half more'))
        session.wait_for('> ')
        session.type(CTRL_D)
        self.assertEqual(peer.answer_close(), 1000)
        self.check_end(session, CLOSED)


class Plain(TerminalTest):
    """Terminals without colours, and those without an editor."""

    def dialogue(self, prompt=True, **kwargs):
        session, peer = self.start(prompt=prompt, **kwargs)
        session.type(b'typed\n')
        self.assertEqual(peer.receive(), (TEXT, b'typed'))
        peer.send(TEXT, b'answer')
        session.wait(lambda: '< answer' in session.terminal.lines())
        session.type(CTRL_D)
        self.assertEqual(peer.answer_close(), 1000)
        self.check_end(session, CLOSED)
        self.assertEqual(session.terminal.colors, set())
        return session.terminal.lines()

    def test_no_color(self):
        lines = self.dialogue(env={'NO_COLOR': '1'})
        self.assertEqual(lines, ['> typed', '< answer'])

    def test_dumb_terminal_has_no_editor(self):
        for kind in 'dumb', '', 'no-such-terminal':
            with self.subTest(TERM=kind):
                env = {'TERM': kind, 'NO_COLOR': '1'}
                self.assertEqual(self.dialogue(prompt=False, env=env), ['typed', '< answer'])

    def test_dumb_terminal_gets_no_control_sequence(self):
        session, peer = self.start('--no-input', prompt=False, env={'TERM': 'dumb'})
        peer.send(TEXT, b'message')
        session.wait_for_lines('< message')
        self.assertEqual(session.terminal.colors, set())

    def test_empty_no_color_is_none(self):
        session, peer = self.start('--no-input', prompt=False, env={'NO_COLOR': ''})
        peer.send(TEXT, b'message')
        session.wait_for_lines('< message')
        self.assertEqual(session.terminal.colors, {0, 36})

    def test_messages_of_the_command_line_are_marked(self):
        session, peer = self.start('-m', 'one', '-m', 'tw\x1bo', prompt=False)
        session.wait_for_lines('> one', r'> tw\x1bo')
        self.assertEqual(peer.answer_close(), 1000)
        self.check_end(session, CLOSED)

    def test_pipe_has_neither_marks_nor_colors(self):
        read_end, write_end = os.pipe()
        session, peer = self.start('--no-input', '-m', 'sent', '-n', '1', prompt=False,
                                   stdout=write_end)
        os.close(write_end)
        peer.send(TEXT, b'message')
        self.assertEqual(peer.answer_close(), 1000)
        self.check_end(session, CLOSED)
        with open(read_end, 'rb') as out:
            self.assertEqual(out.read(), b'message\n')
        self.assertEqual(session.terminal.lines(), [])

    def test_input_from_a_pipe_has_no_prompt(self):
        read_end, write_end = os.pipe()
        session, peer = self.start(prompt=False, stdin=read_end)
        os.close(read_end)
        os.write(write_end, b'piped\n')
        self.assertEqual(peer.receive(), (TEXT, b'piped'))
        peer.send(TEXT, b'message')
        session.wait_for_lines('< message')
        os.close(write_end)
        self.assertEqual(peer.answer_close(), 1000)
        self.check_end(session, CLOSED)
        self.assertEqual(session.terminal.lines(), ['< message'])


class Progress(TerminalTest):
    SIZE = 8 << 20

    def shows(self, session, text):
        session.wait(lambda: any(line.startswith(text) for line in session.terminal.lines()), text)

    def test_message_that_arrives_slowly(self):
        session, peer = self.start()
        session.type(b'half')
        session.wait_for('> half')
        frame = Peer.frame(TEXT, b'x' * 300000)
        peer.sock.sendall(frame[:-1])
        self.shows(session, 'received 0.3 MiB, ')
        session.wait_for('> half')
        session.type(b'-typed')
        session.wait_for('> half-typed')
        peer.sock.sendall(frame[-1:])
        session.wait(lambda: session.terminal.lines()[-1:] == ['> half-typed']
                     and 'x' * 80 in session.terminal.lines()
                     and 'received' not in ''.join(session.terminal.lines()))

    def test_message_to_a_pipe(self):
        read_end, write_end = os.pipe()
        session, peer = self.start('-n', '1', '--no-input', prompt=False, stdout=write_end)
        os.close(write_end)
        frame = Peer.frame(BINARY, b'x' * 300000)
        peer.sock.sendall(frame[:-1])
        self.shows(session, 'received 0.3 MiB, ')
        peer.sock.sendall(frame[-1:])
        with open(read_end, 'rb') as out:
            self.assertEqual(out.read(300001), b'x' * 300000 + b'\n')
            self.assertEqual(peer.answer_close(), 1000)
            self.assertEqual(out.read(), b'')
        self.check_end(session, CLOSED)
        self.assertEqual(session.terminal.lines(), [])

    def test_upload(self):
        with tempfile.TemporaryFile() as file:
            file.truncate(self.SIZE)
            session, peer = self.start('-b', prompt=False, stdin=file)
            self.shows(session, 'sent ')
            shown = next(line for line in session.terminal.lines() if line.startswith('sent'))
            self.assertRegex(shown, r'^sent \d\.\d of 8\.0 MiB, \d+ %, \d+\.\d MiB/s$')
            self.assertEqual(peer.receive(), (BINARY, bytes(self.SIZE)))
            self.assertEqual(peer.answer_close(), 1000)
            self.check_end(session, CLOSED)
        self.assertEqual(session.terminal.lines(), [])

    def test_streamed_upload(self):
        with tempfile.TemporaryFile() as file:
            file.truncate(2 * self.SIZE)
            session, peer = self.start('-b', '--stream', prompt=False, stdin=file)
            self.shows(session, 'sent ')
            shown = next(line for line in session.terminal.lines() if line.startswith('sent'))
            self.assertRegex(shown, r'^sent \d\.\d of 16\.0 MiB, \d+ %, \d+\.\d MiB/s$')
            self.assertEqual(peer.receive(), (BINARY, bytes(2 * self.SIZE)))
            self.assertEqual(peer.answer_close(), 1000)
            self.check_end(session, CLOSED)
        self.assertEqual(session.terminal.lines(), [])

    def test_pieces_that_are_printed_are_not_torn(self):
        session, peer = self.start('--stream', '--no-input', prompt=False)
        peer.send(TEXT, b'begin' + b'.' * (1 << 16), fin=False)
        session.wait(lambda: session.terminal.lines()[:1] == ['< begin' + '.' * 73])
        peer.send(CONTINUATION, b'end')
        session.wait(lambda: ''.join(session.terminal.lines()).endswith('end'))


class Serving(TerminalTest):
    """`wsuv --listen`: the prompt is there when somebody is."""

    def listen(self):
        session = Session('--listen', '0')
        self.addCleanup(session.close)
        told = re.compile(r'wsuv: listening on ws://127\.0\.0\.1:(\d+)/')
        session.wait(lambda: told.fullmatch('\n'.join(session.terminal.lines()[:1])), 'the port')
        session.port = int(told.fullmatch(session.terminal.lines()[0]).group(1))
        return session

    def call(self, session):
        caller = Caller(session)
        self.addCleanup(caller.sock.close)
        self.assertEqual(caller.open(), 101)
        return caller

    def test_typed_lines_go_to_everyone(self):
        session = self.listen()
        callers = [self.call(session) for _ in range(2)]
        session.wait_for('> ')
        session.type(b'hello\n')
        for caller in callers:
            self.assertEqual(caller.receive_text(), 'hello')
        callers[1].send(TEXT, b'you \x1b[2J')
        session.wait_for_lines('> hello', '< you \\x1b[2J', '>')
        session.type(CTRL_C)
        for caller in callers:
            self.assertEqual(caller.receive_all(), ([], 1001))
        self.assertEqual(session.end(), CLOSED)
        self.assertEqual(session.after, session.before)
        self.assertEqual(session.terminal.unknown, [])

    def test_a_line_that_is_typed_for_nobody_waits(self):
        session = self.listen()
        caller = self.call(session)
        session.wait_for('> ')
        caller.close()
        session.type(b'late\n')
        self.assertEqual(self.call(session).receive_text(), 'late')


if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    cli_test.WSUV, cli_test.ECHO = sys.argv[1:3]
    heed_signals()
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
