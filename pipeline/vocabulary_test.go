package pipeline

import "testing"

func TestMoreNamesThanATransitionCanTellApartAreRefused(t *testing.T) {
	for n, fine := range map[int]bool{1<<16 - 1: true, 1 << 16: false} {
		if err := (&vocabulary{eventNames: make([]string, n)}).check(); (err == nil) != fine {
			t.Errorf("%d segments: %v", n, err)
		}
		if err := (&vocabulary{stageNames: make([]string, n)}).check(); (err == nil) != fine {
			t.Errorf("%d stages: %v", n, err)
		}
	}
}
