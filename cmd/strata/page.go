package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
)

// A page is what a verb shows a person: paragraphs one after the other, as text or as Markdown.
type page []paragraph

// A paragraph is a title with sentences, or quoted lines, or a table below it. All of them may be absent.
type paragraph struct {
	title     string
	sentences []string
	quoted    []string
	head      []string
	rows      [][]string
}

// text writes the page for a terminal.
func (p page) text(w io.Writer) {
	for i, one := range p {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if one.title != "" {
			fmt.Fprintln(w, one.title)
		}
		for _, sentence := range one.sentences {
			fmt.Fprintf(w, "  %s\n", strings.ReplaceAll(sentence, "\n", "\n  "))
		}
		for _, line := range one.quoted {
			fmt.Fprintf(w, "  %s\n", line)
		}
		if len(one.rows) > 0 {
			t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
			for _, row := range append([][]string{one.head}, one.rows...) {
				fmt.Fprintf(t, "%s\t\n", strings.Join(row, "\t"))
			}
			t.Flush()
		}
	}
}

// plainID is a user id for a person: quoted where it holds what does not print, such as a terminal's control characters.
func plainID(id string) string {
	if quoted := strconv.Quote(id); quoted[1:len(quoted)-1] != id {
		return quoted
	}
	return id
}

// markdown writes the page for a comment on a pull request.
func (p page) markdown(w io.Writer) {
	for i, one := range p {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if one.title != "" {
			fmt.Fprintf(w, "%s%s\n", heading(i), inMarkdown(one.title))
		}
		if one.title != "" && len(one.sentences)+len(one.quoted)+len(one.rows) > 0 {
			fmt.Fprintln(w)
		}
		for _, sentence := range one.sentences {
			if strings.Contains(sentence, "\n") {
				fmt.Fprintf(w, "```text\n%s\n```\n", sentence)
				continue
			}
			fmt.Fprintf(w, "- %s\n", inMarkdown(sentence))
		}
		if len(one.quoted) > 0 {
			fmt.Fprintf(w, "```diff\n%s\n```\n", strings.Join(one.quoted, "\n"))
		}
		if len(one.rows) > 0 {
			fmt.Fprintf(w, "%s| --- |%s\n", markdownRow(one.head), strings.Repeat(" ---: |", len(one.head)-1))
			for _, row := range one.rows {
				fmt.Fprint(w, markdownRow(row))
			}
		}
	}
}

// heading is what makes the title of the first paragraph that of the page.
func heading(i int) string {
	if i == 0 {
		return "### "
	}
	return ""
}

func markdownRow(cells []string) string {
	var row strings.Builder
	row.WriteString("|")
	for _, cell := range cells {
		fmt.Fprintf(&row, " %s |", inMarkdown(cell))
	}
	return row.String() + "\n"
}

// inMarkdown keeps a text from meaning anything to Markdown.
func inMarkdown(text string) string {
	return strings.NewReplacer(`\`, `\\`, "|", `\|`, "*", `\*`, "_", `\_`, "<", `\<`, "`", "\\`", "[", `\[`, "~", `\~`, "#", `\#`, "@", `\@`).Replace(text)
}
