package pipeline_test

import (
	"fmt"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Convergence: whatever happened to an output, in whatever order, it ends as a clean history would have left it. A history here is
// some random steps: snapshots arrive and are replaced, definitions change, runs are made, made again, killed at some write,
// answered with an error, or started while others are under way. After every step an outside reader looks at what is published
// (converge_published_test.go); at the end all is compared with the clean history and with the naive twin (converge_end_test.go).
//
//	STRATA_HISTORIES=2000 go test ./pipeline -run TestHistoriesConverge           as many
//	STRATA_HISTORIES=8h   go test ./pipeline -run TestHistoriesConverge           as many as go into a night
//	STRATA_HISTORY=412    go test ./pipeline -run TestHistoriesConverge -v        this one, with its script
//	STRATA_HISTORY=412:0,3,9                                                      only these of its steps
//
// A history that fails is told again with fewer and fewer steps, and what is left is printed with the line that repeats it.

// perCase is how often each case must occur among all histories.
const perCase = 20

func TestHistoriesConverge(t *testing.T) {
	if spec := os.Getenv("STRATA_HISTORY"); spec != "" {
		seed, steps, err := parseHistory(spec)
		if err != nil {
			t.Fatal(err)
		}
		if h := tell(t, seed, steps); h.t.Failed() {
			t.Fatalf("%s", report(t, h))
		} else {
			t.Logf("it converges\n%s", h.text())
		}
		return
	}
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // histories are small and many
	many := &telling{cases: newCases()}
	more, err := untilEnough(os.Getenv("STRATA_HISTORIES"))
	if err != nil {
		t.Fatal(err)
	}
	many.run(t, more)
	t.Logf("%d histories\n%s", many.told, many.cases.text())
	if !t.Failed() && many.told >= usualHistories { // who asks for fewer wants to see something else
		for _, missing := range many.cases.missing() {
			t.Error(missing)
		}
	}
}

// usualHistories are told where nobody asks for more, and up to mostHistories where a case has occurred too rarely by then.
const (
	usualHistories = 160
	mostHistories  = 480
)

// untilEnough says whether history n is to be told, given a number of histories or a time.
func untilEnough(wish string) (more func(n int) bool, err error) {
	if wish == "" {
		wish = strconv.Itoa(usualHistories)
	}
	if count, err := strconv.Atoi(wish); err == nil {
		return func(n int) bool { return n < count }, nil
	}
	d, err := time.ParseDuration(wish)
	if err != nil {
		return nil, fmt.Errorf("STRATA_HISTORIES=%s is neither a number of histories nor a time such as 8h", wish)
	}
	end := time.Now().Add(d)
	return func(int) bool { return time.Now().Before(end) }, nil
}

// parseHistory reads a seed, and the steps behind a colon.
func parseHistory(spec string) (seed uint64, steps []int, err error) {
	number, list, some := strings.Cut(spec, ":")
	if seed, err = strconv.ParseUint(number, 10, 64); err != nil {
		return 0, nil, fmt.Errorf("STRATA_HISTORY=%s: %w", spec, err)
	}
	if !some {
		return seed, allSteps(), nil
	}
	for _, text := range strings.Split(list, ",") {
		step, err := strconv.Atoi(text)
		if err != nil {
			return 0, nil, fmt.Errorf("STRATA_HISTORY=%s: %w", spec, err)
		}
		steps = append(steps, step)
	}
	return seed, steps, nil
}

// stepsOfHistory is how many steps a history has.
const stepsOfHistory = 12

func allSteps() []int {
	steps := make([]int, stepsOfHistory)
	for i := range steps {
		steps[i] = i
	}
	return steps
}

// A telling tells histories on two goroutines.
type telling struct {
	mu    sync.Mutex
	next  int
	told  int
	cases *cases
}

func (m *telling) run(t *testing.T, more func(n int) bool) {
	var tellers sync.WaitGroup
	for range 2 {
		tellers.Go(func() {
			for seed, ok := m.take(more); ok && !t.Failed(); seed, ok = m.take(more) {
				h := tell(t, seed, allSteps())
				if h.t.Failed() {
					t.Error(report(t, h))
				}
				m.add(h)
			}
		})
	}
	tellers.Wait()
}

// take returns the seed of the next history, if there is to be one.
func (m *telling) take(more func(n int) bool) (seed uint64, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ok = more(m.next) || m.next >= usualHistories && m.next < mostHistories && len(m.cases.missing()) > 0
	m.next++
	return uint64(m.next - 1), ok
}

func (m *telling) add(h *chronicle) {
	for _, rule := range stateRules {
		if n := h.story.world.heard[rule]; n > 0 {
			h.cases.count("state rule", rule, n)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.told++; len(h.story.world.heard) > 0 { // stories that ask for state must ask for all of it
		for _, rule := range stateRules {
			m.cases.count("state rule", rule, 0)
		}
	}
	m.cases.add(h.cases)
}

// mostTries is how often a failing history is told again to make it shorter.
const mostTries = 60

// report makes a failing history as short as it gets and writes it down.
func report(t *testing.T, h *chronicle) string {
	for tries, shorter := 0, true; shorter; {
		shorter = false
		for i := len(h.steps) - 1; i >= 0 && tries < mostTries; i-- {
			if i >= len(h.steps) {
				continue
			}
			tries++
			fewer := slices.Delete(slices.Clone(h.steps), i, i+1)
			if again := tell(t, h.seed, fewer); again.t.Failed() {
				h, shorter = again, true
			}
		}
	}
	var spec []string
	for _, step := range h.steps {
		spec = append(spec, strconv.Itoa(step))
	}
	return fmt.Sprintf("history %d does not converge:\n%s\n%srepeat it with STRATA_HISTORY=%d:%s go test ./pipeline -run TestHistoriesConverge -v",
		h.seed, strings.Join(h.t.faults, "\n"), h.text(), h.seed, strings.Join(spec, ","))
}

// A witness is a test whose failures end a history, not the test, so that the history can be told again.
type witness struct {
	testing.TB
	mu     sync.Mutex
	faults []string
}

// over is what a witness panics with to end a history.
type over struct{}

func (w *witness) Helper() {}

func (w *witness) Error(args ...any) { w.Errorf("%s", fmt.Sprint(args...)) }

func (w *witness) Errorf(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, fmt.Sprintf(format, args...))
}

func (w *witness) Fatal(args ...any) {
	w.Error(args...)
	w.FailNow()
}

func (w *witness) Fatalf(format string, args ...any) {
	w.Errorf(format, args...)
	w.FailNow()
}

func (w *witness) FailNow() { panic(over{}) }

func (w *witness) Failed() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.faults) > 0
}

