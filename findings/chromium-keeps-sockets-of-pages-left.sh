#!/bin/bash
# Wrong guess: when the user goes to another page, the browser closes the WebSockets of the page that
# was left, with close code 1001, as it does when a tab is closed.
#
# Chromium 156 keeps the page in its back/forward cache with the connection open. No script runs. The
# browser answers pings, and takes messages, which the page never gets. The connection is closed with
# 1001 when the user goes back, and the page that is shown again gets a close event with 1006; or it
# is closed when the page leaves the cache, such as with its tab. So keepalive does not tell a server
# that nobody is there. A page has to close its sockets in its `pagehide` event, which works. Firefox
# closes them at once.
#
# Needs Debian 12 with the packages chromium and python3-websockets, which the script does not fetch,
# because chromium needs more than a hundred others. Prints what a server sees, and fails if it
# changes.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat >play.py <<'END'
import asyncio
import json
import os
import signal
import sys

import websockets


async def serve_page(reader, writer):
    if not await reader.read(65536):  # a connection that was not needed
        writer.close()
        return
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n')
    await writer.drain()
    writer.close()


class Tab:
    """One tab, by the DevTools protocol."""

    def __init__(self, socket):
        self.socket, self.last = socket, 0

    async def call(self, method, session=None, **params):
        self.last += 1
        message = dict(id=self.last, method=method, params=params)
        if session:
            message['sessionId'] = session
        await self.socket.send(json.dumps(message))
        return (await self.next(lambda answer: answer.get('id') == self.last))['result']

    async def next(self, is_wanted):
        while True:
            message = json.loads(await self.socket.recv())
            if is_wanted(message):
                return message

    async def open(self):
        target = await self.call('Target.createTarget', url='about:blank')
        self.session = (await self.call('Target.attachToTarget', flatten=True,
                                        targetId=target['targetId']))['sessionId']

    async def go(self, url):
        await self.call('Page.navigate', self.session, url=url)
        await self.run('if (document.readyState !== "complete")'
                       ' await new Promise((done) => addEventListener("load", done));')

    async def back(self):
        """Up to the event that the page before is shown again."""
        history = await self.call('Page.getNavigationHistory', self.session)
        entry = history['entries'][history['currentIndex'] - 1]
        await self.call('Page.enable', self.session)
        await self.call('Page.navigateToHistoryEntry', self.session, entryId=entry['id'])
        await self.next(lambda event: event.get('method') == 'Page.frameNavigated')

    async def run(self, body):
        answer = await self.call('Runtime.evaluate', self.session, awaitPromise=True,
                                 returnByValue=True, expression='(async () => {%s})()' % body)
        return answer['result'].get('value')


async def play(tab, pages, port, accepted):
    await tab.go(pages + '/first')
    await tab.run('''
      window.messages = 0;
      window.ws = new WebSocket("ws://localhost:%d/");
      ws.onmessage = () => messages++;
      ws.onclose = (event) => { window.code = event.code; };
      await new Promise((done) => { ws.onopen = done; });''' % port)
    socket = await accepted.get()
    await tab.go(pages + '/second')
    closed, _ = await asyncio.wait([asyncio.create_task(socket.wait_closed())], timeout=3)
    print('3 s after another page was shown:', 'closed' if closed else 'open')
    await asyncio.wait_for(await socket.ping(), 5)
    print('a ping: answered')
    await socket.send('to nobody')
    print('a message: taken')
    await tab.back()
    await socket.wait_closed()
    print('when the user goes back: close code', socket.close_code)
    code, count = await tab.run('''
      if (!window.code) await new Promise((done) => ws.addEventListener("close", done));
      return [window.code, window.messages];''')
    print('the page that is shown again: close event with %s, %d messages' % (code, count))


async def main(folder):
    accepted = asyncio.Queue()

    async def keep(socket):
        await accepted.put(socket)
        await socket.wait_closed()

    async with websockets.serve(keep, 'localhost', 0, ping_interval=None) as server, \
            await asyncio.start_server(serve_page, 'localhost', 0) as pages:
        browser = await asyncio.create_subprocess_exec(
            'chromium', '--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run',
            '--disable-background-networking', '--no-proxy-server', '--remote-debugging-port=0',
            '--user-data-dir=' + folder, stderr=asyncio.subprocess.PIPE, start_new_session=True)
        try:
            await browser.stderr.readuntil(b'DevTools listening on ws://')
            url = 'ws://' + (await browser.stderr.readline()).decode().strip()
            async with websockets.connect(url, max_size=None) as devtools:
                tab = Tab(devtools)
                await tab.open()
                await play(tab, 'http://localhost:%d' % pages.sockets[0].getsockname()[1],
                           server.sockets[0].getsockname()[1], accepted)
        finally:
            os.killpg(browser.pid, signal.SIGKILL)
            await browser.communicate()


asyncio.run(main(sys.argv[1]))
END

{
  chromium --version 2>chromium.err | cut -d ' ' -f 1-2 | sed 's/\..*//'
  HOME=$folder /usr/bin/python3 play.py "$folder/profile"
} | tee seen

cat >expected <<'END'
Chromium 156
3 s after another page was shown: open
a ping: answered
a message: taken
when the user goes back: close code 1001
the page that is shown again: close event with 1006, 0 messages
END
diff expected seen
