package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"strata/configs"
	"strata/pipeline"
	"strata/pipeline/catalog"
	"strata/rules"
)

// loadConfig reads the configuration and checks of its rules what needs no snapshot. Where something is wrong, the faults of the
// file, of its rules and, if the snapshot of a date (zero: none) is there, of what they ask of its columns come together, so
// that nobody mends one after the other.
func loadConfig(ctx context.Context, path string, date catalog.Date) (*configs.Config, error) {
	config, err := readConfig(path)
	if err == nil {
		return config, checkRules(ctx, config, date)
	}
	var faults, ofRules configs.Problems
	if config == nil || !errors.As(err, &faults) {
		return nil, err
	}
	fault := rules.CheckText(config.Definitions())
	if ofColumns := checkColumns(ctx, config, date); ofColumns != nil && !config.Partial {
		fault = ofColumns
	}
	if errors.As(fault, &ofRules) {
		faults = append(faults, ofRules...)
	}
	return nil, faults.Sorted()
}

// checkRules is what loadConfig does with a configuration that has no fault of its own.
func checkRules(ctx context.Context, config *configs.Config, date catalog.Date) error {
	fault := rules.CheckText(config.Definitions())
	if fault == nil {
		return nil
	}
	if ofColumns := checkColumns(ctx, config, date); ofColumns != nil {
		return ofColumns
	}
	return fault
}

// checkColumns returns the faults of rules for the snapshot of a date, those of their text included; none where there is no
// snapshot.
func checkColumns(ctx context.Context, config *configs.Config, date catalog.Date) (faults configs.Problems) {
	if date.IsZero() {
		return nil
	}
	s := source{config}
	_, err := pipeline.Check(ctx, pipeline.Job{Config: config, Date: date, Source: s, ReadList: s.readList})
	errors.As(err, &faults)
	return faults
}

// readConfig reads the configuration. All that keeps it from being read is a fault of usage.
func readConfig(path string) (*configs.Config, error) {
	config, err := configs.Load(path)
	var problems configs.Problems
	switch {
	case err == nil || errors.As(err, &problems):
		return config, err
	case errors.Is(err, fs.ErrNotExist):
		err = fmt.Errorf("there is no configuration %s here; name one with --config, or begin with strata demo, which makes one", path)
	}
	return nil, usageError{err}
}