func (w *witness) Logf(string, ...any) {}

// cases count what histories have shown, so that a test which stops testing fails.
type cases struct {
	mu   sync.Mutex
	seen map[string]map[string]int // by kind and name
}

func noCases() *cases { return &cases{seen: map[string]map[string]int{}} }

// stateRules are those of what the twin hears about state that must occur. Rarer crossings of two rules are left to random stories.
var stateRules = []string{
	"until kept", "until ended", "stay held", "stay over", "cooldown blocked", "cooldown over", "move allowed", "move blocked",
	"first_run", "was", "prev_stage", "no prev_stage", "since", "no since", "days_since",
}

// newCases knows all else that must occur.
func newCases() *cases {
	c := noCases()
	for kind, names := range map[string][]string{
		"reason":      {"user_new", "user_deleted", "user_changed", "time_passed", "list_changed", "rule_changed", "segment_added", "segment_removed"},
		"change":      {"initial", "entered", "exited", "moved"},
		"verb":        verbNames(),
		"disturbance": disturbanceNames(),
		"outcome":     outcomeNames,
		"killed":      pointNames(),
		"ids":         idKinds,
	} {
		for _, name := range names {
			c.count(kind, name, 0)
		}
	}
	return c
}

func (c *cases) count(kind, name string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen[kind] == nil {
		c.seen[kind] = map[string]int{}
	}
	c.seen[kind][name] += n
}

func (c *cases) add(other *cases) {
	for kind, names := range other.seen {
		for name, n := range names {
			c.count(kind, name, n)
		}
	}
}

// missing says what occurred too rarely.
func (c *cases) missing() (out []string) {
	for _, kind := range slices.Sorted(maps.Keys(c.seen)) {
		for _, name := range slices.Sorted(maps.Keys(c.seen[kind])) {
			if n := c.seen[kind][name]; n < perCase {
				out = append(out, fmt.Sprintf("%s %q occurred %d times, which is less than %d: the histories do not test it", kind, name, n, perCase))
			}
		}
	}
	return out
}

func (c *cases) text() string {
	var out strings.Builder
	for _, kind := range slices.Sorted(maps.Keys(c.seen)) {
		fmt.Fprintf(&out, "%s:", kind)
		for _, name := range slices.Sorted(maps.Keys(c.seen[kind])) {
			fmt.Fprintf(&out, " %s %d;", name, c.seen[kind][name])
		}
		fmt.Fprintln(&out)
	}
	return out.String()
}
