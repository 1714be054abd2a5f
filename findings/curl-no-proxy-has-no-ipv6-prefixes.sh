#!/bin/bash
# Wrong guess: an entry of no_proxy such as fd00::/8 keeps curl from using the proxy, as 10.0.0.0/8
# does.
#
# curl 7.88.1 takes prefixes of addresses in no_proxy, and matches those of IPv4. A prefix of IPv6
# never matches, not even ::1/128, and nothing is said about it; the address without a prefix does
# match. So a list that was tried with curl need not mean the same for a program that matches both.
#
# Needs Debian 12's apt and Python. Prints what is seen, and fails if it changes.
set -euo pipefail

version=7.88.1-10+deb12u15
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for package in curl libcurl4; do
  apt-get -o APT::Sandbox::User=root download -qq "$package=$version"
done
for file in ./*.deb; do dpkg -x "$file" root; done

cat >play.py <<'END'
import glob
import os
import socket
import subprocess

ROWS = (('10.0.0.0/8', '10.1.2.3'), ('10.1.2.0/24', '10.1.3.3'), ('127.0.0.0/8', '127.0.0.1'),
        ('fd00::/8', '[fd00::1]'), ('2001:db8::/32', '[2001:db8::1]'), ('::1/128', '[::1]'),
        ('2001:db8::1', '[2001:db8::1]'), ('::1', '[::1]'))
ANSWER = b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
libraries = os.path.dirname(glob.glob('root/usr/lib/*/libcurl.so.4')[0])


def way(proxy, entry, host):
    """Only the proxy answers; at port 9 of the host nobody does."""
    env = {'LD_LIBRARY_PATH': libraries, 'no_proxy': entry,
           'http_proxy': 'http://127.0.0.1:%d' % proxy.getsockname()[1]}
    curl = subprocess.Popen(['root/usr/bin/curl', '-s', '--max-time', '1', f'http://{host}:9/'],
                            env=env)
    try:
        proxy.settimeout(2)
        with proxy.accept()[0] as conn:
            conn.recv(4096)
            conn.sendall(ANSWER)
        return 'by the proxy'
    except TimeoutError:
        return 'direct'
    finally:
        curl.wait()


with socket.create_server(('127.0.0.1', 0)) as proxy:
    for entry, host in ROWS:
        print(f'no_proxy={entry}: {host} {way(proxy, entry, host)}')
END
echo "curl $version" | tee seen
python3 play.py | tee -a seen

cat >expected <<'END'
curl 7.88.1-10+deb12u15
no_proxy=10.0.0.0/8: 10.1.2.3 direct
no_proxy=10.1.2.0/24: 10.1.3.3 by the proxy
no_proxy=127.0.0.0/8: 127.0.0.1 direct
no_proxy=fd00::/8: [fd00::1] by the proxy
no_proxy=2001:db8::/32: [2001:db8::1] by the proxy
no_proxy=::1/128: [::1] by the proxy
no_proxy=2001:db8::1: [2001:db8::1] direct
no_proxy=::1: [::1] direct
END
diff expected seen
