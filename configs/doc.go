// Package configs reads strata's one YAML file: strictly, with a position for everything, every fault at once.
//
// Load returns a whole Config or Problems, never both. Rules stay text here (Expr); package rules compiles them and asks the
// Expr where in the file a line and column of that text stand. Definitions is the part of a Config that decides who is in
// what: a manifest stores it in full and a later run compiles it again.
//
// The package evaluates nothing and reads no file but the configuration and what it includes.
package configs
