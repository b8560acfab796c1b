package pipeline_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"path"
	"slices"
	"strings"

	"strata/pipeline/objects"
)

// What a reader from outside sees: one who follows current.json, lists hive folders and opens files with a Parquet reader that is
// not ours. Nothing here asks package catalog.

// A published run is what its manifest says and its files hold.
type published struct {
	Run, Date, Program, Status string
	Replaces                   string
	Previous                   *struct{ Date, Run string }
	Lists                      []struct{ Path, SHA256 string }
	Inputs                     []struct{ Name, Version string }
	Users                      int64
	Segments                   []manifestSegment
	Lifecycles                 []manifestSegment
	Tables                     map[string][]publishedFile
	Events                     *struct {
		Withdrawn, Kept, Added int
		Files                  []publishedFile
	}

	version     *version          // that it was asked
	bytes       map[string]string // by table and partition
	members     map[string]membership
	transitions []map[string]string
}

// A manifestSegment is a segment, or a lifecycle, as a manifest counts it.
type manifestSegment struct {
	Name   string
	Size   int64
	Stages []struct {
		Name string
		Size int64
	}
	Changes map[string]map[string]int64
	Removed bool
}

type publishedFile struct {
	Partition int
	Key       string
	Rows      int64
	Size      int64
	CRC32C    string
}

// A membership is where a user is: "" in a segment, a stage in a lifecycle; and since when, where that is published.
type membership struct{ in, since map[string]string }

// An observer looks at an output again and again.
type observer struct {
	h      *chronicle
	base   string                // before which nothing counts
	stands map[string]*published // by date
	runs   map[string]*published // all that ever stood, by name
	latest string                // the date that latest.json named last
	ids    map[string]string     // event ids, by what happened
	whose  map[string]string     // the other way round
}

func newObserver(h *chronicle) *observer {
	return &observer{
		h: h, stands: map[string]*published{}, runs: map[string]*published{}, ids: map[string]string{}, whose: map[string]string{},
	}
}

// read reads a JSON object; it reports whether there is one.
func (o *observer) read(key string, into any) bool {
	data, _, err := objects.ReadAll(o.h.t.Context(), o.h.output, key, "")
	if errors.Is(err, objects.ErrNotFound) {
		return false
	}
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		o.h.t.Fatalf("%s: %v", key, err)
	}
	return true
}

// look follows every current.json, and checks all that must hold whatever happened before. Where an output is settled, the hive
// folders and latest.json must be in order, too.
func (o *observer) look(settled bool) {
	o.lookAtBase()
	stands := map[string]*published{}
	for _, date := range calendar {
		var current struct{ Run string }
		if date < o.base || !o.read("runs/date="+date+"/current.json", &current) {
			continue
		}
		stands[date] = o.whole(date, current.Run)
	}
	o.stands = stands
	o.lookAtLatest(settled)
	for _, date := range calendar {
		o.lookAtHive(date, settled)
	}
	o.lookAtChain()
}

// lookAtBase reads the base, which never goes back.
func (o *observer) lookAtBase() {
	var base struct{ Date string }
	if o.read("runs/base.json", &base) && base.Date < o.base {
		o.h.t.Errorf("the base went back from %s to %s", o.base, base.Date)
	}
	o.base = base.Date
}

// whole returns a run that stands, and checks that all is there that its manifest names.
func (o *observer) whole(date, run string) *published {
	p := o.runs[run]
	if p == nil {
		p = o.open(date, run)
		o.runs[run] = p
	}
	for table, files := range p.Tables {
		for _, f := range files {
			info, err := o.h.output.Stat(o.h.t.Context(), f.Key)
			if err != nil || info.Size != f.Size || info.CRC32C != f.CRC32C {
				o.h.t.Errorf("%s stands for %s, and its %s is not whole: %d bytes of %d, checksum %s of %s, %v", run, date, f.Key, info.Size, f.Size, info.CRC32C, f.CRC32C, err)
			}
			if f.Rows < 0 || table == "" {
				o.h.t.Errorf("%s has %d rows", f.Key, f.Rows)
			}
		}
	}
	return p
}

