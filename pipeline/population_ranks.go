package pipeline

import (
	"os"
	"sort"
	"sync"

	"strata/rules"
)

// A rankWriter takes the keys of one argument in ascending order and becomes a Ranking: in memory, or in a file where they
// would take too much.
type rankWriter struct {
	table *rules.RankTable // nil: in a file
	disk  *diskRanks
	spill spillFile
}

// newRankWriter makes one for at most so many keys.
func newRankWriter(most, users int64, held *allowance, spilled *spills) *rankWriter {
	if held.reserve(most * rules.RankBytes) {
		return &rankWriter{table: rules.NewRankTable(users)}
	}
	return &rankWriter{disk: &diskRanks{users: users, spills: spilled}, spill: spillFile{spills: spilled}}
}

// add adds the next key, with how many users have greater ones.
func (w *rankWriter) add(key uint64, above int64) error {
	if w.table != nil {
		w.table.Add(key, above)
		return nil
	}
	if w.disk.part = append(w.disk.part, key, uint64(above)); len(w.disk.part) == rankPage {
		return w.flush()
	}
	return nil
}

func (w *rankWriter) flush() error {
	if len(w.disk.part) == 0 {
		return nil
	}
	w.disk.firsts, w.disk.last = append(w.disk.firsts, w.disk.part[0]), len(w.disk.part)
	_, err := w.spill.append(wordBytes(w.disk.part))
	w.disk.file, w.disk.part = w.spill.file, w.disk.part[:0]
	return err
}

// finish returns the ranking.
func (w *rankWriter) finish() (rules.Ranking, error) {
	if w.table != nil {
		return w.table.Index(), nil
	}
	return w.disk, w.flush()
}

// rankPage is how many words of a ranking in a file are read at a time: pairs of a key and how many users are above it.
const rankPage = 512

// diskRanks is a ranking that lies in a file, but for the first key of every page.
type diskRanks struct {
	users  int64
	spills *spills
	file   *os.File
	firsts []uint64 // of each page
	last   int      // words of the last page
	part   []uint64 // of the page that is being written
	pages  sync.Pool
}

// Above returns how many users have greater keys.
func (d *diskRanks) Above(key uint64) (int64, error) {
	at := sort.Search(len(d.firsts), func(i int) bool { return d.firsts[i] > key }) - 1
	if at < 0 {
		return d.users, nil
	}
	page, _ := d.pages.Get().(*[rankPage]uint64)
	if page == nil {
		page = new([rankPage]uint64)
	}
	defer d.pages.Put(page)
	words := page[:]
	if at == len(d.firsts)-1 {
		words = page[:d.last]
	}
	if err := d.spills.read(d.file, int64(at)*rankPage*8, wordBytes(words)); err != nil {
		return 0, err
	}
	in := sort.Search(len(words)/2, func(i int) bool { return words[2*i] > key }) - 1 // the first is not
	return int64(words[2*in+1]), nil
}
