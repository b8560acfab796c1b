package pipeline

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// What is told of several faults does not depend on which worker is faster.
func TestTheFirstOfSeveralFaultsIsTold(t *testing.T) {
	work := func(ctx context.Context, _ int, at int) error {
		if at == 0 {
			select {
			case <-time.After(50 * time.Millisecond):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return fmt.Errorf("fault %d", at)
	}
	err := inParallel(t.Context(), 4, 8, func() int { return 0 }, work, func(int) error { return nil })
	if err == nil || err.Error() != "fault 0" {
		t.Errorf("inParallel = %v, want fault 0", err)
	}
}
