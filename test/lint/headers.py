#!/usr/bin/python3
"""Each public header compiles alone and without a warning, as C11 and as C++17.

    headers.py INCLUDE_FOLDER COMPILER...

A compiler whose name holds a `++` is given C++.
"""

import os
import shlex
import subprocess
import sys

WARNINGS = ['-Wall', '-Wextra', '-Wpedantic', '-Wshadow', '-Wconversion', '-Werror']

# The initialisers are inline, so that they are compiled only where they are used.
USE_ALL = '''
#include <wsuv.h>
#include <wsuv/testkit.h>
int use_all(void);
int use_all(void) {
  wsuv_config_t config;
  wsuv_request_t request;
  wsuv_frame_t frame;
  wsuv_tls_config_t tls;
  wsuv_tls_info_t info;
  wsuv_client_config_init(&config);
  wsuv_request_init(&request, "ws://localhost");
  wsuv_frame_init(&frame, WSUV_FRAME_TEXT, "", 0);
  wsuv_deflate_options_t options;
  wsuv_extension_t extension;
  wsuv_deflate_options_init(&options);
  wsuv_extension_init(&extension);
  if (wsuv_permessage_deflate(&extension, &options) < 0) return 1;
  wsuv_tls_config_init(&tls);
  wsuv_tls_info_init(&info);
  config.tls = &tls;
  const char *address = "::1";
  wsuv_testkit_answer_t answer;
  wsuv_testkit_links_t links;
  wsuv_testkit_answer_init(&answer, &address);
  wsuv_testkit_links_init(&links);
  if (answer.size == 0 || links.size == 0) return 1;
  return config.size != 0 && request.size != 0 && frame.size != 0 ? WSUV_EURL : 0;
}
'''
CALLBACKS = '''
#include <wsuv.h>
extern const wsuv_callbacks_t callbacks;
const wsuv_callbacks_t callbacks = {WSUV_CALLBACKS_INIT};
'''


def sources(include, cpp):
    """Every text to compile, by name."""
    for folder, _, names in sorted(os.walk(include)):
        for name in sorted(names):
            if name.endswith('.h'):
                path = os.path.relpath(os.path.join(folder, name), include)
                yield path, f'#include <{path}>\n#include <{path}>\nint one(void);\n'
    yield 'inline functions', USE_ALL
    if not cpp:
        yield 'callbacks', CALLBACKS


def compiles(compiler, include, text):
    cpp = '++' in compiler
    language = ['-x', 'c++', '-std=c++17'] if cpp else ['-x', 'c', '-std=gnu11']
    command = shlex.split(compiler) + language + WARNINGS + ['-I', include, '-fsyntax-only', '-']
    return subprocess.run(command, input=text, text=True, check=False).returncode == 0


def main(include, *compilers):
    failed = done = 0
    for compiler in compilers:
        for name, text in sources(include, '++' in compiler):
            done += 1
            if not compiles(compiler, include, text):
                failed += 1
                print(f'{name}: refused by {compiler}')
    print(f'{done} compiled, {failed} refused')
    return 1 if failed or not done else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
