package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/spf13/cobra"

	"strata/configs"
	"strata/pipeline"
	"strata/pipeline/cases"
	"strata/pipeline/catalog"
	"strata/pipeline/objects"
	"strata/readers"
	"strata/writers"
)

func testCommand(shared *common) *cobra.Command {
	f := &testFlags{common: shared}
	cmd := &cobra.Command{
		Use:   "test [FILES]",
		Short: "Test segments and lifecycles with made-up users",
		Long:  testHelp,
		RunE:  func(cmd *cobra.Command, files []string) error { return f.run(cmd, files) },
	}
	cmd.Flags().StringVar(&f.match, "run", "", "run only the cases whose names match this regular `expression`")
	cmd.Flags().StringVar(&f.junit, "junit", "", "write the results in JUnit's form to this `file`, for CI")
	return cmd
}

const testHelp = `Runs the cases of test files: users as rows of YAML, a date, what was published before if that matters, and what is
expected: segments, stages, transitions with their reasons. No snapshot and no bucket are needed. Each case is a run like
that of a night, into memory. Without FILES, all *_test.yaml beside the configuration are run.

  columns: {user_id: string, ltv: double, last_seen_at: timestamp}
  cases:
    - name: a big spender who went quiet is won back
      date: 2026-11-03
      users:
        - {user_id: ann, ltv: 900, last_seen_at: 2026-08-01T10:00:00Z}
      previous:
        users: [{user: ann, in: [vip]}]
      expect:
        - {user: ann, in: [vip, winback], transitions: [{entered: winback, reason: time_passed}]}

Only what is stated is checked; "exactly: true" says that in, where it is stated, names all segments of the user, and the
same of transitions. A case may have "dates:", several in order, each with its own users and expectations.
strata schema --tests prints the JSON Schema of these files, for editors.

A test that fails shows what was expected, what it got, and how the rule came to its answer. The exit code is 2 then, as for
every fault of definitions.

Examples:
  strata test
  strata test -c prod.yaml segments/vip_test.yaml --run 'won back'
  strata test --junit results.xml`

// testFlags are the flags of strata test.
type testFlags struct {
	*common
	match, junit string
}

// A testedFile is a test file and how its cases went.
type testedFile struct {
	name    string
	results []cases.Result
	took    time.Duration
}

func (f *testFlags) run(cmd *cobra.Command, files []string) error {
	match, err := regexp.Compile(f.match)
	if err != nil {
		return usageError{fmt.Errorf("--run: %w", err)}
	}
	config, err := loadConfig(cmd.Context(), f.config, catalog.Date{})
	if err != nil {
		return err
	}
	if files, err = f.files(files); err != nil {
		return err
	}
	suites, err := f.prepare(cmd.Context(), config, files)
	if err != nil {
		return err
	}
	var tested []testedFile
	for i, suite := range suites {
		began := time.Now()
		results, err := suite.Run(cmd.Context(), match)
		suite.Release()
		if err != nil {
			return err
		}
		tested = append(tested, testedFile{files[i], results, time.Since(began)})
	}
	if f.junit != "" {
		if err := writeJUnit(f.junit, tested); err != nil {
			return usageError{fmt.Errorf("--junit: %w", err)}
		}
	}
	return f.report(cmd, tested)
}

// files are those that were named, or else all beside the configuration.
func (f *testFlags) files(named []string) ([]string, error) {
	if len(named) > 0 {
		return named, nil
	}
	var found []string
	for _, pattern := range []string{"*_test.yaml", "*_test.yml"} {
		names, err := filepath.Glob(filepath.Join(filepath.Dir(f.config), pattern))
		if err != nil {
			return nil, usageError{err}
		}
		found = append(found, names...)
	}
	if len(found) == 0 {
		return nil, usageError{fmt.Errorf("there is no *_test.yaml beside %s; name test files, or see strata test --help for how to write one", f.config)}
	}
	slices.Sort(found)
	return found, nil
}

// prepare reads all files. Their faults come together.
func (f *testFlags) prepare(ctx context.Context, config *configs.Config, files []string) ([]*cases.Suite, error) {
	var suites []*cases.Suite
	var faults []error
	s := source{config}
	tools := cases.Tools{
		History: readers.State{}, NewEncoder: func() pipeline.Encoder { return &writers.Writer{} }, ReadList: s.readList, ReadSchema: readSchema,
	}
	for _, name := range files {
		file, err := configs.LoadSuite(name)
		var problems configs.Problems
		if err != nil && !errors.As(err, &problems) {
			if errors.Is(err, os.ErrNotExist) {
				err = fmt.Errorf("there is no test file %s", name)
			}
			err = usageError{err}
		}
		var suite *cases.Suite
		if err == nil {
			suite, err = cases.Prepare(ctx, file, config, tools)
		}
		var misfits *cases.ColumnsError
		if errors.As(err, &misfits) {
			err = errors.Join(misfits.Problems, usageError{misfits})
		}
		suites, faults = append(suites, suite), append(faults, err)
	}
	return suites, errors.Join(faults...)
}

// readSchema reads the schema of one Parquet file.
func readSchema(ctx context.Context, address string) (*arrow.Schema, error) {
	bucket, key, err := stores.Open(ctx, address)
	if err != nil {
		return nil, err
	}
	info, err := bucket.Stat(ctx, key)
	if errors.Is(err, objects.ErrNotFound) {
		return nil, fmt.Errorf("there is no %s", address)
	}
	if err != nil {
		return nil, err
	}
	snapshot, err := readers.Open(ctx, bucket, []objects.Info{info})
	if err != nil {
		return nil, err
	}
	defer snapshot.Close()
	return snapshot.Schema(), nil
}
