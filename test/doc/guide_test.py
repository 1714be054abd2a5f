#!/usr/bin/python3
"""What the guide shows compiles, runs, and prints what the guide says.

    guide_test.py GUIDE COMPILER INCLUDE_FOLDER LIBRARY_FOLDER WSUV_ECHO WSUV

GUIDE is the front page; its links to pages in the folder of the same name are the chapters. CFLAGS
and LDFLAGS are taken from the environment; a library that was built with sanitizers needs them. The
first program is that of the first chapter. Every ```c block is a program, unless an HTML comment on
the line before says otherwise:

    <!-- part -->             definitions that take the place of those of the first program that
                              have the same name; what else there is comes with them
    <!-- ... path=/x -->      the URL that it is given ends in this
    <!-- ... drive=NAME -->   it is not only run, but driven by the function `drive_NAME` below
    <!-- ... name=NAME -->    parts with `of=NAME` are parts of this program, not of the first one
    <!-- ... library=NAME --> it and its parts are linked by that pkg-config file, not wsuv.pc, and
                              need no server
    <!-- ... serve=yes -->    it is a server, which is given a port, prints it and ends at SIGTERM;
                              the ```sh block that follows is run meanwhile, with that port

A ```sh block is run by a shell for which `program.c` is the first program, and `cc`, pkg-config and
`wsuv` are those of the build. A ```text block is what the block before it prints on both outputs:
`...` stands for anything within a line, and alone for any number of lines. Everything must end with
status 0. Clients talk to an echo server, for which the guide says ws://127.0.0.1:9001. A whole
program is run once more where the upgrade is refused, and then must end with another status. With
WSUV_TEST_STRIDE=N, one in N of the parts is run; the others are compiled only.
"""

import concurrent.futures
import os
import re
import select
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time

import relays

STRIDE = int(os.environ.get('WSUV_TEST_STRIDE', '1'))
PATIENCE = 10  # seconds, for a program to end, or to say what it is waited for
WARNINGS = ['-std=gnu11', '-Wall', '-Wextra', '-Werror']
SHOWN_PORT = '9001'
SUBPROTOCOL = 'feed.v2'

DIRECTIVE = re.compile(r'<!-- (program|part)((?: \w+=\S+)*) -->')
NAME = re.compile(r'^[\w\s*]*?\b(\w+)\s*[(=;\[]', re.M)
COMMENT = re.compile(r'/\*.*?\*/', re.S)


class Failure(Exception):
    pass


# --- the guide ---


class Block:
    """A fenced block; `line` is that of its first line of content, in the file `page`."""

    def __init__(self, language, directive, page, line):
        self.language, self.page, self.line = language, page, line
        self.lines, self.expected, self.visitor, self.run = [], None, None, True
        match = DIRECTIVE.fullmatch(directive)
        self.kind = match.group(1) if match else 'program'
        self.options = dict(pair.split('=', 1) for pair in match.group(2).split()) if match else {}

    @property
    def text(self):
        return ''.join(self.lines)

    def place(self):
        return f'{self.page}:{self.line}'


def chapters(guide):
    """The files that the front page links to, in this order."""
    folder = os.path.splitext(guide)[0]
    with open(guide, encoding='utf-8') as file:
        links = re.findall(rf'\]\({os.path.basename(folder)}/([\w-]+\.md)\)', file.read())
    return [os.path.join(folder, link) for link in links]


def read_blocks(path):
    blocks, block, before, page = [], None, '', os.path.basename(path)
    with open(path, encoding='utf-8') as file:
        for number, line in enumerate(file, 1):
            if not line.startswith('```'):
                if block:
                    block.lines.append(line)
            elif block:
                blocks.append(block)
                block = None
            else:
                block = Block(line[3:].strip(), before, page, number + 1)
            before = line.strip()
    return blocks


