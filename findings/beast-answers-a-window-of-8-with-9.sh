#!/bin/bash
# Wrong guess: a server that cannot compress with a window of 8 bits declines an offer that requires
# one, or refuses the handshake.
#
# zlib has no raw deflater with a window of 8 bits, and RFC 7692 7.1.2.1 lets a server decline what
# it cannot do. Boost.Beast 1.81 and websocketpp 0.8.2 (C++) accept the offer and answer with 9,
# which is more than the client takes; websocketpp does the same to the window of the client. A
# client that checks the response has to fail (7.1), and one that keeps to its own 8 inflates with
# too small a window. A client should offer 9 or more.
#
# Needs Debian 12's apt, and a C++ compiler. Takes 40 seconds. Prints what is seen, and fails if it
# changes.
set -euo pipefail

version=1.81.0-5+deb12u1
websocketpp_version=0.8.2-4
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for package in libboost1.81-dev="$version" libwebsocketpp-dev="$websocketpp_version"; do
  apt-get -o APT::Sandbox::User=root download -qq "$package"
done
for file in ./*.deb; do dpkg -x "$file" root; done

# Each answers the request from its standard input.
cat >beast.cpp <<'END'
#include <boost/beast/_experimental/test/stream.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>
#include <iostream>
#include <string>

namespace beast = boost::beast;

int main() {
  boost::asio::io_context context;
  beast::test::stream client(context);
  beast::websocket::stream<beast::test::stream> server(context);
  beast::websocket::permessage_deflate deflate;
  std::string request;
  deflate.server_enable = true;
  server.set_option(deflate);
  server.next_layer().connect(client);
  std::getline(std::cin, request, '\0');
  client.write_some(boost::asio::buffer(request));
  server.accept();
  std::cout << client.str();
}
END
cat >websocketpp.cpp <<'END'
#include <iostream>
#include <websocketpp/config/core.hpp>
#include <websocketpp/extensions/permessage_deflate/enabled.hpp>
#include <websocketpp/server.hpp>

struct config : websocketpp::config::core {
  struct permessage_deflate_config {};
  typedef websocketpp::extensions::permessage_deflate::enabled<permessage_deflate_config>
    permessage_deflate_type;
};

int main() {
  websocketpp::server<config> server;
  server.clear_access_channels(websocketpp::log::alevel::all);
  server.register_ostream(&std::cout);
  auto connection = server.get_connection();
  connection->start();
  std::cin >> *connection;
}
END
g++ -std=c++17 -O0 -I root/usr/include beast.cpp -o beast -pthread
g++ -std=c++11 -O0 -D_WEBSOCKETPP_CPP11_STL_ -I root/usr/include websocketpp.cpp -o websocketpp \
  -pthread -lz

answer() {
  printf '%s\r\n' 'GET / HTTP/1.1' 'Host: localhost' 'Upgrade: websocket' 'Connection: Upgrade' \
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' 'Sec-WebSocket-Version: 13' \
    "Sec-WebSocket-Extensions: permessage-deflate; $2" '' |
    "./$1" | tr -d '\r' | sed -n 's/^Sec-WebSocket-Extensions: permessage-deflate;* *//p'
}

{
  echo "Boost ${version%%-*}, websocketpp ${websocketpp_version%-*}"
  for offer in server_max_window_bits={10,9,8} client_max_window_bits={10,9,8}; do
    for server in beast websocketpp; do
      echo "$offer: $server answers $(answer "$server" "$offer")"
    done
  done
} | tee seen

cat >expected <<'END'
Boost 1.81.0, websocketpp 0.8.2
server_max_window_bits=10: beast answers server_max_window_bits=10
server_max_window_bits=10: websocketpp answers server_max_window_bits=10
server_max_window_bits=9: beast answers server_max_window_bits=9
server_max_window_bits=9: websocketpp answers server_max_window_bits=9
server_max_window_bits=8: beast answers server_max_window_bits=9
server_max_window_bits=8: websocketpp answers server_max_window_bits=9
client_max_window_bits=10: beast answers client_max_window_bits=10
client_max_window_bits=10: websocketpp answers client_max_window_bits=10
client_max_window_bits=9: beast answers client_max_window_bits=9
client_max_window_bits=9: websocketpp answers client_max_window_bits=9
client_max_window_bits=8: beast answers client_max_window_bits=8
client_max_window_bits=8: websocketpp answers client_max_window_bits=9
END
diff expected seen
