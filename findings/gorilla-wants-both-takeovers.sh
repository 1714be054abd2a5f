#!/bin/bash
# Wrong guess: a server may leave client_no_context_takeover of an offer unanswered, because the
# client then does what it likes: in an offer the parameter is only a hint (RFC 7692 7.1.1.2).
#
# gorilla, the WebSocket library of most programs in Go, offers permessage-deflate with
# server_no_context_takeover and client_no_context_takeover, since it has no context takeover. Its
# client fails the handshake with "invalid compression negotiation" unless the response has both. So
# a server that accepts the offer must answer with both, or these clients cannot connect with
# compression at all; without the extension in the response they connect.
#
# Needs Debian 12's apt. Prints what is seen, and fails if it changes.
set -euo pipefail

go_version=1.19.8-2
version=1.5.0-2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for package in "golang-1.19-go=$go_version" "golang-1.19-src=$go_version" \
  "golang-github-gorilla-websocket-dev=$version"; do
  apt-get -o APT::Sandbox::User=root download -qq "$package"
done
for file in ./*.deb; do dpkg -x "$file" root; done

cat >takeovers.go <<'END'
package main

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"

	"github.com/gorilla/websocket"
)

// Answer one request with these extensions.
func serve(listener net.Listener, extensions string) {
	conn, _ := listener.Accept()
	request, _ := http.ReadRequest(bufio.NewReader(conn))
	key := request.Header.Get("Sec-Websocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	accept := sha1.Sum([]byte(key))
	fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"+
		"Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n",
		base64.StdEncoding.EncodeToString(accept[:]))
	if extensions != "" {
		fmt.Fprintf(conn, "Sec-WebSocket-Extensions: %s\r\n", extensions)
	}
	fmt.Fprintf(conn, "\r\n")
}

func main() {
	const bare = "permessage-deflate"
	const server, client = "; server_no_context_takeover", "; client_no_context_takeover"
	listener, _ := net.Listen("tcp", "127.0.0.1:0")
	dialer := websocket.Dialer{EnableCompression: true}
	for _, answer := range []string{"", bare, bare + client, bare + server, bare + server + client} {
		go serve(listener, answer)
		_, _, err := dialer.Dial("ws://"+listener.Addr().String(), nil)
		fmt.Printf("answer: %q\n  error: %v\n", answer, err)
	}
}
END
go=$(find "$PWD/root" -path '*/bin/go' ! -type d)
sources=$(find "$PWD/root" -type d -path '*/src/github.com')
export GOROOT=${go%/bin/go} GOPATH=${sources%/src/github.com} GO111MODULE=off
export GOCACHE=$PWD/cache GOFLAGS=
echo "gorilla $version" | tee seen
"$go" run takeovers.go | tee -a seen

cat >expected <<'END'
gorilla 1.5.0-2
answer: ""
  error: <nil>
answer: "permessage-deflate"
  error: websocket: invalid compression negotiation
answer: "permessage-deflate; client_no_context_takeover"
  error: websocket: invalid compression negotiation
answer: "permessage-deflate; server_no_context_takeover"
  error: websocket: invalid compression negotiation
answer: "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
  error: <nil>
END
diff expected seen