def attach_outputs(blocks):
    """The blocks to be run, each with what it prints, if that is shown. What a server shows is what
    its visitor prints."""
    runnable = []
    for before, block in zip([None, *blocks], blocks):
        if block.language == 'sh' and before and before.options.get('serve'):
            before.visitor = block
        elif block.language in ('c', 'sh'):
            runnable.append(block)
        elif block.language == 'text':
            before = next((b for b in runnable if before and b.visitor is before), before)
            if before not in runnable:
                raise Failure(f'{block.place()}: the output of what?')
            before.expected = block.text
    return runnable


# --- from a part to a program ---


class Definition:
    """Something at the top level of a C file, with the comment before it."""

    def __init__(self, text, page, line):
        match = NAME.search(COMMENT.sub('', text).strip())
        self.text, self.page, self.line = text, page, line
        self.name = match.group(1) if match and not text.startswith('#') else None

    def prototype(self):
        head = COMMENT.sub('', self.text).strip().partition('{')[0]
        return f'{head.strip()};\n' if re.match(r'static [^=]*\)\s*$', head) else ''

    def placed(self):
        return f'#line {self.line} "{self.page}"\n{self.text}\n'


def definitions(block):
    found, line = [], block.line
    for text in re.split(r'\n\n(?=\S)', block.text.rstrip('\n')):
        found.append(Definition(text + '\n', block.page, line))
        line += text.count('\n') + 2
    return found


def assemble(program, part):
    """A program with a part of it exchanged."""
    ours, others = definitions(part), definitions(program)
    names = {definition.name for definition in ours}
    last = max((i for i, d in enumerate(others) if d.name in names and d.name), default=None)
    if last is None:
        raise Failure('is no part of the program')
    text = others[0].placed() + ''.join(d.prototype() for d in others[1:])
    for i, definition in enumerate(others[1:], 1):
        if i == last:
            text += ''.join(d.placed() for d in ours)
        elif definition.name not in names:
            text += definition.placed()
    return text


# --- running ---


class Process:
    """A program whose output is read as it comes."""

    def __init__(self, command, **kwargs):
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **kwargs,
        )
        self.output, self.deadline = b'', time.monotonic() + PATIENCE

    def read(self):
        """False at the end of the output."""
        pipe = self.process.stdout
        left = self.deadline - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            raise Failure(f'does not end; it has printed:\n{self.text()}')
        data = os.read(pipe.fileno(), 65536)
        self.output += data
        return bool(data)

    def text(self):
        return self.output.decode(errors='replace')

    def wait_for(self, pattern):
        """Read until a line matches; the first group of the match."""
        while True:
            match = re.search(pattern + r'.*\n', self.text())
            if match:
                return match.group(1) if match.groups() else None
            if not self.read():
                raise Failure(f'ended before it printed {pattern!r}:\n{self.text()}')

    def interrupt(self):
        self.process.send_signal(signal.SIGTERM)

    def status(self):
        while self.read():
            pass
        return self.process.wait(PATIENCE)

    def finish(self):
        status = self.status()
        if status != 0:
            raise Failure(f'ended with status {status}; it has printed:\n{self.text()}')
        return self.text()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


def start_echo(build, port=0):
    echo = Process([build.echo, '-p', SUBPROTOCOL, str(port)])
    try:
        echo.url = echo.wait_for(r'listening on (\S+)')
    except BaseException:
        echo.__exit__()
        raise
    return echo


def port_of(url):
    return re.search(r':(\d+)', url).group(1)


def shown(output, *ports):
    """The output with the ports that the guide shows."""
    for number, port in enumerate(ports, int(SHOWN_PORT)):
        output = re.sub(rf'\b{port}\b', str(number), output)
    return output


def pattern_of(line):
    if line == '...\n':
        return r'(?:.*\n)*'
    return '.*'.join(re.escape(piece) for piece in line.split('...'))


def compare(expected, output):
    if not re.fullmatch(''.join(map(pattern_of, expected.splitlines(True))), output):
        raise Failure(f'prints\n{output}and the guide says\n{expected}')


