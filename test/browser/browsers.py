#!/usr/bin/python3
"""A server of wsuv, and Chromium and Firefox: all that a page can do with a session, and what
doc/peers.md says about browsers.

    browsers.py BROWSER_SERVER CHAT_SERVER [unittest's arguments]

Needs the packages that `.ci/packages.sh browsers` installs. What only one of them does is asserted,
too: a new version that behaves otherwise should be noticed.
"""

import functools
import http.server
import os
import shutil
import sys
import tempfile
import threading
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, 'test', 'examples'), os.path.join(ROOT, 'test', 'interop')]
# pylint: disable=wrong-import-position
import certs  # noqa: E402
from drive import Chromium, Firefox  # noqa: E402
from support import Program  # noqa: E402

BROWSER_SERVER = CHAT_SERVER = ''
PAGE = os.path.join(ROOT, 'examples', 'page')
MIB = 1 << 20
SOCKETS = 200

SCRIPT = '''
const next = (ws, type) => new Promise((done) => ws.addEventListener(type, done, {once: true}));
const ending = (e) => [e.code, e.reason, e.wasClean];
const closed = async (ws) => ending(await next(ws, 'close'));
// An open socket, or how the attempt has ended.
const open = async (url, protocols) => {
  const ws = new WebSocket(url, protocols ?? []);
  ws.binaryType = 'arraybuffer';
  const event = await Promise.race([next(ws, 'open'), next(ws, 'close')]);
  return event.type === 'open' ? ws : ending(event);
};
const opens = async (url, protocols) => {
  const ws = await open(url, protocols);
  if (!(ws instanceof WebSocket)) return ws;
  const protocol = ws.protocol;
  ws.close();
  await closed(ws);
  return protocol;
};
'''


class Handler(http.server.SimpleHTTPRequestHandler):
    """The files of the chat's page; an empty page at /empty; and /block, which is answered when the
    server's event says so."""

    def do_GET(self):
        if self.path == '/block':
            self.server.release.wait()
        if self.path not in ('/empty', '/block'):
            super().do_GET()
            return
        self.send_response(200)
        self.send_header('Content-Type', 'text/html')
        self.end_headers()
        self.wfile.write(b'<!DOCTYPE html><title>empty</title>')

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


class Pages:
    """A server of HTTP for pages, on localhost."""

    def __init__(self):
        handler = functools.partial(Handler, directory=PAGE)
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
        self.server.daemon_threads = True
        self.server.release = self.release = threading.Event()
        self.origin = 'http://localhost:%d' % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.release.set()
        self.server.shutdown()
        self.server.server_close()


class Server(Program):
    """The server under test; its events are lines."""

    def __init__(self, *args):
        super().__init__(BROWSER_SERVER, *args, stderr=None)
        self.port = int(self.out.find(r'^listening (\d+)$').group(1))
        self.url = '%s://localhost:%d' % ('wss' if '-c' in args else 'ws', self.port)

    def closed(self, path):
        """How a session of a path has ended, by name."""
        found = self.out.find(r'^close %s(?:\?\S*)? (?P<status>\S+) (?P<code>\d+) (?P<sent>\d+)'
                              r' (?P<clean>\d) (?P<by_peer>\d) (?P<frames>\d+) (?P<payload>\d+)'
                              r' (?P<framed>\d+) (?P<reason>.*)$' % path).groupdict()
        return {name: int(text) if text.isdigit() else text for name, text in found.items()}


