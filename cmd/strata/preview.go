package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"strata/configs"
	"strata/pipeline"
	"strata/pipeline/catalog"
)

// previewFlags are the flags of strata preview.
type previewFlags struct {
	*common
	date, output, sample string
	noOverlap, asJSON    bool
	examples             int
}

func previewCommand(shared *common) *cobra.Command {
	f := &previewFlags{common: shared}
	cmd := &cobra.Command{
		Use:   "preview 'RULE' [--date YYYY-MM-DD]",
		Short: "Show how many users a rule would take",
		Long:  previewHelp,
		Args:  cobra.ArbitraryArgs,
		RunE:  func(cmd *cobra.Command, args []string) error { return f.preview(cmd, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.date, "date", "", "the `date` whose snapshot to look at (default: the newest committed one, else that of the newest snapshot)")
	flags.StringVar(&f.sample, "sample", "", "look at a `share` of the row groups only, such as 5%, and estimate")
	flags.BoolVar(&f.noOverlap, "no-overlap", false, "do not compare with segments and stages: only the rule's own columns are read")
	flags.IntVar(&f.examples, "examples", 10, "name so `many` users for whom the rule is true")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	flags.StringVar(&f.output, "output", "", "the output `address`; overrides the configuration")
	return cmd
}

const previewHelp = `Counts the users of a snapshot for whom a rule is true, and compares them with the segments and stages of the
configuration: how many are in both, which share of the rule's users that is, and which share of the segment. The rule
may use all that rules of the configuration may: traits, segment("x"), lists. Nothing is written.

The count is exact: what a run would publish for a segment with this rule, with rejects and duplicates settled in the
same way. Where the run that stands for the date found neither in the same objects, rows are counted where they stand,
and only the columns that are needed are read, which is faster. What rules ask of the previous run with was(), since() and
prev_stage() is asked of the run before the date, and then there is no sample.

--sample looks at some row groups of the files only, at least ten, and says how sure the estimate is. Neighbours in a file
are often alike, so the interval treats whole row groups as what was drawn. A sample counts rows: it does not look for
duplicates or for rows without a user id.

The users named are those whose ids have the least hashes: as good as drawn by lot, and the same every time.

Examples:
  strata preview 'country == "FR" && ltv > 500'
  strata preview 'segment("vip") && !segment("newsletter")' --date 2026-11-03
  strata preview 'older_than(last_seen_at, "90d")' --no-overlap --examples 0     the fastest exact count
  strata preview 'ltv > 500' --sample 5%`

func (f *previewFlags) preview(cmd *cobra.Command, args []string) error {
	asked, err := f.proposal(args)
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	job := &pipeline.Job{}
	if job.Config, err = readConfig(f.config); err != nil {
		return err
	}
	if err = wire(ctx, job, f.output); err != nil {
		return err
	}
	which, err := chooseDate(ctx, job, f.date)
	if err != nil {
		return err
	}
	progress, end := newProgress(cmd.ErrOrStderr(), newLog(cmd.ErrOrStderr(), f.logFormat, true), f.quiet)
	job.Progress = progress
	found, err := pipeline.Preview(ctx, *job, asked)
	end(err)
	if err != nil {
		return err
	}
	if f.asJSON {
		return printJSON(cmd.OutOrStdout(), newPreviewJSON(asked.Rule.Text, found))
	}
	previewPage(found, which, asked).text(cmd.OutOrStdout())
	return nil
}

// proposal turns the command line into a proposal. It reports all that is wrong.
func (f *previewFlags) proposal(args []string) (asked pipeline.Proposal, err error) {
	asked = pipeline.Proposal{Overlap: !f.noOverlap, Examples: f.examples}
	var faults []string
	switch len(args) {
	case 1:
		if asked.Rule = configs.NewExpr(strings.TrimSpace(args[0])); asked.Rule.Text == "" {
			faults = append(faults, "the rule is empty; write true for everybody")
		}
	case 0:
		faults = append(faults, `preview needs a rule, in quotes: strata preview 'country == "FR"'`)
	default:
		faults = append(faults, fmt.Sprintf("preview takes one rule, and here are %d words; put the rule in single quotes", len(args)))
	}
	if f.sample != "" {
		if asked.Sample, err = parseShare(f.sample); err != nil {
			faults = append(faults, fmt.Sprintf("--sample: %v", err))
		}
	}
	if f.examples < 0 || f.examples > 1000 {
		faults = append(faults, fmt.Sprintf("--examples: %d is outside 0..1000", f.examples))
	}
	return asked, usageFaults(faults)
}

// parseShare reads a share such as 5% or 0.05.
func parseShare(text string) (float64, error) {
	number, percent := strings.CutSuffix(text, "%")
	share, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		share /= 100
	}
	if err != nil || !(share > 0 && share <= 1) {
		return 0, fmt.Errorf("%q is not a share such as 5%% or 0.05", text)
	}
	return share, nil
}

// previewPage lays an answer out for people.
func previewPage(p *pipeline.Previewed, which string, asked pipeline.Proposal) page {
	first := paragraph{title: fmt.Sprintf("%s: the rule takes %s of %s users (%s)", which, count(p.Members), count(p.Users), percentOf(p.Members, p.Users))}
	it := "it is"
	switch {
	case p.Sample != nil:
		it = "in these it is"
		first.title = fmt.Sprintf("%s: the rule takes about %s of %s rows (%s)", which, count(int64(math.Round(p.Sample.Members))), count(p.Rows), percentOf(p.Members, p.Users))
		first.sentences = sampleSentences(p)
	case p.Previous != nil && asked.Sample > 0:
		first.sentences = append(first.sentences, "no sample: what rules ask of the previous run is asked for all users")
		fallthrough
	case p.Previous != nil:
		first.sentences = append(first.sentences, fmt.Sprintf("exact, after the run of %s; %s rejects, %s duplicates", p.Previous.Date, count(p.Rejects.Total()), count(p.Duplicates)))
	case asked.Sample > 0:
		first.sentences = append(first.sentences, fmt.Sprintf("exact after all: a sample is ten row groups at least, and there are %d", p.RowGroups))
		fallthrough
	default:
		first.sentences = append(first.sentences, fmt.Sprintf("exact; %s rejects, %s duplicates", count(p.Rejects.Total()), count(p.Duplicates)))
	}
	if p.Where != "" {
		first.sentences = append(first.sentences, fmt.Sprintf("%s more are out of scope (%s)", count(p.Outside), oneLine(p.Where)))
	}
	first.sentences = append(first.sentences, fmt.Sprintf("%s unknown for %s users and fails for %s; they are not members", it, count(p.Unknown), count(p.Errors)))
	out := page{first}
	out = append(out, overlapPage(p)...)
	if len(p.Examples) > 0 {
		some := paragraph{title: "some of them:"}
		for _, id := range p.Examples {
			some.quoted = append(some.quoted, plainID(id))
		}
		out = append(out, some)
	}
	if warnings := aboutRule(p.Warnings); len(warnings) > 0 {
		out = append(out, paragraph{sentences: warnings})
	}
	return out
}

// aboutRule are the warnings about the rule, not those about the configuration.
func aboutRule(warnings configs.Problems) (out []string) {
	for _, w := range warnings {
		if w.File == pipeline.RuleFile {
			out = append(out, w.Error())
		}
	}
	return out
}

func sampleSentences(p *pipeline.Previewed) []string {
	s := p.Sample
	first := fmt.Sprintf("estimated from %d of %d row groups, which hold %s rows; of these it takes %s", s.RowGroups, s.Of, count(p.Users), count(p.Members))
	if !s.Steady {
		return []string{first, "too few row groups hold any, or any others, to say how sure this is; take a larger sample, or leave --sample out"}
	}
	return []string{first, fmt.Sprintf("95 %% confidence interval, row groups taken as clusters: %s to %s", count(int64(math.Floor(s.Low))), count(int64(math.Ceil(s.High))))}
}

// percentOf writes a share.
func percentOf(part, whole int64) string {
	if whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%.4g%%", 100*float64(part)/float64(whole))
}

// overlapPage compares with the segments and stages, those that share most first.
func overlapPage(p *pipeline.Previewed) (out page) {
	t := paragraph{head: []string{"segment or stage", "size", "both", "of the rule's", "of the segment's"}}
	if p.Sample != nil {
		t.title = "in the sample:"
	}
	all := slices.Concat(p.Segments, p.Stages)
	slices.SortStableFunc(all, func(a, b pipeline.Overlap) int { return cmp.Compare(b.Both, a.Both) })
	var apart, same []string
	for _, o := range all {
		if o.Both == 0 {
			apart = append(apart, overlapName(o))
			continue
		}
		if o.Both == p.Members && o.Both == o.Size {
			same = append(same, overlapName(o))
		}
		t.rows = append(t.rows, []string{overlapName(o), count(o.Size), count(o.Both), percentOf(o.Both, p.Members), percentOf(o.Both, o.Size)})
	}
	if len(t.rows) > 0 {
		out = append(out, t)
	}
	var sentences []string
	if len(same) > 0 {
		sentences = append(sentences, "exactly the same users: "+strings.Join(same, ", "))
	}
	if len(apart) > 0 {
		sentences = append(sentences, "nobody in both: "+strings.Join(apart, ", "))
	}
	if len(sentences) > 0 {
		out = append(out, paragraph{sentences: sentences})
	}
	return out
}

func overlapName(o pipeline.Overlap) string {
	if o.Lifecycle != "" {
		return o.Lifecycle + ": " + o.Name
	}
	return o.Name
}

// previewJSON is what strata preview --json prints.
type previewJSON struct {
	Date       catalog.Date    `json:"date"`
	Rule       string          `json:"rule"`
	Rows       int64           `json:"rows"`
	Users      int64           `json:"users"`             // that were looked at
	Scope      string          `json:"scope,omitempty"`   // snapshot.where
	Outside    int64           `json:"outside,omitempty"` // users who are not in it
	Members    int64           `json:"members"`
	Unknown    int64           `json:"unknown"`
	Errors     int64           `json:"errors"`
	Rejects    catalog.Rejects `json:"rejects"`
	Duplicates int64           `json:"duplicates"`
	Sample     *sampleJSON     `json:"sample"`             // null: exact
	Previous   *catalog.RunRef `json:"previous,omitempty"` // the run that the rules were asked about
	Segments   []overlapJSON   `json:"segments"`
	Stages     []overlapJSON   `json:"stages"`
	Examples   []string        `json:"examples"`
	Columns    []string        `json:"columns"`
	Warnings   []string        `json:"warnings"`
}

type sampleJSON struct {
	RowGroups int     `json:"row_groups"`
	Of        int     `json:"of"`
	Members   float64 `json:"members"` // estimated for all rows
	Low       float64 `json:"low"`
	High      float64 `json:"high"`
	Steady    bool    `json:"steady"`
}

type overlapJSON struct {
	Lifecycle string `json:"lifecycle,omitempty"`
	Name      string `json:"name"`
	Size      int64  `json:"size"`
	Both      int64  `json:"both"`
}

func newPreviewJSON(rule string, p *pipeline.Previewed) previewJSON {
	out := previewJSON{
		Date: p.Date, Rule: rule, Rows: p.Rows, Users: p.Users, Scope: p.Where, Outside: p.Outside, Members: p.Members, Unknown: p.Unknown, Errors: p.Errors, Rejects: p.Rejects,
		Duplicates: p.Duplicates, Segments: []overlapJSON{}, Stages: []overlapJSON{}, Examples: p.Examples,
		Previous: p.Previous,
		Columns:  append([]string{}, p.Columns...), Warnings: append([]string{}, aboutRule(p.Warnings)...),
	}
	if p.Sample != nil {
		s := sampleJSON(*p.Sample)
		out.Sample = &s
	}
	for _, o := range p.Segments {
		out.Segments = append(out.Segments, overlapJSON(o))
	}
	for _, o := range p.Stages {
		out.Stages = append(out.Stages, overlapJSON(o))
	}
	return out
}
