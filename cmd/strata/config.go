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

// loadConfig reads the configuration and checks of its rules what needs no snapshot. Where something is wrong and the snapshot of a
// date (zero: none) is there, the faults are those of rules and columns together, so that nobody mends one after the other.
func loadConfig(ctx context.Context, path string, date catalog.Date) (*configs.Config, error) {
	config, err := readConfig(path)
	if err != nil {
		return nil, err
	}
	return config, checkRules(ctx, config, date)
}

// checkRules is what loadConfig does with a configuration that has been read.
func checkRules(ctx context.Context, config *configs.Config, date catalog.Date) error {
	fault := rules.CheckText(config.Definitions())
	if fault == nil || date.IsZero() {
		return fault
	}
	s := source{config}
	_, err := pipeline.Check(ctx, pipeline.Job{Config: config, Date: date, Source: s, ReadList: s.readList})
	var problems configs.Problems
	if errors.As(err, &problems) {
		return problems
	}
	return fault
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
