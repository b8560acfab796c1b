package main_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// ground is what every room may import: it knows nothing of the others.
var ground = []string{"pipeline/objects", "pipeline/ids", "pipeline/tables"}

// mayImport says which other rooms each room's code may import: DESIGN.md section 5, where arrows point downwards. A room is
// a folder with all that is below it, unless that has a line of its own. Test files may import any room but cmd: a test of
// the whole job stands in pipeline and needs readers and writers.
var mayImport = map[string][]string{
	"cmd":                  append([]string{"configs", "rules", "readers", "writers", "pipeline", "pipeline/catalog", "pipeline/distributed"}, ground...),
	"configs":              ground,
	"rules":                append([]string{"configs"}, ground...),
	"readers":              append([]string{"configs"}, ground...),
	"writers":              append([]string{"configs"}, ground...),
	"pipeline":             append([]string{"configs", "rules", "pipeline/catalog"}, ground...),
	"pipeline/catalog":     append([]string{"configs"}, ground...),
	"pipeline/distributed": append([]string{"configs", "rules", "pipeline", "pipeline/catalog"}, ground...),
	"pipeline/bench":       append([]string{"configs", "rules", "readers", "writers", "pipeline", "pipeline/catalog"}, ground...),
	"pipeline/objects":     nil,
	"pipeline/ids":         nil,
	"pipeline/tables":      {"pipeline/ids"},
}

// onlyIn says where heavy or telling libraries may be imported, tests aside; everyone else goes through those folders.
var onlyIn = map[string][]string{
	"strata/pipeline/objects/gcs":    {"cmd"},
	"strata/pipeline/objects/s3":     {"cmd"},
	"cloud.google.com/go/storage":    {"cmd", "pipeline/objects/gcs"},
	"github.com/aws/aws-sdk-go-v2":   {"cmd", "pipeline/objects/s3"},
	"github.com/spf13/cobra":         {"cmd"},
	"github.com/vbauerster/mpb/v8":   {"cmd"},
	"github.com/parquet-go":          {"cmd", "readers", "writers", "pipeline/bench"},
	"github.com/apache/arrow/go/v17": {"cmd", "rules", "readers", "writers", "pipeline"},
}

// A goFile is one Go file of the repository, parsed as far as its imports.
type goFile struct {
	name string // from the root, with forward slashes
	ast  *ast.File
}

func (f goFile) folder() string { return path.Dir(f.name) }
func (f goFile) isTest() bool   { return strings.HasSuffix(f.name, "_test.go") }

// isTestHelp tells packages such as objectstest, which only tests import and which may use package testing.
func (f goFile) isTestHelp() bool { return strings.HasSuffix(f.ast.Name.Name, "test") }

// imports returns the import paths of the file, in order.
func (f goFile) imports() []string {
	var paths []string
	for _, spec := range f.ast.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

func TestImportsPointDownwards(t *testing.T) {
	for _, f := range goFiles(t) {
		from := roomOf(f.folder())
		for _, p := range f.imports() {
			to, ours := strings.CutPrefix(p, "strata/")
			to = roomOf(to)
			if !ours || to == from {
				continue
			}
			allowed := slices.Contains(mayImport[from], to)
			if f.isTest() || f.isTestHelp() {
				allowed = to != "cmd"
			}
			if !allowed {
				t.Errorf("%s imports %s: room %q may import %v", f.name, p, from, mayImport[from])
			}
		}
	}
}

func TestImportsOfLibrariesStayInTheirRooms(t *testing.T) {
	for _, f := range goFiles(t) {
		if f.isTest() || f.isTestHelp() {
			continue
		}
		for _, p := range f.imports() {
			for library, folders := range onlyIn {
				if within(p, library) && !within(f.folder(), folders...) {
					t.Errorf("%s imports %s, which is for %v only", f.name, p, folders)
				}
			}
		}
	}
}

func TestImportsThatNobodyMay(t *testing.T) {
	for _, f := range goFiles(t) {
		for _, p := range f.imports() {
			switch {
			case within(p, "github.com/apache/arrow/go/v17/parquet"):
				t.Errorf("%s imports %s: Parquet is read and written with parquet-go", f.name, p)
			case within(p, "github.com/google/cel-go"):
				t.Errorf("%s imports %s: the module is called cel.dev/cel-go now", f.name, p)
			case p == "testing" && !f.isTest() && !f.isTestHelp():
				t.Errorf("%s imports testing, but is neither a test nor in a package named ...test", f.name)
			case strings.HasSuffix(p, "test") && strings.HasPrefix(p, "strata/") && !f.isTest() && !f.isTestHelp():
				t.Errorf("%s imports %s, which is for tests", f.name, p)
			}
		}
	}
}

func TestImportsLinkTheZoneDatabase(t *testing.T) {
	for _, f := range goFiles(t) {
		if !f.isTest() && slices.Contains(f.imports(), "time/tzdata") {
			return
		}
	}
	t.Error("nobody imports time/tzdata: zones would then depend on the machine")
}

func TestFoldersAreTheRooms(t *testing.T) {
	for _, f := range goFiles(t) {
		if _, known := mayImport[roomOf(f.folder())]; !known {
			t.Errorf("%s lies outside the folders of DESIGN.md section 5", f.name)
		}
	}
}

func TestFoldersHavePackageComments(t *testing.T) {
	comments := map[string]string{}
	for _, f := range goFiles(t) {
		if !f.isTest() {
			comments[f.folder()] += f.ast.Doc.Text()
		}
	}
	for folder, comment := range comments {
		if !strings.HasPrefix(comment, "Package ") && !strings.HasPrefix(comment, "Command ") {
			t.Errorf("folder %s has no package comment that starts with Package or Command: %.60q", folder, comment)
		}
	}
}

// goFiles parses every Go file of the main module. Folders whose names start with a dot are other modules or none of ours.
func goFiles(t *testing.T) []goFile {
	t.Helper()
	const root = "../.."
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Skipf("the sources are not around: %v", err)
	}
	var files []goFile
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil || rel == "." {
			return err
		}
		if entry.IsDir() && isNoPackage(rel) {
			return filepath.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly|parser.ParseComments)
		files = append(files, goFile{filepath.ToSlash(rel), parsed})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// isNoPackage tells the folders that the go command passes over, and those that make and the demo fill.
func isNoPackage(rel string) bool {
	base := filepath.Base(rel)
	return base[0] == '.' || base[0] == '_' || base == "testdata" || slices.Contains([]string{"bin", "build", "demo"}, rel)
}

// roomOf returns the room of a folder: the longest one that has a line in mayImport, else the folder itself.
func roomOf(folder string) string {
	for room := folder; room != "."; room = path.Dir(room) {
		if _, known := mayImport[room]; known {
			return room
		}
	}
	return folder
}

// within tells whether p is one of roots, or below one.
func within(p string, roots ...string) bool {
	return slices.ContainsFunc(roots, func(root string) bool { return p == root || strings.HasPrefix(p, root+"/") })
}
