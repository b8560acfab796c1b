// Package cases runs the unit tests of definitions: made-up users on made-up dates, through the same run that publishes every
// night, into a bucket in memory.
package cases
