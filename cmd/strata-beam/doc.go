// Package beam is the place of the command strata-beam: the same run as a pipeline of Apache Beam, in a binary of its own
// so that Beam's dependencies stay out of strata.
//
// There is no such command yet: the Beam engine is an issue to come, and nothing is installed from this folder.
package beam
