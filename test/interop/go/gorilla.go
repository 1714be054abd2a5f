package main

// The library gorilla/websocket.

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

const usualDeflate = noTakeover

type gorilla struct {
	inbox
	conn   *websocket.Conn
	answer http.Header
	pongs  chan string
}

func open(o options) (session, error) {
	if o.deflate == takeover {
		return nil, errCannot
	}
	g := &gorilla{pongs: make(chan string, 1)}
	dialer := websocket.Dialer{
		NetDialContext:    g.dial,
		TLSClientConfig:   trust,
		WriteBufferSize:   o.buffer,
		Subprotocols:      o.subprotocols,
		EnableCompression: o.deflate != plain,
	}
	header := http.Header{}
	if o.origin != "" {
		header.Set("Origin", o.origin)
	}
	conn, response, err := dialer.Dial(base+o.path, header)
	if err != nil {
		return nil, refusal(response, err)
	}
	g.conn, g.answer = conn, response.Header
	conn.SetPongHandler(func(payload string) error {
		select {
		case g.pongs <- payload:
		default:
		}
		return nil
	})
	g.fill(g.read, g.endOf)
	return g, nil
}

func (g *gorilla) read() (message, error) {
	kind, data, err := g.conn.ReadMessage()
	return message{kind, data}, err
}

func (g *gorilla) endOf(err error) ended {
	var end *websocket.CloseError
	if errors.As(err, &end) {
		return ended{end.Code, end.Text}
	}
	return ended{1006, err.Error()}
}

func (g *gorilla) send(kind int, data []byte) error {
	return g.conn.WriteMessage(kind, data)
}

func (g *gorilla) sendPieces(kind int, pieces [][]byte, between func() error) error {
	w, err := g.conn.NextWriter(kind)
	if err != nil {
		return err
	}
	return writePieces(w, pieces, between)
}

func (g *gorilla) control(kind int, payload []byte) error {
	return g.conn.WriteControl(kind, payload, time.Now().Add(patience))
}

func (g *gorilla) ping(payload []byte) error {
	if err := g.control(websocket.PingMessage, payload); err != nil {
		return err
	}
	select {
	case got := <-g.pongs:
		return equal(got, string(payload))
	case <-g.done:
		return fmt.Errorf("no pong, but %v", g.end)
	}
}

func (g *gorilla) pong(payload []byte) error {
	return g.control(websocket.PongMessage, payload)
}

// The library's message for 1005 is empty.
func (g *gorilla) close(code int, reason string) error {
	return g.control(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason))
}

func (g *gorilla) subprotocol() string {
	return g.conn.Subprotocol()
}

func (g *gorilla) extensions() string {
	return g.answer.Get("Sec-WebSocket-Extensions")
}

func serve(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{EnableCompression: *deflate}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close()
	for err == nil {
		var kind int
		var data []byte
		kind, data, err = conn.ReadMessage()
		if err == nil {
			err = conn.WriteMessage(kind, data)
		}
	}
}
