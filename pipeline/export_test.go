package pipeline

// WithPartitions forces the number of partitions of a job, a power of two.
func WithPartitions(job Job, n int) Job {
	job.partitions = n
	return job
}

// WithPartitionsOf makes a job cut its partitions as for a machine that is much smaller.
func WithPartitionsOf(job Job, rows int64) Job {
	job.perPartition = rows
	return job
}

// WithoutPruning makes a job read all columns that its rules name, whatever statistics say.
func WithoutPruning(job Job) Job {
	job.unpruned = true
	return job
}

// InFull makes a replay compute all from the snapshot.
func InFull(job Job) Job {
	job.inFull, job.Force = true, true
	return job
}
