#!/bin/bash
# Wrong guess: squid answers 503 with X-Squid-Error: ERR_DNS_FAIL if the name in a request does not
# exist.
#
# Squid 5.7 has that page, but does not send it: CONNECT to a name for which DNS says that it does not
# exist is answered with 500 and ERR_CANNOT_FORWARD, GET with 502 and ERR_READ_ERROR. A port where
# nobody listens is told apart: 503 and ERR_CONNECT_FAIL. So a client cannot see that its user has
# mistyped a name, and should not take these 5xx for faults that pass.
#
# Needs root, for a network namespace with a name server of its own; Debian 12's apt and Python.
# Prints the responses, and fails if they change.
set -euo pipefail

version=5.7-2+deb12u6
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder"
for package in squid="$version" squid-common="$version" squid-langpack=20220130-1 libecap3 libltdl7 \
  libnetfilter-conntrack3 libnfnetlink0 libtdb1 libmnl0; do
  apt-get -o APT::Sandbox::User=root download -qq "$package"
done
for file in ./*.deb; do dpkg -x "$file" root; done

cat >play.py <<'END'
import glob
import http.client
import os
import signal
import socket
import subprocess
import threading

CONFIG = '''
http_port 127.0.0.1:3128
http_access allow all
dns_nameservers 127.0.0.1
mime_table {mime}
error_directory {errors}
icon_directory {icons}
cache_effective_user nobody
cache_log /dev/null
access_log none
pid_filename none
netdb_filename none
pinger_enable off
coredump_dir {folder}
shutdown_lifetime 0 seconds
'''


def find(name):
    """Where the packages have it, since squid looks in the system's folders."""
    return os.path.abspath(glob.glob(f'root/**/{name}', recursive=True)[0])


with open('config', 'w') as file:
    file.write(CONFIG.format(folder=os.getcwd(), mime=find('mime.conf'), icons=find('icons'),
                             errors=find('templates')))


def serve_names(sock):
    """No name exists (RFC 1035 4.1.1)."""
    while True:
        query, client = sock.recvfrom(4096)
        end = query.index(b'\0', 12) + 5
        sock.sendto(query[:2] + b'\x81\x83\0\1' + bytes(6) + query[12:end], client)


def connect():
    pause = threading.Event()
    while squid.poll() is None:
        try:
            return socket.create_connection(('127.0.0.1', 3128))
        except ConnectionRefusedError:
            pause.wait(0.02)
    raise EOFError('squid has ended')


def ask(line, host):
    with connect() as sock:
        sock.sendall(f'{line} HTTP/1.1\r\nHost: {host}\r\n\r\n'.encode())
        response = http.client.HTTPResponse(sock)
        response.begin()
        print(f'{line}: {response.status}', response.getheader('X-Squid-Error'))


names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
names.bind(('127.0.0.1', 53))
threading.Thread(target=serve_names, args=(names,), daemon=True).start()
squid = subprocess.Popen(['root/usr/sbin/squid', '-N', '-n', 'finding', '-f', 'config'],
                         stderr=subprocess.DEVNULL)
ask('CONNECT name.invalid:80', 'name.invalid:80')
ask('GET http://name.invalid/', 'name.invalid')
ask('CONNECT 127.0.0.1:9', '127.0.0.1:9')
squid.send_signal(signal.SIGTERM)
squid.wait()
END
libraries=$(dirname "$(find "$folder/root" -name 'libecap.so.3')")
echo "squid $version" | tee seen
unshare -n sh -ec 'ip link set lo up; LD_LIBRARY_PATH=$1 exec python3 play.py' sh "$libraries" |
  tee -a seen

cat >expected <<'END'
squid 5.7-2+deb12u6
CONNECT name.invalid:80: 500 ERR_CANNOT_FORWARD 0
GET http://name.invalid/: 502 ERR_READ_ERROR 0
CONNECT 127.0.0.1:9: 503 ERR_CONNECT_FAIL 111
END
diff expected seen
