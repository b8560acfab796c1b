package main

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"strata/pipeline/catalog"
)

// writeMetrics writes what a run did in Prometheus text format. The file is replaced at once, so a collector never reads half
// of it.
func writeMetrics(path string, m *catalog.Manifest) error {
	registry := prometheus.NewRegistry()
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "strata", Name: name, Help: help}, labels)
		registry.MustRegister(g)
		return g
	}
	gauge("run_timestamp_seconds", "When the last run was finished.").WithLabelValues().Set(float64(m.Clock.Finished.Unix()))
	gauge("run_date_seconds", "The logical date of the last run.").WithLabelValues().Set(float64(m.Date.Time().Unix()))
	gauge("users", "Users of the snapshot.").WithLabelValues().Set(float64(m.Users))
	gauge("duplicates", "Rows that gave way to another of the same user.").WithLabelValues().Set(float64(m.Duplicates))
	rejects := gauge("rejects", "Rows that name no user.", "why")
	rejects.WithLabelValues("null").Set(float64(m.Rejects.Nulls))
	rejects.WithLabelValues("unusable").Set(float64(m.Rejects.Unusable))
	gauge("forgotten", "Rows of users who were forgotten.").WithLabelValues().Set(float64(m.Forgotten))
	stage := gauge("stage_seconds", "How long a stage of the run took.", "stage")
	for name, seconds := range m.Clock.Seconds {
		stage.WithLabelValues(name).Set(seconds)
	}
	size := gauge("segment_size", "Members of a segment.", "segment")
	unknown := gauge("segment_unknown", "Users for whom the segment's rule is unknown.", "segment")
	failed := gauge("segment_errors", "Users for whom the segment's rule failed.", "segment")
	changes := gauge("transitions", "Transitions of the run.", "name", "change", "reason")
	for _, s := range m.Segments {
		countChanges(changes, s.Name, s.Changes)
		if !s.Removed {
			size.WithLabelValues(s.Name).Set(float64(s.Size))
			unknown.WithLabelValues(s.Name).Set(float64(s.Unknown))
			failed.WithLabelValues(s.Name).Set(float64(s.Errors))
		}
	}
	stages := gauge("stage_size", "Users in a stage of a lifecycle.", "lifecycle", "stage")
	for _, l := range m.Lifecycles {
		countChanges(changes, l.Name, l.Changes)
		for _, s := range l.Stages {
			stages.WithLabelValues(l.Name, s.Name).Set(float64(s.Size))
		}
	}
	if err := prometheus.WriteToTextfile(path, registry); err != nil {
		return fmt.Errorf("the run is committed, but its metrics were not written: %w", err)
	}
	return nil
}

func countChanges(g *prometheus.GaugeVec, name string, changes catalog.Changes) {
	for change, reasons := range changes {
		for reason, n := range reasons {
			g.WithLabelValues(name, change, reason).Set(float64(n))
		}
	}
}
