package main

// The library nhooyr.io/websocket.

import (
	"context"
	"errors"
	"net/http"

	"nhooyr.io/websocket"
)

const usualDeflate = takeover

var modes = map[int]websocket.CompressionMode{
	plain:      websocket.CompressionDisabled,
	takeover:   websocket.CompressionContextTakeover,
	noTakeover: websocket.CompressionNoContextTakeover,
}

type nhooyr struct {
	inbox
	conn   *websocket.Conn
	answer http.Header
}

func open(o options) (session, error) {
	n := &nhooyr{}
	transport := &http.Transport{
		DialContext:     n.dial,
		TLSClientConfig: trust,
	}
	header := http.Header{}
	if o.origin != "" {
		header.Set("Origin", o.origin)
	}
	conn, response, err := websocket.Dial(context.Background(), base+o.path, &websocket.DialOptions{
		HTTPClient:           &http.Client{Transport: transport},
		HTTPHeader:           header,
		Subprotocols:         o.subprotocols,
		CompressionMode:      modes[o.deflate],
		CompressionThreshold: 1,
	})
	if err != nil {
		return nil, refusal(response, err)
	}
	conn.SetReadLimit(serverMax)
	n.conn, n.answer = conn, response.Header
	n.fill(n.read, n.endOf)
	return n, nil
}

func (n *nhooyr) read() (message, error) {
	kind, data, err := n.conn.Read(context.Background())
	return message{int(kind), data}, err
}

func (n *nhooyr) endOf(err error) ended {
	var end websocket.CloseError
	if errors.As(err, &end) {
		return ended{int(end.Code), end.Reason}
	}
	return ended{1006, err.Error()}
}

func (n *nhooyr) send(kind int, data []byte) error {
	return n.conn.Write(context.Background(), websocket.MessageType(kind), data)
}

func (n *nhooyr) sendPieces(kind int, pieces [][]byte, between func() error) error {
	w, err := n.conn.Writer(context.Background(), websocket.MessageType(kind))
	if err != nil {
		return err
	}
	return writePieces(w, pieces, between)
}

// The library chooses the payload.
func (n *nhooyr) ping(payload []byte) error {
	return n.conn.Ping(context.Background())
}

func (n *nhooyr) pong(payload []byte) error {
	return errCannot
}

func (n *nhooyr) close(code int, reason string) error {
	return n.conn.Close(websocket.StatusCode(code), reason)
}

func (n *nhooyr) subprotocol() string {
	return n.conn.Subprotocol()
}

func (n *nhooyr) extensions() string {
	return n.answer.Get("Sec-WebSocket-Extensions")
}

func serve(w http.ResponseWriter, r *http.Request) {
	mode := plain
	if *deflate {
		mode = takeover
	}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		CompressionMode:      modes[mode],
		CompressionThreshold: 1,
	})
	if err != nil {
		return
	}
	defer conn.Close(websocket.StatusInternalError, "")
	conn.SetReadLimit(serverMax)
	for err == nil {
		var kind websocket.MessageType
		var data []byte
		kind, data, err = conn.Read(r.Context())
		if err == nil {
			err = conn.Write(r.Context(), kind, data)
		}
	}
}
