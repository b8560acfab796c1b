package objects

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"syscall"
)

// TransientNetwork tells whether an error is one of the network that may pass by itself: a time-out, a connection that was
// refused or broke, a body that ended early.
func TransientNetwork(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var timeout net.Error
	var op *net.OpError
	var request *url.Error
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, net.ErrClosed) || errors.As(err, &timeout) && timeout.Timeout() || errors.As(err, &op) ||
		errors.As(err, &request) && errors.Is(err, io.EOF) || brokeHTTP(err)
}

// broken are parts of messages whose errors net/http does not export.
var broken = []string{
	"http2: server sent GOAWAY", "http2: client connection lost", "stream error: stream ID", "server closed idle connection",
	"transport connection broken",
}

func brokeHTTP(err error) bool {
	return slices.ContainsFunc(broken, func(part string) bool { return strings.Contains(err.Error(), part) })
}

// TransientStatus tells whether an HTTP status says that the same request may succeed later.
func TransientStatus(code int) bool {
	return code == 408 || code == 429 || code >= 500 && code != 501
}
