#!/bin/bash
# Wrong guess: a SOCKS proxy that speaks version 4, and looks names up in version 5, also looks up
# those of version 4a.
#
# A request of version 4a has an address 0.0.0.x, which says that a name follows the user. Dante takes
# requests of version 4, and names in version 5; of a request of 4a it takes the marker for the
# address, tries to connect to 0.0.0.x, and answers 91 ("rejected or failed") like for any other
# failure. So nothing tells a client that the proxy does not know 4a. It needs socks5h:// there, or
# has to look the name up itself.
#
# Needs root (dante begins as it), Debian 12's apt and Python. Prints the replies to three requests
# for the same listener, and what dante logs; fails if they change.
set -euo pipefail

version=1.4.2+dfsg-7+b8
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -o APT::Sandbox::User=root download -qq "dante-server=$version"
dpkg -x ./*.deb root

cat >play.py <<'END'
import os
import re
import signal
import socket
import struct
import subprocess

CONFIG = '''
logoutput: stderr
internal: 127.0.0.1 port = %d
external: lo
clientmethod: none
socksmethod: none
user.privileged: root
user.unprivileged: nobody
client pass { from: 0/0 to: 0/0 }
socks pass { from: 0/0 to: 0/0 log: error }
'''

with socket.create_server(('127.0.0.1', 0)) as free:
    port = free.getsockname()[1]
with open('config', 'w') as file:
    file.write(CONFIG % port)
dante = subprocess.Popen(['root/usr/sbin/danted', '-f', 'config', '-N', '1'], text=True,
                         stderr=subprocess.PIPE, start_new_session=True)


def wait_for(pattern):
    for line in dante.stderr:
        if found := re.search(pattern, line):
            return found.group(0)
    raise EOFError(pattern)


wait_for('running')
with socket.create_server(('127.0.0.1', 0)) as listener:
    to = struct.pack('>H', listener.getsockname()[1])
    for what, request in (('4, 127.0.0.1', b'\4\1' + to + b'\x7f\0\0\1me\0'),
                          ('4a, localhost', b'\4\1' + to + b'\0\0\0\1me\0localhost\0')):
        with socket.create_connection(('127.0.0.1', port)) as sock:
            sock.sendall(request)
            print(f'version {what}: {sock.recv(8)[1]}')
    print('log:', wait_for(r'connect\(2\) to 0\.0\.0\.1'), 'failed')
    with socket.create_connection(('127.0.0.1', port)) as sock:
        sock.sendall(b'\5\1\0')
        sock.recv(2)
        sock.sendall(b'\5\1\0\3\x09localhost' + to)
        print(f'version 5, localhost: {sock.recv(10)[1]}')
os.killpg(dante.pid, signal.SIGTERM)
dante.wait()
END
echo "dante $version" | tee seen
python3 play.py | tee -a seen

cat >expected <<'END'
dante 1.4.2+dfsg-7+b8
version 4, 127.0.0.1: 90
version 4a, localhost: 91
log: connect(2) to 0.0.0.1 failed
version 5, localhost: 0
END
diff expected seen
