package objects

import (
	"context"
	"errors"
	"io"
	"net"
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
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.As(err, &timeout) && timeout.Timeout() || errors.As(err, &op)
}

// TransientStatus tells whether an HTTP status says that the same request may succeed later.
func TransientStatus(code int) bool {
	return code == 408 || code == 429 || code >= 500 && code != 501
}