class Build:
    """The compiler, what was built, and a folder that has what programs need."""

    def __init__(self, arguments, folder):
        compiler, *paths = arguments
        include, libraries, self.echo, self.wsuv = map(os.path.abspath, paths)
        self.folder = folder
        for library, requires in LIBRARIES.items():
            self.write(f'{library}.pc', PKG_CONFIG.format(
                include=include, libraries=libraries, library=library, requires=requires))
        self.write('cc', CC.format(path=shlex.quote(os.environ['PATH']), compiler=compiler), 0o755)
        self.environment = {
            **os.environ,
            'PATH': os.pathsep.join([folder, os.path.dirname(self.wsuv), os.environ['PATH']]),
            'PKG_CONFIG_PATH': folder,
            'LD_LIBRARY_PATH': libraries,
        }
        self.flags = {library: self.flags_of(library) for library in LIBRARIES}

    def flags_of(self, library):
        command = ['pkg-config', '--cflags', '--libs', library]
        result = subprocess.run(
            command, check=True, env=self.environment, stdout=subprocess.PIPE, text=True
        )
        return shlex.split(result.stdout)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text, mode=0o644):
        with open(self.path(name), 'w', encoding='utf-8') as file:
            file.write(text)
        os.chmod(self.path(name), mode)

    def compile(self, text, name, library, *result):
        self.write(f'{name}.c', text)
        command = [self.path('cc'), *WARNINGS, *result, f'{name}.c', *self.flags[library]]
        with Process(command, cwd=self.folder, env=self.environment) as compiler:
            compiler.deadline += 5 * PATIENCE
            if compiler.finish():
                raise Failure(f'the compiler says:\n{compiler.text()}')

    def link(self, text, name, library):
        self.compile(text, name, library, '-o', name)
        return self.path(name)

    def start(self, *command):
        return Process(command, cwd=self.folder, env=self.environment)


# The compiler's own name may be `cc`, too, so it is not looked for in the folder that this is in.
CC = """#!/bin/sh
PATH={path}
exec {compiler} $CFLAGS "$@" $LDFLAGS
"""

# The libraries, and what each requires.
LIBRARIES = {'wsuv': 'libuv', 'wsuv-testkit': 'wsuv'}

PKG_CONFIG = """Name: {library}
Description: the build that is tested
Version: 0
Requires: {requires}
Requires.private: zlib
Cflags: -I{include}
Libs: -L{libraries} -l{library}
"""


# --- drivers: (build, program, URL) to the output ---


def drive_nothing(build, program, url):
    with build.start(program, url) as process:
        return shown(process.finish(), port_of(url))


def drive_signal(build, program, url):
    """A daemon is told to stop once it is connected."""
    with build.start(program, url) as process:
        process.wait_for('open')
        process.interrupt()
        return shown(process.finish(), port_of(url))