// open reads a run for the first time and checks it by itself.
func (o *observer) open(date, run string) *published {
	p := &published{bytes: map[string]string{}, members: map[string]membership{}}
	if !o.read("runs/date="+date+"/"+run+"/manifest.json", p) || p.Run != run || p.Date != date || p.Status != "committed" {
		o.h.t.Fatalf("current.json of %s names run %s, whose manifest says: %q of %q, %q", date, run, p.Run, p.Date, p.Status)
	}
	p.version = o.h.versionOf(p)
	rows := map[string][]map[string]string{}
	for table, files := range p.Tables {
		for i, f := range files {
			data, _, err := objects.ReadAll(o.h.t.Context(), o.h.output, f.Key, "")
			if sum := fmt.Sprintf("%08x", crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))); err != nil || sum != f.CRC32C || f.Partition != i {
				o.h.t.Fatalf("%s: checksum %s of %s, place %d of partition %d, %v", f.Key, sum, f.CRC32C, i, f.Partition, err)
			}
			part := rowsOf(o.h.t, data)
			if int64(len(part)) != f.Rows {
				o.h.t.Errorf("%s has %d rows, and the manifest says %d", f.Key, len(part), f.Rows)
			}
			p.bytes[fmt.Sprintf("%s/%05d", table, i)] = string(data)
			rows[table] = append(rows[table], part...)
		}
	}
	p.transitions = rows["transitions"]
	p.readMembers(rows["membership"])
	o.countRows(p, rows)
	o.checkEvents(p)
	o.checkChanges(p)
	return p
}

// readMembers takes the rows of membership.
func (p *published) readMembers(rows []map[string]string) {
	for _, row := range rows {
		m := membership{map[string]string{}, map[string]string{}}
		segments, since := list(row["segments"]), list(row["since"])
		for i, name := range segments {
			m.in[name] = ""
			if len(since) == len(segments) {
				m.since[name] = since[i]
			}
		}
		for _, l := range p.Lifecycles {
			if stage := row[l.Name]; stage != "" && !l.Removed {
				m.in[l.Name], m.since[l.Name] = stage, row[l.Name+"_since"]
			}
		}
		p.members[row["user_id"]] = m
	}
}

