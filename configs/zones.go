package configs

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // for everybody else who calls time.LoadLocation on a machine without a zone database
)

// zoneinfo is the zone database of the Go release that builds strata. time.LoadLocation prefers the host's database to the
// one linked by time/tzdata, and a rule's answer must not depend on the host; so LoadZone reads this one. It also tells all
// names, for hints.
//
//go:generate sh -c "cp $(go env GOROOT)/lib/time/zoneinfo.zip zoneinfo.zip"
//go:embed zoneinfo.zip
var zoneinfo []byte

// zoneFiles opens the database once.
var zoneFiles = sync.OnceValue(func() *zip.Reader {
	files, err := zip.NewReader(bytes.NewReader(zoneinfo), int64(len(zoneinfo)))
	if err != nil {
		panic(err) // the build embedded it
	}
	return files
})

// LoadZone returns a zone of the database that is linked into the binary, never one of the machine: Local and the empty
// name are refused.
func LoadZone(name string) (*time.Location, error) {
	if name == "UTC" {
		return time.UTC, nil
	}
	if name == "" || strings.HasSuffix(name, "/") {
		return nil, fmt.Errorf("there is no zone %q", name)
	}
	for _, file := range zoneFiles().File {
		if file.Name != name {
			continue
		}
		body, err := file.Open()
		if err != nil {
			return nil, fmt.Errorf("zone %s: %w", name, err)
		}
		defer body.Close()
		data, err := io.ReadAll(body)
		if err != nil {
			return nil, fmt.Errorf("zone %s: %w", name, err)
		}
		return time.LoadLocationFromTZData(name, data)
	}
	return nil, fmt.Errorf("there is no zone %q", name)
}

// zoneNames lists the names of all zones.
func zoneNames() (names []string) {
	for _, file := range zoneFiles().File {
		if !strings.HasSuffix(file.Name, "/") {
			names = append(names, file.Name)
		}
	}
	return names
}
