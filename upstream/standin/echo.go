package standin

import (
	"bufio"
	"crypto/sha1" // what RFC 6455 wants
	"encoding/base64"
	"net"
	"time"
)

// acceptKey proves to a WebSocket client that its handshake was understood (RFC 6455 section 4.2.2).
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// echoBytes sends back what it reads, until the connection fails, ends or is silent for a minute. The minute is that of
// the network and has nothing to do with the clock of the options.
func echoBytes(conn net.Conn, buffered *bufio.ReadWriter) {
	chunk := make([]byte, 4096)
	for {
		if buffered.Flush() != nil || conn.SetDeadline(time.Now().Add(time.Minute)) != nil {
			return
		}
		n, err := buffered.Read(chunk)
		if err != nil {
			return
		}
		if _, err := buffered.Write(chunk[:n]); err != nil {
			return
		}
	}
}