// list splits what the reader has joined.
func list(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// countRows holds the numbers of a manifest against the rows of its files.
func (o *observer) countRows(p *published, rows map[string][]map[string]string) {
	sizes, changes := map[string]int64{}, map[string]int64{}
	for _, m := range p.members {
		for name, stage := range m.in {
			sizes[name]++
			sizes[name+"/"+stage]++
		}
	}
	for _, row := range p.transitions {
		changes[row["segment"]+" "+row["change"]+" "+row["reason"]]++
		o.h.cases.count("reason", row["reason"], 1)
		o.h.cases.count("change", row["change"], 1)
	}
	same := func(what string, says, has int64) {
		if says != has {
			o.h.t.Errorf("run %s of %s: its manifest counts %d %s, its files have %d", p.Run, p.Date, says, what, has)
		}
	}
	same("users", p.Users, int64(len(rows["membership"])))
	same("different users", p.Users, int64(len(p.members)))
	all := int64(0)
	for _, s := range slices.Concat(p.Segments, p.Lifecycles) {
		if s.Stages == nil {
			same("members of "+s.Name, s.Size, sizes[s.Name])
		}
		for _, stage := range s.Stages {
			same(s.Name+" in stage "+stage.Name, stage.Size, sizes[s.Name+"/"+stage.Name])
		}
		for change, reasons := range s.Changes {
			for reason, n := range reasons {
				same(s.Name+" "+change+" "+reason, n, changes[s.Name+" "+change+" "+reason])
				all += n
			}
		}
	}
	same("transitions", all, int64(len(p.transitions)))
	same("rows of long", int64(len(rows["long"])), sum(p.Segments))
	same("rows of wide", int64(len(rows["wide"])), p.Users)
}

func sum(segments []manifestSegment) (n int64) {
	for _, s := range segments {
		n += s.Size
	}
	return n
}

// checkEvents holds that an event id names one event, in this run and in all others.
func (o *observer) checkEvents(p *published) {
	here := map[string]bool{}
	for _, row := range p.transitions {
		id := row["event_id"]
		what := strings.Join([]string{p.Date, row["segment"], row["user_id"], row["change"], row["from"], row["to"]}, " ")
		if here[id] {
			o.h.t.Errorf("run %s of %s has two transitions of event id %s", p.Run, p.Date, id)
		}
		here[id] = true
		if was, known := o.ids[what]; known && was != id {
			o.h.t.Errorf("run %s: the event id of %q was %s, and is %s", p.Run, what, was, id)
		}
		if was, known := o.whose[id]; known && was != what {
			o.h.t.Errorf("run %s: event id %s is of %q, and was of %q", p.Run, id, what, was)
		}
		o.ids[what], o.whose[id] = id, what
	}
}

// checkChanges holds what a run says of the events of the run that it replaces against both transitions tables.
func (o *observer) checkChanges(p *published) {
	old := o.runs[p.Replaces]
	if old == nil || p.Events == nil {
		if old != nil {
			o.h.t.Errorf("run %s of %s replaces %s and says nothing of its events", p.Run, p.Date, p.Replaces)
		}
		return
	}
	was, is := old.eventIDs(), p.eventIDs()
	withdrawn, added := map[string]bool{}, map[string]bool{}
	for _, f := range p.Events.Files {
		var lists struct{ Withdrawn, Added []string }
		o.read(f.Key, &lists)
		for _, id := range lists.Withdrawn {
			withdrawn[strings.ReplaceAll(id, "-", "")] = true
		}
		for _, id := range lists.Added {
			added[strings.ReplaceAll(id, "-", "")] = true
		}
	}
	kept := len(was) - len(withdrawn)
	if !maps.Equal(withdrawn, less(was, is)) || !maps.Equal(added, less(is, was)) ||
		p.Events.Withdrawn != len(withdrawn) || p.Events.Added != len(added) || p.Events.Kept != kept {
		o.h.t.Errorf("run %s of %s withdraws %v and adds %v to what %s has said (%+v); it should withdraw %v and add %v",
			p.Run, p.Date, withdrawn, added, old.Run, *p.Events, less(was, is), less(is, was))
	}
}

func (p *published) eventIDs() map[string]bool {
	found := map[string]bool{}
	for _, row := range p.transitions {
		found[row["event_id"]] = true
	}
	return found
}

// less is what is in the first set alone.
func less(a, b map[string]bool) map[string]bool {
	a = maps.Clone(a)
	maps.DeleteFunc(a, func(id string, _ bool) bool { return b[id] })
	return a
}

// lookAtLatest checks that latest.json does not go back.
func (o *observer) lookAtLatest(settled bool) {
	var latest struct{ Date, Run string }
	o.read("latest.json", &latest)
	if latest.Date < o.latest {
		o.h.t.Errorf("latest.json went back from %s to %s", o.latest, latest.Date)
	}
	o.latest = latest.Date
	if dates := slices.Sorted(maps.Keys(o.stands)); settled && len(dates) > 0 {
		newest := dates[len(dates)-1]
		if run := o.stands[newest].Run; latest.Date != newest || latest.Run != run {
			o.h.t.Errorf("latest.json names %s of %s, and %s of %s is the newest", latest.Run, latest.Date, run, newest)
		}
	}
}

// lookAtHive checks the folders that tools list: nothing in them that never stood, and once settled exactly the files of the run
// that stands.
func (o *observer) lookAtHive(date string, settled bool) {
	got := map[string]string{}
	for _, table := range []string{"membership", "transitions", "wide", "long"} {
		folder := strings.NewReplacer("wide", "membership_wide", "long", "membership_long").Replace(table) + "/date=" + date + "/"
		for info, err := range objects.All(o.h.t.Context(), o.h.output, folder) {
			if err != nil {
				o.h.t.Fatal(err)
			}
			name := strings.TrimSuffix(path.Base(info.Key), ".parquet")
			run, partition := name[:strings.LastIndexByte(name, '-')], name[strings.LastIndexByte(name, '-')+1:]
			if o.runs[run] == nil && !o.stood(date, run) {
				o.h.t.Errorf("%s is shown, and its run has never stood", info.Key)
			}
			got[table+"/"+partition+" "+run] = info.CRC32C
		}
	}
	if p := o.stands[date]; settled && date >= o.base {
		o.sameHive(date, p, got)
	}
}

// stood says whether a run that this observer has not seen stand was replaced since.
func (o *observer) stood(date, run string) bool {
	for p := o.stands[date]; p != nil; p = o.runs[p.Replaces] {
		if p.Replaces == run {
			return true
		}
	}
	return false
}

func (o *observer) sameHive(date string, p *published, got map[string]string) {
	want := map[string]string{}
	if p != nil && o.h.hive {
		for table, files := range p.Tables {
			for _, f := range files {
				want[fmt.Sprintf("%s/%05d %s", table, f.Partition, p.Run)] = f.CRC32C
			}
		}
	}
	if !maps.Equal(got, want) {
		o.h.t.Errorf("the hive folders of %s show\n%v\nand the run that stands has\n%v", date, got, want)
	}
}

// previous is the run that a run was compared with, where an observer has seen it.
func (o *observer) previous(p *published) *published {
	if p.Previous == nil {
		return nil
	}
	return o.runs[p.Previous.Run]
}

// stale says whether a date that stands was compared with another run than the one that stands before it now.
func (o *observer) stale(date string) bool {
	p, before := o.stands[date], ""
	if date == o.base {
		return false
	}
	for other, q := range o.stands {
		if other < date && (before == "" || other > o.runs[before].Date) {
			before = q.Run
		}
	}
	was := ""
	if p.Previous != nil {
		was = p.Previous.Run
	}
	return was != before
}

// lookAtChain checks each run against the one that it was compared with, and sums up along the dates that are not stale.
func (o *observer) lookAtChain() {
	sums := map[string]int{}
	unbroken := true
	for i, date := range slices.Sorted(maps.Keys(o.stands)) {
		p := o.stands[date]
		if old := o.previous(p); p.Previous == nil || old != nil {
			o.checkDifference(p, old)
		}
		if unbroken = unbroken && !o.stale(date); unbroken {
			o.addUp(sums, p, i == 0 && p.Previous != nil)
		}
	}
}

// addUp adds the transitions of a run to what was before; from is set where the run is where counting begins.
func (o *observer) addUp(sums map[string]int, p *published, from bool) {
	if from {
		for user, m := range p.members {
			for name := range m.in {
				sums[user+" "+name] = 1
			}
		}
		return
	}
	for _, row := range p.transitions {
		key := row["user_id"] + " " + row["segment"]
		switch row["change"] {
		case "initial", "entered":
			sums[key]++
		case "exited":
			sums[key]--
		}
		if n := sums[key]; n != 0 && n != 1 {
			o.h.t.Errorf("%s: %s is entered less exited %d times", p.Date, key, n)
		}
	}
	members := 0
	for user, m := range p.members {
		for name := range m.in {
			if members++; sums[user+" "+name] != 1 {
				o.h.t.Errorf("%s: %s is a member, and entered less exited is %d", p.Date, user+" "+name, sums[user+" "+name])
			}
		}
	}
	for key, n := range sums {
		if members -= n; n == 0 {
			delete(sums, key)
		}
	}
	if members != 0 {
		o.h.t.Errorf("%s: there are %d more members than entered less exited", p.Date, members)
	}
}

// checkDifference checks that the transitions of a run are the difference between its membership and that of the run before,
// each difference once, and that since-dates go on where nothing changed.
func (o *observer) checkDifference(p, old *published) {
	want, got := map[string]string{}, map[string]string{}
	before := map[string]membership{}
	if old != nil {
		before = old.members
	}
	for user, m := range p.members {
		for name, stage := range m.in {
			was, in := before[user].in[name]
			switch {
			case !in:
				want[user+" "+name] = "in " + stage
			case was != stage:
				want[user+" "+name] = was + " moved " + stage
			default:
				o.checkSince(p, old, user, name)
				continue
			}
			if since := m.since[name]; since != "" && since != days(p.Date) {
				o.h.t.Errorf("run %s of %s: %s is in %s since day %s, and came today", p.Run, p.Date, user, name, since)
			}
		}
	}
	for user, m := range before {
		for name, stage := range m.in {
			if _, in := p.members[user].in[name]; !in {
				want[user+" "+name] = stage + " out"
			}
		}
	}
	for _, row := range p.transitions {
		words := map[string]string{
			"initial": "in " + row["to"], "entered": "in " + row["to"], "exited": row["from"] + " out", "moved": row["from"] + " moved " + row["to"],
		}
		key := row["user_id"] + " " + row["segment"]
		if got[key] != "" {
			o.h.t.Errorf("run %s of %s has two transitions of %s", p.Run, p.Date, key)
		}
		got[key] = words[row["change"]]
	}
	if !maps.Equal(got, want) {
		o.h.t.Errorf("run %s of %s: its transitions say\n%v\nand its membership differs from the one before in\n%v", p.Run, p.Date, got, want)
	}
}

// checkSince checks the date of a membership that goes on.
func (o *observer) checkSince(p, old *published, user, name string) {
	is, was := p.members[user].since[name], old.members[user].since[name]
	if was == "" {
		return // not published then; the twin knows
	}
	if is != "" && is != was {
		o.h.t.Errorf("run %s of %s: %s is in %s since day %s, and was since day %s", p.Run, p.Date, user, name, is, was)
	}
}
