#!/bin/bash
# Wrong guess: if a server has accepted the request of a WebSocket client once, it accepts the same
# request again, however TCP cuts it.
#
# The stream of Boost.Beast 1.81 has a buffer of 1536 bytes. Lines that are complete in the first
# read leave it; after that read, nothing does until the end of the request has come. So accept()
# takes at most about twice as much if the request comes whole, and less if its first lines come
# alone. Else it fails with 'buffer overflow', the program ends TCP, and the client gets no
# response. A cookie or a token is long enough. A server should read the request itself, with
# http::read and a buffer that grows, and hand it to accept(). A client should keep its request
# below 1536 bytes, or send it whole.
#
# Needs Debian 12's apt, a C++ compiler and Python. Takes 30 seconds. Prints what is seen, and fails
# if it changes.
set -euo pipefail

version=1.81.0-5+deb12u1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -o APT::Sandbox::User=root download -qq libboost1.81-dev="$version"
dpkg -x ./*.deb root

cat >server.cpp <<'END'
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>
#include <iostream>
#include <string>

namespace beast = boost::beast;
using tcp = boost::asio::ip::tcp;

/* Accepts one session after the other, by accept() alone, or with a request that it has read. */
int main(int, char **argv) {
  bool reads = std::string(argv[1]) == "http::read, accept";
  boost::asio::io_context context;
  tcp::acceptor acceptor(context, tcp::endpoint(boost::asio::ip::address_v4::loopback(), 0));
  std::cout << acceptor.local_endpoint().port() << std::endl;
  for (;;) {
    beast::websocket::stream<tcp::socket> session(acceptor.accept());
    beast::error_code error;
    if (reads) {
      beast::flat_buffer buffer;
      beast::http::request<beast::http::empty_body> request;
      beast::http::read(session.next_layer(), buffer, request, error);
      if (!error) session.accept(request, error);
    } else {
      session.accept(error);
    }
    std::cout << error.message() << std::endl;
  }
}
END
g++ -std=c++17 -O0 -I root/usr/include server.cpp -o server -pthread

cat >play.py <<'END'
import socket
import subprocess
import time

FIRST = (b'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'
         b'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n')
LINE = b'X-Line: ' + b'x' * 90 + b'\r\n'


def play(server, port, lines, pause):
    """What the server's program gets for a request that comes whole, or in two segments."""
    with socket.create_connection(('127.0.0.1', port)) as client:
        if pause:
            client.sendall(FIRST)
            time.sleep(pause)  # for the server to read them
            client.sendall(LINE * lines + b'\r\n')
        else:
            client.sendall(FIRST + LINE * lines + b'\r\n')
        result = server.stdout.readline().strip()
        try:
            response = client.recv(65536).split(b'\r\n')[0].decode()
        except ConnectionResetError:
            response = ''
    how = 'in two segments' if pause else 'whole'
    print(f'  {len(FIRST + LINE * lines) + 2} bytes {how}: {result}: {response or "no response"}')


for name in 'accept', 'http::read, accept':
    server = subprocess.Popen(['./server', name], stdout=subprocess.PIPE, text=True)
    try:
        port = int(server.stdout.readline())
        print(name)
        for lines in 13, 20, 30:
            for pause in 0, 0.3:
                play(server, port, lines, pause)
    finally:
        server.terminate()
        server.wait()
END
{
  echo "Boost ${version%%-*}"
  /usr/bin/python3 play.py
} | tee seen

cat >expected <<'END'
Boost 1.81.0
accept
  1448 bytes whole: Success: HTTP/1.1 101 Switching Protocols
  1448 bytes in two segments: Success: HTTP/1.1 101 Switching Protocols
  2148 bytes whole: Success: HTTP/1.1 101 Switching Protocols
  2148 bytes in two segments: buffer overflow: no response
  3148 bytes whole: buffer overflow: no response
  3148 bytes in two segments: buffer overflow: no response
http::read, accept
  1448 bytes whole: Success: HTTP/1.1 101 Switching Protocols
  1448 bytes in two segments: Success: HTTP/1.1 101 Switching Protocols
  2148 bytes whole: Success: HTTP/1.1 101 Switching Protocols
  2148 bytes in two segments: Success: HTTP/1.1 101 Switching Protocols
  3148 bytes whole: Success: HTTP/1.1 101 Switching Protocols
  3148 bytes in two segments: Success: HTTP/1.1 101 Switching Protocols
END
diff expected seen
