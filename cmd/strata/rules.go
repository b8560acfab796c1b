package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/spf13/cobra"

	"strata/configs"
	"strata/rules"
)

func rulesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rules [NAME...]",
		Short: "Show what rules may say: functions, operators, what becomes of nulls",
		Long:  rulesHelp,
		Args:  cobra.ArbitraryArgs,
		RunE:  func(cmd *cobra.Command, args []string) error { return showRules(cmd.OutOrStdout(), args) },
	}
}

const rulesHelp = `Lists the functions and operators of rules by topic, a line each. With names it tells all about them: the types they take,
what becomes of nulls, whose time zone counts, and an example. A topic's name shows all that belongs to it.

Examples:
  strata rules
  strata rules within coalesce '&&'
  strata rules lists`

// showRules prints the reference, or what it says of some names.
func showRules(out io.Writer, names []string) error {
	if len(names) == 0 {
		return listRules(out)
	}
	var entries []rules.Entry
	for _, name := range names {
		found := findEntries(name)
		if len(found) == 0 {
			return usageError{fmt.Errorf("rules have no %q%s", name, nearEntry(name))}
		}
		entries = append(entries, found...)
	}
	for i, e := range entries {
		if i > 0 {
			fmt.Fprintln(out)
		}
		showEntry(out, e)
	}
	return nil
}

// listRules prints a line an entry.
func listRules(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for i, topic := range rules.Reference() {
		if i > 0 {
			fmt.Fprintln(table)
		}
		fmt.Fprintln(table, topic.Name)
		for _, e := range topic.Entries {
			first, _, _ := strings.Cut(e.Doc, ". ")
			fmt.Fprintf(table, "  %s\t%s\n", e.Name, strings.TrimSuffix(first, ".")+".")
		}
	}
	fmt.Fprintln(table, "\nWhere a value is null, the answer is unknown, and an unknown user is not in the segment. strata rules NAME tells more.")
	return table.Flush()
}

// findEntries finds the entry of a name or an operator, or all of a topic.
func findEntries(name string) (found []rules.Entry) {
	for _, topic := range rules.Reference() {
		if strings.EqualFold(topic.Name, name) {
			return topic.Entries
		}
		for _, e := range topic.Entries {
			if strings.EqualFold(e.Name, name) || strings.EqualFold(strings.TrimPrefix(e.Name, "math."), name) || isOperatorOf(e, name) {
				found = append(found, e)
			}
		}
	}
	return found
}

// isOperatorOf says whether a signature of an entry has an operator, as that of "+" has "-".
func isOperatorOf(e rules.Entry, name string) bool {
	for _, signature := range e.Signatures {
		call, _, _ := strings.Cut(signature, " -> ")
		for _, word := range strings.Fields(call) {
			if word == name && !strings.ContainsFunc(name, unicode.IsLetter) {
				return true
			}
		}
	}
	return false
}

// nearEntry is the way out for a name that rules do not have.
func nearEntry(name string) string {
	var names []string
	for _, topic := range rules.Reference() {
		names = append(names, topic.Name)
		for _, e := range topic.Entries {
			names = append(names, e.Name)
		}
	}
	if near := configs.Nearest(name, names); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return "; strata rules lists all that they have"
}

func showEntry(out io.Writer, e rules.Entry) {
	for _, signature := range e.Signatures {
		fmt.Fprintln(out, signature)
	}
	fmt.Fprintf(out, "  %s\n", e.Doc)
	nulls := e.Nulls
	if nulls == "" {
		nulls = "where an argument is null, the answer is unknown"
	}
	fmt.Fprintf(out, "  Nulls: %s.\n", nulls)
	if e.Zone != "" {
		fmt.Fprintf(out, "  Time zone: %s.\n", e.Zone)
	}
	fmt.Fprintf(out, "  Example: %s\n", e.Example)
}
