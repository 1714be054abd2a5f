#!/bin/bash
# Wrong guess: the WebSocket package of the Go project, golang.org/x/net/websocket, hands a program
# the messages that the peer has sent.
#
# It hands frames over: Message.Receive() returns when a frame is complete, and does not look at the
# FIN bit. A message in three fragments is three messages for the program, without an error, and an
# empty last fragment is an empty message. A sender may fragment any message, and so may a proxy
# (RFC 6455 5.4), so such a program works until a message is longer than the sender's frames.
# JSON.Receive() then fails once for each fragment. Only a program that reads a stream, with Read(),
# gets all bytes as they were. A sender to such programs needs frames as long as its messages.
#
# Needs Debian 12's apt. Prints what the program gets, and fails if it changes.
set -euo pipefail

go_version=1.19.8-2
version=1:0.7.0+dfsg-1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for package in "golang-1.19-go=$go_version" "golang-1.19-src=$go_version" \
  "golang-golang-x-net-dev=$version"; do
  apt-get -o APT::Sandbox::User=root download -qq "$package"
done
for file in ./*.deb; do dpkg -x "$file" root; done

cat >fragments.go <<'END'
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"

	"golang.org/x/net/websocket"
)

const (
	request = "GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n" +
		"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	fin, text, continuation, closing = 0x80, 1, 0, 8
)

// With a masking key of zeros, which leaves the payload as it is.
func frame(first byte, payload string) string {
	return string([]byte{first, 0x80 | byte(len(payload)), 0, 0, 0, 0}) + payload
}

// Send frames to a server whose handler is this function, and wait for its end.
func play(handle websocket.Handler, frames ...string) {
	listener, _ := net.Listen("tcp", "127.0.0.1:0")
	server := http.Server{Handler: handle}
	go server.Serve(listener)
	conn, _ := net.Dial("tcp", listener.Addr().String())
	fmt.Fprint(conn, request)
	reader := bufio.NewReader(conn)
	http.ReadResponse(reader, nil)
	for _, frame := range frames {
		fmt.Fprint(conn, frame)
	}
	io.Copy(io.Discard, reader)
	server.Close()
}

func receiveText(conn *websocket.Conn) {
	var message string
	for websocket.Message.Receive(conn, &message) == nil {
		fmt.Printf("  Message.Receive: %q\n", message)
	}
}

func receiveJSON(conn *websocket.Conn) {
	for {
		var value interface{}
		err := websocket.JSON.Receive(conn, &value)
		if err == io.EOF {
			return
		}
		fmt.Printf("  JSON.Receive: %v, error: %v\n", value, err)
	}
}

func read(conn *websocket.Conn) {
	data, _ := io.ReadAll(conn)
	fmt.Printf("  Read, up to the end: %q\n", data)
}

func main() {
	closed := frame(fin|closing, "\x03\xe8")
	whole := []string{frame(fin|text, "[1,2,3]"), closed}
	cut := []string{frame(text, "[1,2"), frame(continuation, ",3]"), frame(fin|continuation, ""),
		closed}
	fmt.Println("a message in one frame")
	play(receiveText, whole...)
	play(receiveJSON, whole...)
	fmt.Println("a message in three fragments, the last one empty")
	play(receiveText, cut...)
	play(receiveJSON, cut...)
	play(read, cut...)
}
END
go=$(find "$PWD/root" -path '*/bin/go' ! -type d)
sources=$(find "$PWD/root" -type d -path '*/src/golang.org')
export GOROOT=${go%/bin/go} GOPATH=${sources%/src/golang.org} GO111MODULE=off
export GOCACHE=$PWD/cache GOFLAGS=
echo "golang.org/x/net ${version#*:}" | tee seen
"$go" run fragments.go | tee -a seen

cat >expected <<'END'
golang.org/x/net 0.7.0+dfsg-1
a message in one frame
  Message.Receive: "[1,2,3]"
  JSON.Receive: [1 2 3], error: <nil>
a message in three fragments, the last one empty
  Message.Receive: "[1,2"
  Message.Receive: ",3]"
  Message.Receive: ""
  JSON.Receive: <nil>, error: unexpected end of JSON input
  JSON.Receive: <nil>, error: invalid character ',' looking for beginning of value
  JSON.Receive: <nil>, error: unexpected end of JSON input
  Read, up to the end: "[1,2,3]"
END
diff expected seen
