package main

import (
	"errors"
	"fmt"
	"io/fs"

	"strata/configs"
	"strata/rules"
)

// loadConfig reads the configuration and checks of its rules what needs no snapshot.
func loadConfig(path string) (*configs.Config, error) {
	config, err := readConfig(path)
	if err == nil {
		err = rules.CheckText(config.Definitions())
	}
	return config, err
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
