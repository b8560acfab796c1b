package configs

import "errors"

// Load reads the file and what it includes. The error is Problems when the files could be read but are at fault.
func Load(path string) (*Config, error) { return nil, errors.New("being written") }

// Parse reads a configuration from data; name is its path, to which included files and relative paths resolve.
func Parse(name string, data []byte) (*Config, error) { return nil, errors.New("being written") }

// Nearest returns the candidate that name was most likely meant to be, or "" when none is near.
func Nearest(name string, candidates []string) string { return "" }

// Problem makes a Problem about a place in one of the configuration's files, with the source line to show.
func (c *Config) Problem(pos Pos, message, hint string) *Problem {
	p := &Problem{Pos: pos, Message: message, Hint: hint}
	if src := c.files[pos.File]; src != nil {
		p.Source = src.line(pos.Line)
	}
	return p
}
