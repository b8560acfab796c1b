package pipeline

import (
	"fmt"
	"strings"

	"strata/pipeline/catalog"
)

// An InputError is a snapshot that cannot be used as it is (exit code 3).
type InputError struct{ Err error }

func (e *InputError) Error() string { return e.Err.Error() }
func (e *InputError) Unwrap() error { return e.Err }

func inputFault(format string, args ...any) error {
	return &InputError{Err: fmt.Errorf(format, args...)}
}

// A GuardError is a run that was stopped before it published anything (exit code 4).
type GuardError struct{ Tripped []catalog.Guard }

func (e *GuardError) Error() string {
	var lines []string
	for _, g := range e.Tripped {
		lines = append(lines, g.Sentence)
	}
	return "nothing was published: " + strings.Join(lines, "; ") +
		"; look at the snapshot, and run again with --accept if this is what you want"
}
