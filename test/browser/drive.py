"""Chromium and Firefox without a window, driven over their own protocols, which run over WebSocket:
the DevTools protocol, and WebDriver BiDi. Everything is synchronous; events are left out.

A page is a tab. Its `run` runs the body of an async function of JavaScript in it, and gives what
that returns, by JSON.
"""

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import threading

import websockets

from lines import Lines

PATIENCE = 120  # seconds, for anything that has to come


class Failed(Exception):
    """A command that the browser has refused, or a script that has thrown."""


class Browser:
    """One that runs with an empty profile of its own, up to the end of the `with` block."""

    name = listening = None

    def __init__(self, authority=None):
        self.folder = tempfile.mkdtemp(prefix='wsuv-browser-')
        self.loop = asyncio.new_event_loop()
        self.last = 0
        try:
            if authority:
                self.trust(authority)
            environment = dict(os.environ, HOME=self.folder, LC_ALL='C.UTF-8')
            self.process = subprocess.Popen(self.command(), stdout=subprocess.DEVNULL,
                                            stderr=subprocess.PIPE, bufsize=0, env=environment,
                                            start_new_session=True)
            self.connect(self.read_url())
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if getattr(self, 'process', None):
            self.kill()
        tasks = asyncio.all_tasks(self.loop)  # of the connection
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.loop.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self):
        """Its processes are a session of their own."""
        try:
            os.killpg(self.process.pid, 9)
        except ProcessLookupError:
            pass
        self.process.wait()

    def read_url(self):
        """From what the browser says."""
        url = Lines(self.process.stderr, PATIENCE).find(self.listening).group(1)
        threading.Thread(target=self.drop_log, daemon=True).start()
        return url

    def drop_log(self):
        """The pipe must not fill. A process that outlives the browser may hold its other end."""
        with self.process.stderr as pipe:
            while pipe.read(1 << 16):
                pass

    def wait(self, what):
        return self.loop.run_until_complete(asyncio.wait_for(what, PATIENCE))

    def connect(self, url):
        async def connect():
            return await websockets.connect(url, max_size=None, ping_interval=None)
        self.socket = self.wait(connect())

    def certutil(self, database, *args):
        subprocess.run(['certutil', *args, '-d', 'sql:' + database], check=True)

    def add_authority(self, database, authority):
        os.makedirs(database, exist_ok=True)
        self.certutil(database, '-N', '--empty-password')
        self.certutil(database, '-A', '-t', 'C,,', '-n', 'test', '-i', authority)

    def call(self, method, **params):
        """A command's result."""
        return self.command_in(None, method, params)

    def command_in(self, session, method, params):
        async def exchange():
            self.last += 1
            message = dict(id=self.last, method=method, params=params)
            if session:
                message['sessionId'] = session
            await self.socket.send(json.dumps(message))
            while True:
                answer = json.loads(await self.socket.recv())
                if answer.get('id') == self.last:
                    return answer
        answer = self.wait(exchange())
        if 'error' in answer:
            raise Failed(answer)
        return answer['result']


class Chromium(Browser):
    name, listening = 'chromium', r'DevTools listening on (ws://\S+)'

    def command(self):
        return ['chromium', '--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run',
                '--disable-dev-shm-usage', '--disable-background-networking',
                '--disable-component-update', '--disable-sync', '--disable-quic',
                '--no-proxy-server', '--remote-debugging-port=0',
                '--user-data-dir=' + os.path.join(self.folder, 'profile')]

    def trust(self, authority):
        self.add_authority(os.path.join(self.folder, '.pki', 'nssdb'), authority)

    def open(self, url):
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        session = self.call('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        page = ChromiumPage(self, target, session)
        page.go(url)
        return page


class ChromiumPage:
    def __init__(self, browser, target, session):
        self.browser, self.target, self.session = browser, target, session

    def call(self, method, **params):
        return self.browser.command_in(self.session, method, params)

    def wait_until_loaded(self):
        self.run('if (document.readyState !== "complete")'
                 ' await new Promise((done) => addEventListener("load", done));')

    def go(self, url):
        self.call('Page.navigate', url=url)
        self.wait_until_loaded()

    def reload(self):
        """A script that runs in the page that goes away fails, or sees the mark."""
        self.run('window.isOld = true')
        self.call('Page.reload')
        while True:
            try:
                if not self.run('return window.isOld'):
                    break
            except Failed:
                pass
        self.wait_until_loaded()

    def run(self, body):
        result = self.call('Runtime.evaluate', expression='(async () => {%s})()' % body,
                           awaitPromise=True, returnByValue=True)
        if 'exceptionDetails' in result:
            raise Failed(result['exceptionDetails'])
        return result['result'].get('value')

    def close(self):
        self.browser.call('Target.closeTarget', targetId=self.target)


class Firefox(Browser):
    name, listening = 'firefox', r'WebDriver BiDi listening on (ws://\S+)'

    def command(self):
        profile = os.path.join(self.folder, 'profile')
        os.makedirs(profile, exist_ok=True)
        return ['firefox-esr', '--headless', '--no-remote', '--profile', profile,
                '--remote-debugging-port', '0']

    def trust(self, authority):
        self.add_authority(os.path.join(self.folder, 'profile'), authority)

    def connect(self, url):
        super().connect(url + '/session')
        self.call('session.new', capabilities={})

    def open(self, url):
        page = FirefoxPage(self, self.call('browsingContext.create', type='tab')['context'])
        page.go(url)
        return page


class FirefoxPage:
    def __init__(self, browser, context):
        self.browser, self.context = browser, context

    def go(self, url):
        self.browser.call('browsingContext.navigate', context=self.context, url=url,
                          wait='complete')

    def reload(self):
        self.browser.call('browsingContext.reload', context=self.context, wait='complete')

    def run(self, body):
        script = '(async () => {%s})().then((v) => JSON.stringify(v))' % body
        result = self.browser.call('script.evaluate', expression=script, awaitPromise=True,
                                   target=dict(context=self.context))
        if result['type'] == 'exception':
            raise Failed(result['exceptionDetails'])
        value = result['result'].get('value')
        return value if value is None else json.loads(value)

    def close(self):
        self.browser.call('browsingContext.close', context=self.context)


BROWSERS = (Chromium, Firefox)
