package main

import (
	"encoding/xml"
	"fmt"
	"os"
	"strings"
	"time"
)

// The form that JUnit's Ant task writes, which CI systems read. Attributes and elements are all that its schema asks for, in
// its order.
type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string      `xml:"name,attr"`
		Package    string      `xml:"package,attr"`
		ID         int         `xml:"id,attr"`
		Timestamp  string      `xml:"timestamp,attr"`
		Hostname   string      `xml:"hostname,attr"`
		Tests      int         `xml:"tests,attr"`
		Failures   int         `xml:"failures,attr"`
		Errors     int         `xml:"errors,attr"`
		Time       string      `xml:"time,attr"`
		Properties struct{}    `xml:"properties"`
		Cases      []junitCase `xml:"testcase"`
		Out        string      `xml:"system-out"`
		Err        string      `xml:"system-err"`
	}
	junitCase struct {
		Name      string      `xml:"name,attr"`
		ClassName string      `xml:"classname,attr"`
		Time      string      `xml:"time,attr"`
		Error     *junitFault `xml:"error"`
		Failure   *junitFault `xml:"failure"`
	}
	junitFault struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",cdata"`
	}
)

// writeJUnit writes the results of all files.
func writeJUnit(path string, tested []testedFile) error {
	var out junitSuites
	for i, file := range tested {
		out.Suites = append(out.Suites, junitSuiteOf(i, file))
	}
	text, err := xml.MarshalIndent(out, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append([]byte(xml.Header), append(text, '\n')...), 0o644)
}

func junitSuiteOf(id int, file testedFile) junitSuite {
	s := junitSuite{
		Name: file.name, Package: "strata", ID: id, Timestamp: time.Now().UTC().Format("2006-01-02T15:04:05"), Hostname: "localhost",
		Tests: len(file.results), Time: seconds(file.took),
	}
	for i := range file.results {
		r := &file.results[i]
		c := junitCase{Name: r.Name, ClassName: file.name, Time: seconds(r.Took)}
		switch {
		case r.Err != nil:
			s.Errors++
			c.Error = &junitFault{Message: caseFault(r.Err)[0], Type: "error", Text: inXML(strings.Join(caseFault(r.Err), "\n"))}
		case len(r.Failures) > 0:
			s.Failures++
			c.Failure = &junitFault{Message: junitMessage(r.Failures[0].User, r.Failures[0].What, r.Failures[0].Expected, r.Failures[0].Got), Type: "expectation"}
			for j := range r.Failures {
				c.Failure.Text += inXML(failureText(&r.Failures[j]))
			}
		}
		s.Cases = append(s.Cases, c)
	}
	return s
}

func junitMessage(user, what, expected, got string) string {
	return fmt.Sprintf("user %s, %s: expected %s, got %s", user, what, expected, got)
}

// inXML replaces what XML cannot hold: the library does so everywhere but in CDATA.
func inXML(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == '\uFFFE' || r == '\uFFFF' {
			return '\uFFFD'
		}
		return r
	}, text)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
