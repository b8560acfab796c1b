package pipeline

// WithPartitions forces the number of partitions of a job, a power of two.
func WithPartitions(job Job, n int) Job {
	job.partitions = n
	return job
}