def drive_restart(build, program, url):
    """The server is not there at first. Its port is held by a socket that does not listen."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(('127.0.0.1', 0))
        port = holder.getsockname()[1]
        with build.start(program, re.sub(r':\d+', f':{port}', url)) as process:
            process.wait_for('refused')
            with start_echo(build, port):
                return shown(process.finish(), port)


def drive_lines(build, program, url):
    """A server of lines on TCP: two clients, one of which leaves in the middle of a line."""
    with build.start(program, url) as process:
        port = process.wait_for(r'listening on port (\d+)')
        with socket.create_connection(('127.0.0.1', int(port)), PATIENCE) as one:
            with socket.create_connection(('127.0.0.1', int(port)), PATIENCE) as other:
                one.sendall(b'first\nsec')
                process.wait_for('first')
                other.sendall(b'third\nnobody sees th')
                process.wait_for('third')
            one.sendall(b'ond\n')
            process.wait_for('second')
            process.interrupt()
            return shown(process.finish(), port_of(url), port)


def through(relay, build, program, scheme):
    """The program is run with the URL of a relay to the echo server."""
    with relay, build.start(program, f'{scheme}://localhost:{relay.port}') as process:
        return shown(process.finish(), relay.port)


def drive_tls(build, program, url):
    """The echo server behind TLS."""
    return through(relays.tls(build.folder, int(port_of(url))), build, program, 'wss')


def drive_mutual(build, program, url):
    """The same, and a certificate of the client is demanded."""
    relay = relays.tls(build.folder, int(port_of(url)), client_certificate=True)
    return through(relay, build, program, 'wss')


def drive_proxy(build, program, url):
    """The port of a proxy is a second argument."""
    with relays.proxy(int(port_of(url))) as relay:
        with build.start(program, url, str(relay.port)) as process:
            return shown(process.finish(), port_of(url))


def drive_feed_proxy(build, program, url):
    with relays.proxy(int(port_of(url))) as relay:
        variable = f'FEED_PROXY=http://127.0.0.1:{relay.port}'
        with build.start('env', variable, program, url) as process:
            return process.finish()


# --- the tests ---


def check_refusal(build, program, url):
    with build.start(program, url + '/refuse?status=404') as process:
        if process.status() == 0:
            raise Failure(f'ends with status 0, though it was refused:\n{process.text()}')


def serve(build, program, script):
    """A server and its visitor."""
    with build.start(program, '0') as server:
        port = server.wait_for(r'^port (\d+)')
        script = re.sub(rf':{SHOWN_PORT}\b', f':{port}', script)
        with build.start('sh', '-e', '-c', script) as shell:
            output = shown(shell.finish(), port)
        server.interrupt()
        server.finish()
        return output


def run_program(build, block, programs, url):
    text, whole = f'#line {block.line} "{block.page}"\n{block.text}', block
    if block.kind == 'part':
        whole = programs[block.options.get('of')]
        text = assemble(whole, block)
    library = whole.options.get('library', 'wsuv')
    name = block.place().replace('.md:', '-')
    if not block.run:
        build.compile(text, name, library, '-S', '-o', os.devnull)
        return None
    program = build.link(text, name, library)
    if block.visitor:
        return serve(build, program, block.visitor.text)
    if block.kind == 'program' and library == 'wsuv':
        check_refusal(build, program, url)
    drive = globals()['drive_' + block.options.get('drive', 'nothing')]
    return drive(build, program, url + block.options.get('path', ''))


def run_shell(build, block, url):
    script = block.text.replace(f'127.0.0.1:{SHOWN_PORT}', f'127.0.0.1:{port_of(url)}')
    with build.start('sh', '-e', '-c', script) as shell:
        return shown(shell.finish(), port_of(url))


def check(build, block, programs, url):
    """What is wrong with a block, or None."""
    try:
        if block.language == 'sh':
            output = run_shell(build, block, url)
        else:
            output = run_program(build, block, programs, url)
        if block.expected is not None and block.run:
            compare(block.expected, output)
    except Failure as failure:
        return f'{block.place()}: {failure}'
    return None


def choose(blocks):
    """Which parts are run: each N-th."""
    for number, block in enumerate(b for b in blocks if b.kind == 'part'):
        block.run = number % STRIDE == 0


def check_all(build, blocks):
    programs = {b.options['name']: b for b in blocks if 'name' in b.options}
    programs[None] = next(block for block in blocks if block.language == 'c')
    build.write('program.c', programs[None].text)
    with start_echo(build) as echo, concurrent.futures.ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(check, build, block, programs, echo.url) for block in blocks]
        return [future.result() for future in futures]


def main(guide, *arguments):
    blocks = [block for path in chapters(guide) for block in attach_outputs(read_blocks(path))]
    choose(blocks)
    with tempfile.TemporaryDirectory() as folder:
        relays.make_certificates(folder)
        results = check_all(Build(arguments, folder), blocks)
    failures = [result for result in results if result]
    for failure in failures:
        print(failure)
    run = sum(block.run for block in blocks)
    print(f'{len(results)} blocks, {run} of them run, {len(failures)} failed')
    return 1 if failures or not results else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
