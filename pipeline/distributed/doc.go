// Package distributed is the place of the job's stages as transforms of Apache Beam.
//
// It is empty: the Beam engine is an issue to come. What it will call are the stage functions of package pipeline, which
// take all that they need as arguments, so that goroutines and Beam run the same code.
package distributed
