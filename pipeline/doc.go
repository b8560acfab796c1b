// Package pipeline is the job: it reads one date's snapshot, decides who is in what, compares with the previous run and
// publishes membership and transitions, or nothing.
//
// A run is a chain of stages, each a function over explicit inputs: plan, assign (row groups from a queue), exchange (user
// ids with their bits, by hash partition), diff (partitions from a queue), guard, verify, commit. Between assign and diff
// stands a barrier. What a run decides follows from the data alone: not from the number of workers, the size of a batch,
// the memory it may use or the order in which row groups come.
//
// Readers and writers are handed in through the interfaces Snapshot and Encoder; package catalog keeps the runs.
package pipeline
