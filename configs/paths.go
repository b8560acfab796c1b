package configs

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Placeholders are what {…} in a snapshot's path may name.
var placeholders = []string{"date", "yyyy", "mm", "dd"}

var bracePattern = regexp.MustCompile(`\{([^{}]*)\}|[{}]`)

// PathOn is the snapshot's path on a date: the placeholders filled in, the wildcards left. Only the date of day counts, in
// its own zone.
func (s Snapshot) PathOn(day time.Time) string {
	return strings.NewReplacer("{date}", day.Format("2006-01-02"), "{yyyy}", day.Format("2006"), "{mm}", day.Format("01"),
		"{dd}", day.Format("02")).Replace(s.Path)
}

// AnyDate is the snapshot's path with wildcards in place of the placeholders: what matches the files of all dates.
func (s Snapshot) AnyDate() string {
	return strings.NewReplacer("{date}", "????-??-??", "{yyyy}", "????", "{mm}", "??", "{dd}", "??").Replace(s.Path)
}

// DateIn reads the date out of the key, or the end of it, of one of the snapshot's files. It is false where the path does not name
// a whole date, or the key is no file of the path.
func (s Snapshot) DateIn(key string) (time.Time, bool) {
	from := strings.LastIndexByte(s.Path[:max(strings.IndexByte(s.Path, '{'), 0)], '/') + 1
	layouts := map[string]string{"{date}": "2006-01-02", "{yyyy}": "2006", "{mm}": "01", "{dd}": "02"}
	layout, pattern := "", "(?:^|/)"
	for _, part := range pathParts.FindAllString(s.Path[from:], -1) {
		layout += layouts[part]
		if part[0] == '[' {
			pattern += part // means the same in both
			continue
		}
		pattern += cmp.Or(partPatterns[part], regexp.QuoteMeta(part))
	}
	whole, err := regexp.Compile(pattern + "(?:/.*)?$")
	if err != nil {
		return time.Time{}, false
	}
	found := whole.FindStringSubmatch(key)
	if found == nil {
		return time.Time{}, false
	}
	day, err := time.Parse(layout, strings.Join(found[1:], ""))
	return day, err == nil && s.PathOn(day) != s.PathOn(day.AddDate(0, 0, 1))
}

// pathParts cuts a path into placeholders, wildcards and what stands for itself; partPatterns are what the first two match.
var (
	pathParts    = regexp.MustCompile(`\{\w+\}|\*\*/?|\*|\?|\[[^\]]*\]|[^{*?\[]+|.`)
	partPatterns = map[string]string{
		"{date}": `(\d{4}-\d\d-\d\d)`, "{yyyy}": `(\d{4})`, "{mm}": `(\d\d)`, "{dd}": `(\d\d)`,
		"**/": `(?:.*/)?`, "**": `.*`, "*": `[^/]*`, "?": `[^/]`,
	}
)

// schemes says of an address's scheme whether this version reads and writes it.
var schemes = map[string]bool{"gs": true, "s3": true, "file": true, "azblob": false}

// checkPaths checks every address and path of the configuration.
func (c *Config) checkPaths() Problems {
	var problems Problems
	check := func(what, name string, pos Pos) {
		if name != "" {
			problems = append(problems, c.checkAddress(what, name, pos)...)
		}
	}
	check("snapshot.path", c.Snapshot.Path, c.Snapshot.PathPos)
	check("output", c.Output, c.OutputPos)
	for _, s := range c.Segments {
		check(fmt.Sprintf("segment %q: include", s.Name), s.Include, s.IncludePos)
		check(fmt.Sprintf("segment %q: exclude", s.Name), s.Exclude, s.ExcludePos)
	}
	if c.Snapshot.Path != "" {
		problems = append(problems, c.checkPlaceholders()...)
	}
	if strings.ContainsAny(c.Output, "{}*?") {
		problems = append(problems, c.Problem(c.OutputPos, "output: one place for all dates, without { } * ?", "strata puts the date into the names below it"))
	}
	if strings.ContainsAny(c.Snapshot.Ready, "/*?{}") {
		problems = append(problems, c.Problem(c.Snapshot.ReadyPos, "snapshot.ready: the plain name of an object beside the files", "for example _SUCCESS"))
	}
	return problems
}

// checkAddress checks a path or an address with a scheme.
func (c *Config) checkAddress(what, name string, pos Pos) Problems {
	fault := func(hint, format string, args ...any) Problems {
		return Problems{c.Problem(pos, what+": "+fmt.Sprintf(format, args...), hint)}
	}
	if redact(name) != name {
		return fault("remove it; credentials come from the environment, never from this file", "the address holds a secret")
	}
	scheme, rest, ok := strings.Cut(name, "://")
	if strings.TrimSpace(name) != name {
		return fault("remove the spaces around it", "%q is no path", name)
	}
	host, _, _ := strings.Cut(rest, "/")
	built, known := schemes[scheme]
	switch {
	case !ok:
		return nil
	case !known:
		hint := didYouMean(scheme, []string{"gs", "s3", "file"})
		if hint == "" {
			hint = "addresses begin with gs://, s3:// or file://"
		}
		return fault(hint, "%s:// is not known", scheme)
	case !built:
		return fault("use gs://, s3:// or file://", "this version of strata does not have %s://", scheme)
	case host == "" && scheme != "file":
		return fault(fmt.Sprintf("for example %s://lake/users", scheme), "the bucket is missing")
	case scheme == "file" && host != "":
		return fault("write file:///folder with three slashes, or a path", "%q is read as the name of a machine", host)
	}
	if _, err := url.PathUnescape(name); scheme == "file" && err != nil {
		return fault("write %25 for a percent sign", "this is no address")
	}
	return nil
}

// checkPlaceholders checks the {…} of the snapshot's path.
func (c *Config) checkPlaceholders() (problems Problems) {
	s := c.Snapshot
	found := bracePattern.FindAllStringSubmatch(s.Path, -1)
	for _, m := range found {
		name := m[1]
		switch {
		case len(m[0]) == 1:
			problems = append(problems, c.Problem(s.PathPos, fmt.Sprintf("snapshot.path: a single %s", m[0]), "write {date}, {yyyy}, {mm} or {dd}"))
		case !slices.Contains(placeholders, name):
			hint := "there are {date}, {yyyy}, {mm} and {dd}"
			if near := Nearest(name, placeholders); near != "" {
				hint = fmt.Sprintf("did you mean {%s}?", near)
			}
			problems = append(problems, c.Problem(s.PathPos, fmt.Sprintf("snapshot.path: unknown placeholder {%s}", name), hint))
		}
	}
	if len(found) == 0 {
		p := c.Problem(s.PathPos, "snapshot.path has no {date}: every date reads the same files", "for example users/date={date}/*.parquet")
		p.Warning, p.Lint = true, lintPathWithoutDate
		problems = append(problems, p)
	}
	return problems
}
