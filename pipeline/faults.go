package pipeline

import (
	"context"
	"errors"
	"fmt"

	"strata/pipeline/catalog"
	"strata/pipeline/objects"
)

// ErrNoSnapshot says that there is no object of a date's snapshot. Test for it with errors.Is.
var ErrNoSnapshot = errors.New("there is no snapshot")

// A StoppedError is a backfill or a cascade that stopped at a date. The dates before it are in order.
type StoppedError struct {
	Date catalog.Date
	Err  error
}

func (e *StoppedError) Error() string { return fmt.Sprintf("%s: %v", e.Date, e.Err) }
func (e *StoppedError) Unwrap() error { return e.Err }

// An InputError is a snapshot that cannot be used as it is (exit code 3).
type InputError struct{ Err error }

func (e *InputError) Error() string { return e.Err.Error() }
func (e *InputError) Unwrap() error { return e.Err }

func inputFault(format string, args ...any) error {
	return &InputError{Err: fmt.Errorf(format, args...)}
}

// asInput marks an error of reading a snapshot as one of the input: a damaged file, one that was replaced or is gone. An
// interrupt stays what it is.
func asInput(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, objects.ErrChanged) || errors.Is(err, objects.ErrNotFound) {
		err = fmt.Errorf("%w since the run listed it; run again when the snapshot is complete", err)
	}
	return &InputError{Err: err}
}

// errManifest says that a manifest does not name what it must.
var errManifest = errors.New("its manifest is damaged")

// isDamage tells whether an error is about what is stored of an earlier run, which is damaged or gone, and not about reaching it.
func isDamage(err error) bool {
	var contents interface{ InputFault() } // of a Parquet file
	return catalog.IsDamage(err) || errors.Is(err, errManifest) || errors.As(err, &contents)
}

// An OutputError is an output that cannot be written to at all, as the configuration names it (exit code 2).
type OutputError struct{ Err error }

func (e *OutputError) Error() string { return "the output cannot be written to: " + e.Err.Error() }
func (e *OutputError) Unwrap() error { return e.Err }

// A GuardError is a run that was stopped before it published anything (exit code 4).
type GuardError struct {
	Tripped []catalog.Guard
	Final   bool   // not to be accepted
	Waiting string // the run that --accept publishes; empty: none was kept
	Cascade bool   // a cascade made the run, with what its date recorded: only another one publishes it as it is
}

func (e *GuardError) Error() string {
	text := "a guard stopped the run and nothing was published:"
	for _, g := range e.Tripped {
		text += "\n  " + g.Sentence
	}
	text += "\nlook at:"
	for _, look := range catalog.Looks(e.Tripped) {
		text += "\n  " + look
	}
	if e.Final {
		return text + "\nmend the snapshot; --accept does not help here"
	}
	again := "run again with --accept"
	if e.Cascade {
		again = "cascade with --accept, which takes the definitions that the date has recorded"
	}
	text += "\nif all is as it should be, " + again
	if e.Waiting != "" {
		text += ": it publishes what run " + e.Waiting + " has found, without computing it again"
	}
	return text
}