class Cases:
    """What is played with each browser; a subclass names it."""

    make = None

    @classmethod
    def setUpClass(cls):
        cls.browser = cls.make()
        cls.addClassCleanup(cls.browser.__exit__)
        cls.pages = Pages()
        cls.addClassCleanup(cls.pages.stop)
        cls.is_chromium = cls.make is Chromium

    def setUp(self):
        self.server = self.enterContext(Server('-o', self.pages.origin))
        self.page = self.open_page()

    def open_page(self, url=None):
        page = self.browser.open(url or self.pages.origin + '/empty')
        self.addCleanup(close_quietly, page)
        return page

    def run_script(self, body, page=None, url=None):
        script = SCRIPT + 'const url = "%s";' % (url or self.server.url) + body
        return (page or self.page).run(script)

    def assert_fails(self, result, code=1006):
        self.assertEqual(result, [code, '', False])

    # --- messages ---

    def echoes(self, path, make, sizes):
        """Whether messages of these sizes come back, made by an expression of n."""
        return self.run_script('''
          const ws = await open(url + '%s');
          const results = [];
          for (const n of %s) {
            const message = %s;
            ws.send(message);
            const back = (await next(ws, 'message')).data;
            const bytes = typeof back === 'string' ? back : new Uint8Array(back);
            results.push(typeof back === 'string' ? back === message
              : back.byteLength === n && bytes.every((byte, i) => byte === message[i]));
          }
          ws.close(1000, 'done');
          await closed(ws);
          return results;''' % (path, list(sizes), make))

    TEXT = '"\\u00e4b\\u20ac\\ud83d\\ude00 ".repeat(n / 5).padEnd(n, ".")'
    BINARY = '''((bytes) => {
        for (let i = 0; i < n; i += 65536) crypto.getRandomValues(bytes.subarray(i, i + 65536));
        return bytes; })(new Uint8Array(n))'''

    def test_messages_come_back(self):
        for path in '/echo', '/plain':
            for make in self.TEXT, self.BINARY:
                with self.subTest(path=path, make=make):
                    sizes = 0, 1, 125, 126, 65535, 65536, MIB
                    self.assertEqual(self.echoes(path, make, sizes), [True] * len(sizes))
                    end = self.server.closed(path)
                    self.assertEqual((end['status'], end['code'], end['reason']),
                                     ('OK', 1000, 'done'))

    def test_messages_of_16_mib_come_back_in_frames_as_the_browser_likes(self):
        for path in '/echo', '/plain':
            self.assertEqual(self.echoes(path, self.BINARY, [16 * MIB]), [True])
            end = self.server.closed(path)
            self.assertEqual(end['payload'], 16 * MIB)
            frames = end['frames'] - 1  # without the close frame
            if self.is_chromium:
                self.assertIn(16 * MIB // frames, range(120000, 140000))
            else:
                self.assertEqual(frames, 1)
        self.assertEqual(self.echoes('/echo', self.TEXT, [16 * MIB // 9]), [True])

    def test_deflate_is_negotiated_where_the_server_has_it(self):
        extensions = [self.run_script('return (await open(url + "%s")).extensions;' % path)
                      for path in ('/echo', '/plain')]
        self.assertRegex(extensions[0], '^permessage-deflate')
        self.assertEqual(extensions[1], '')

    def test_empty_message_with_deflate(self):
        self.assertEqual(self.echoes('/echo', self.TEXT, [0]), [True])
        end = self.server.closed('/echo')
        self.assertEqual((end['payload'], end['framed']), (0, 1 if self.is_chromium else 0))

    def test_masked_frames_of_the_server(self):
        result = self.run_script('''
          const ws = await open(url + '/masked');
          const end = next(ws, 'close');
          ws.send('x');
          const event = await Promise.race([next(ws, 'message'), end]);
          return event.type === 'message' ? event.data : ending(event);''')
        if self.is_chromium:
            self.assert_fails(result)
            self.assertEqual(self.server.closed('/masked')['code'], 1002)
        else:
            self.assertEqual(result, 'x')

    def test_pings_are_answered_while_the_script_is_blocked(self):
        """A synchronous request blocks it until enough pongs have come."""
        released = []

        def release():
            for _ in range(5):
                self.server.out.find('^pong$')
            released.append(True)
            self.pages.release.set()

        self.run_script("await open(url + '/ping');")
        thread = threading.Thread(target=release)
        thread.start()
        self.page.run('const r = new XMLHttpRequest(); r.open("GET", "/block", false); r.send();')
        thread.join()
        self.assertTrue(released)

    def test_many_sockets_of_one_page(self):
        result = self.run_script('''
          const all = await Promise.all(Array.from({length: %d}, async (_, i) => {
            const ws = await open(url + '/echo');
            ws.send(`${i}`);
            const ok = (await next(ws, 'message')).data === `${i}`;
            return [ws, ok];
          }));
          return Promise.all(all.map(async ([ws, ok]) => {
            ws.close(1000);
            return ok && (await closed(ws))[2];
          }));''' % SOCKETS)
        self.assertEqual(result, [True] * SOCKETS)

    # --- decisions ---

    def test_subprotocols(self):
        """Each path is a policy. None: the attempt fails."""
        differs = None if self.is_chromium else ''
        for path, offered, chosen, is_refused in (
                ('/offered', [], '', False),
                ('/offered', ['chat.v1'], 'chat.v1', False),
                ('/offered', ['other', 'chat.v1', 'chat.v2'], 'chat.v2', False),
                ('/offered', ['other'], None, True),
                ('/required', [], None, True),
                ('/required', ['other'], None, True),
                ('/required', ['chat.v1'], 'chat.v1', False),
                ('/optional', [], '', False),
                ('/optional', ['chat.v2'], 'chat.v2', False),
                ('/optional', ['other'], differs, False),
                ('/echo', ['other'], differs, False)):
            with self.subTest(path=path, offered=offered):
                result = self.run_script('return opens(url + "%s", %s);' % (path, offered))
                self.assertEqual(result, [1006, '', False] if chosen is None else chosen)
                if is_refused:
                    self.server.out.find('^refused SUBPROTOCOL 400$')

    def check_refused_origin(self, path, page=None):
        self.assert_fails(self.run_script('return opens(url + "%s");' % path, page))
        self.server.out.find('^refused ORIGIN 403$')

    def check_origin(self, path, origin, page=None):
        self.assertEqual(self.run_script('return opens(url + "%s");' % path, page), '')
        self.assertEqual(self.server.out.find('^open %s (.*)$' % path).group(1), origin)

    def test_origin_of_a_page(self):
        self.check_origin('/echo', self.pages.origin)
        self.check_refused_origin('/own')
        self.check_refused_origin('/null')

    def test_origin_of_a_file(self):
        page = self.open_page('file://' + os.path.join(PAGE, 'index.html'))
        self.check_origin('/null', 'null', page)
        self.check_refused_origin('/echo', page)
        self.check_refused_origin('/own', page)

    def test_origin_of_a_sandboxed_frame(self):
        result = self.run_script('''
          const frame = document.createElement('iframe');
          frame.sandbox = 'allow-scripts';
          const script = `const ws = new WebSocket('${url}/null');
            ws.onopen = () => parent.postMessage('open', '*');
            ws.onclose = () => parent.postMessage('close', '*');`;
          frame.srcdoc = `<script>${script}</` + 'script>';
          const message = next(window, 'message');
          document.body.append(frame);
          return (await message).data;''')
        self.assertEqual(result, 'open')
        self.server.out.find('^open /null null$')

    def test_refusals_show_a_page_nothing(self):
        for status in 302, 401, 403, 503:
            with self.subTest(status=status):
                self.assert_fails(self.run_script(
                    'return opens(url + "/refuse?status=%d");' % status))

    def test_refusal_by_opening_tells_the_page_why(self):
        result = self.run_script('''
          const ws = new WebSocket(url + '/refuse-open');
          let opened = false;
          ws.onopen = () => { opened = true; };
          return [opened, ...await closed(ws), opened];''')
        self.assertEqual(result, [False, 4401, 'no \u20ac, no entry', True, True])

    # --- closing ---

    def test_page_closes(self):
        for arguments, code, reason in (('1000', 1000, ''),
                                        ('3000, "gr\u00fc\u00dfe"', 3000, 'gr\u00fc\u00dfe'),
                                        ('4999, "x".repeat(123)', 4999, 123 * 'x'),
                                        ('', 1005, '')):
            with self.subTest(arguments=arguments):
                result = self.run_script('''
                  const ws = await open(url + '/echo');
                  ws.close(%s);
                  return closed(ws);''' % arguments)
                # The answer has the code alone, RFC 6455 5.5.1.
                self.assertEqual(result, [code, '', True])
                end = self.server.closed('/echo')
                self.assertEqual(
                    [end[name] for name in ('status', 'code', 'reason', 'clean', 'by_peer')],
                    ['OK', code, reason, 1, 1])

    def test_server_closes(self):
        for code in (1000, 1001, 1002, 1003, *range(1007, 1015), 3000, 4000, 4999):
            with self.subTest(code=code):
                result = self.run_script('''
                  const ws = new WebSocket(url + '/close?code=%d&reason=bis+sp%%C3%%A4ter');
                  return closed(ws);''' % code)
                self.assertEqual(result, [code, 'bis sp\u00e4ter', True])
                end = self.server.closed('/close')
                self.assertEqual([end[name] for name in ('status', 'sent', 'clean', 'by_peer')],
                                 ['OK', code, 1, 0])

    def check_left(self, leave):
        page = self.open_page()
        self.run_script("window.ws = await open(url + '/echo');", page)
        leave(page)
        end = self.server.closed('/echo')
        self.assertEqual([end[name] for name in ('status', 'code', 'by_peer')], ['OK', 1001, 1])

    def test_reload_and_closed_tab_are_1001(self):
        self.check_left(lambda page: page.reload())
        self.check_left(lambda page: page.close())

    def test_other_page(self):
        """Chromium keeps the page for the way back, and its sockets with it: pings are answered
        until the tab is closed."""
        page = self.open_page()
        self.run_script("window.ws = await open(url + '/ping');", page)
        page.go(self.pages.origin + '/')
        if self.is_chromium:
            for _ in range(20):
                self.server.out.find('^pong$')
            page.close()
        self.assertEqual(self.server.closed('/ping')['code'], 1001)

    def test_page_that_closes_when_it_is_left(self):
        """Firefox has closed before."""
        page = self.open_page()
        self.run_script('''
          window.ws = await open(url + '/echo');
          window.onpagehide = () => window.ws.close(1000, 'left');''', page)
        page.go(self.pages.origin + '/')
        end = self.server.closed('/echo')
        expected = (1000, 'left') if self.is_chromium else (1001, '')
        self.assertEqual((end['status'], end['code'], end['reason']), ('OK', *expected))

    def test_killed_browser_ends_without_a_close_frame(self):
        with self.make() as browser:
            page = browser.open(self.pages.origin + '/empty')
            self.run_script("window.ws = await open(url + '/echo');", page)
            browser.kill()
        end = self.server.closed('/echo')
        self.assertEqual((end['status'], end['code'], end['clean']), ('EOF', 1006, 0))

    # --- TLS ---

    def test_wss_to_a_port_without_tls(self):
        url = 'wss://localhost:%d' % self.server.port
        self.assert_fails(self.run_script('return opens(url + "/echo");', url=url),
                          1006 if self.is_chromium else 1015)
        self.server.out.find('^refused TLS_ON_PLAIN')

    def test_private_authority(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        path = functools.partial(os.path.join, folder)
        certs.make(folder)
        with self.make(path('root.crt')) as browser:
            page = browser.open(self.pages.origin + '/empty')
            for name, fails in (('good', None), ('unknown-ca', True), ('wrong-name', True),
                                ('expired', True)):
                args = '-c', path(name + '.crt'), '-k', path(name + '.key')
                with self.subTest(certificate=name), Server(*args, '-o', '*') as server:
                    result = self.run_script('return opens(url + "/echo");', page, server.url)
                    if fails:
                        self.assert_fails(result, 1006 if self.is_chromium else 1015)
                        continue
                    self.assertEqual(result, '')
                    self.assertEqual(server.closed('/echo')['clean'], 1)
                    self.run_script("window.ws = await open(url + '/echo');", page, server.url)
                    page.reload()
                    self.assertEqual(server.closed('/echo')['code'], 1001)


def close_quietly(page):
    """Unless it is closed already."""
    try:
        page.close()
    except Exception:  # pylint: disable=broad-except
        pass


class InChromium(Cases, unittest.TestCase):
    make = Chromium


class InFirefox(Cases, unittest.TestCase):
    make = Firefox


class ChatPage:
    """The page of chat_server in one browser."""

    def __init__(self, browser, page_url, chat_url, name):
        self.page = browser.open(page_url)
        self.page.run('''
          const set = (id, value) => { document.getElementById(id).value = value; };
          set('server', '%s'); set('room', 'tea time'.replace(' ', '-')); set('name', '%s');
          document.getElementById('enter').requestSubmit();''' % (chat_url, name))

    def wait_for(self, selector, text):
        """Until an element of the selector has this text."""
        self.page.run('''
          const is = () => [...document.querySelectorAll('%s')].some((e) => e.textContent === '%s');
          while (!is()) await new Promise((done) => setTimeout(done, 20));''' % (selector, text))

    def members(self):
        return self.page.run('return [...document.querySelectorAll("#members li")]'
                             '.map((e) => e.textContent).sort();')

    def say(self, text):
        self.page.run('''document.getElementById('text').value = '%s';
          document.getElementById('say').requestSubmit();''' % text)


class Chat(unittest.TestCase):
    def test_page_in_two_browsers_at_once(self):
        """One has the page from a server, the other from a file."""
        pages = Pages()
        self.addCleanup(pages.stop)
        with Program(CHAT_SERVER, '-o', pages.origin, '-o', 'null', '0', stderr=None) as program, \
                Chromium() as chromium, Firefox() as firefox:
            url = 'ws://localhost:' + program.out.find(r'^port (\d+)$').group(1)
            ada = ChatPage(chromium, pages.origin + '/index.html', url, 'Ada')
            ada.wait_for('#state', 'In tea-time as Ada')
            bob = ChatPage(firefox, 'file://' + os.path.join(PAGE, 'index.html'), url, 'Bob')
            for who in ada, bob:
                who.wait_for('#members li', 'Bob')
                self.assertEqual(who.members(), ['Ada', 'Bob'])
            ada.wait_for('#lines li', 'Bob has come')
            bob.say('<b>good</b> day')
            ada.say('hello')
            for who in ada, bob:
                who.wait_for('#lines li', 'Bob: <b>good</b> day')
                who.wait_for('#lines li', 'Ada: hello')
            other = ChatPage(chromium, pages.origin + '/index.html', url, 'Bob')
            other.wait_for('#state', 'the name is taken (4409)')
            firefox.kill()
            ada.wait_for('#lines li', 'Bob has gone')
            self.assertEqual(ada.members(), ['Ada'])

    def test_page_of_the_server_itself(self):
        with Program(CHAT_SERVER, '-p', PAGE, '0', stderr=None) as program, \
                Chromium() as chromium, Firefox() as firefox:
            port = program.out.find(r'^port (\d+)$').group(1)
            page, url = 'http://localhost:%s/' % port, 'ws://localhost:' + port
            ada, bob = (ChatPage(browser, page, url, name)
                        for browser, name in ((chromium, 'Ada'), (firefox, 'Bob')))
            for who in ada, bob:
                who.wait_for('#members li', 'Ada')
                who.wait_for('#members li', 'Bob')
            ada.page.go(page)  # a member who goes to another page is gone
            bob.wait_for('#lines li', 'Ada has gone')


if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    BROWSER_SERVER, CHAT_SERVER = map(os.path.abspath, sys.argv[1:3])
    unittest.main(argv=[sys.argv[0]] + sys.argv[3:])
