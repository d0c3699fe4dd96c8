package graft_test

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/graft-ml/graft"

// above names, for each package, the packages of this module that it may import. What stands here is the
// direction of the architecture: docs/architecture.md tells why. Test files may import more, see below.
var above = map[string][]string{
	"internal/sniff":          {},
	"internal/cpu":            {},
	"internal/tensor":         {},
	"internal/random":         {},
	"internal/atomicfile":     {},
	"internal/sample":         {},
	"metric":                  {},
	"dataset":                 {"internal/sniff"},
	"internal/kernel":         {"internal/cpu"},
	"internal/kernel/asm":     {},
	"internal/kernel/asm/gen": {"internal/kernel/asm"},
	"internal/check":          {"internal/cpu", "internal/tensor"},
	"internal/report":         {"metric"},
	"internal/decode":         {"internal/cpu", "internal/kernel", "internal/sniff"},
	"internal/transform":      {"internal/cpu", "internal/kernel", "internal/random", "internal/tensor"},
	"internal/nn":             {"internal/cpu", "internal/kernel", "internal/tensor"},
	"internal/onnx":           {"internal/nn", "internal/tensor"},
	"internal/weights":        {"internal/onnx", "internal/sniff", "internal/tensor", "internal/weights/hdf5", "internal/weights/pickle"},
	"internal/weights/hdf5":   {},
	"internal/weights/pickle": {},
	"internal/hub":            {"internal/atomicfile", "internal/sniff", "internal/weights"},
	"internal/loader":         {"dataset", "internal/decode", "internal/random", "internal/transform", "internal/tensor"},
	"internal/backbone":       {"internal/hub", "internal/random", "internal/weights", "internal/nn", "internal/onnx", "internal/transform", "internal/tensor"},
	"internal/feature":        {"internal/atomicfile", "internal/nn", "internal/backbone", "internal/loader", "internal/transform", "dataset"},
	"internal/cluster":        {"internal/kernel", "internal/nn"},
	"internal/quant":          {"internal/nn", "internal/tensor"},
	"internal/strategy":       {"internal/nn", "internal/train", "metric"},
	"internal/train":          {"internal/cluster", "internal/nn", "internal/random", "internal/loader", "internal/transform", "internal/tensor", "metric", "internal/feature", "internal/atomicfile"},
	"": {"dataset", "metric", "internal/atomicfile", "internal/backbone", "internal/cluster", "internal/cpu", "internal/decode", "internal/feature", "internal/hub", "internal/kernel", "internal/loader",
		"internal/nn", "internal/onnx", "internal/quant", "internal/report", "internal/sample", "internal/sniff", "internal/strategy", "internal/tensor", "internal/train", "internal/transform", "internal/weights"},
	"bench/tinyimagenet": {"internal/decode"},
	"examples/recipe":    {""},
	"cmd/graft":          {"", "dataset", "metric", "internal/atomicfile", "internal/cpu", "internal/loader", "internal/report", "internal/sample", "internal/transform"},
}

// stdOnly lists the packages that import nothing but the standard library and golang.org/x; withGonum may
// use gonum too.
var (
	stdOnly = []string{"internal/sniff", "internal/cpu", "internal/tensor", "internal/random", "internal/atomicfile", "internal/sample", "internal/check", "internal/kernel", "internal/kernel/asm", "internal/kernel/asm/gen",
		"internal/weights/hdf5", "internal/weights/pickle"}
	withGonum = []string{"metric", "dataset"}
)

// generated is how the go command recognises generated files.
var generated = regexp.MustCompile(`(?m)^// Code generated .* DO NOT EDIT\.$`)

func TestImportsGoOneWay(t *testing.T) {
	for _, file := range goFiles(t) {
		pkg := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(file)), ".")
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		allowed, known := above[pkg]
		if !known {
			t.Errorf("%s: package %q has no row in the table of imports", file, pkg)
			continue
		}
		for _, spec := range f.Imports {
			checkImport(t, file, pkg, strings.Trim(spec.Path.Value, `"`), allowed)
		}
	}
}

func checkImport(t *testing.T, file, pkg, path string, allowed []string) {
	t.Helper()
	test := strings.HasSuffix(file, "_test.go")
	inner, ours := strings.CutPrefix(path, module)
	inner = strings.TrimPrefix(inner, "/")
	switch {
	case path == "C":
		t.Errorf("%s: imports C: the default build has no cgo", file)
	case ours && test:
		// A test may look at anything but the commands.
		if inner == "cmd/graft" {
			t.Errorf("%s: imports a command", file)
		}
	case ours:
		if inner == "internal/check" || !slices.Contains(allowed, inner) {
			t.Errorf("%s: %s may not import %s", file, pkg, inner)
		}
	case !test && slices.Contains(stdOnly, pkg):
		if isModule(path) && !strings.HasPrefix(path, "golang.org/x/") {
			t.Errorf("%s: imports %s: %s is for the standard library and golang.org/x alone", file, path, pkg)
		}
	case !test && slices.Contains(withGonum, pkg):
		if isModule(path) && !strings.HasPrefix(path, "golang.org/x/") && !strings.HasPrefix(path, "gonum.org/v1/gonum/") {
			t.Errorf("%s: imports %s: %s is for the standard library, golang.org/x and gonum alone", file, path, pkg)
		}
	}
}

// isModule reports whether path is outside the standard library: its first element has a dot.
func isModule(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return strings.Contains(first, ".")
}

func TestFilesAndFunctionsStayShort(t *testing.T) {
	const fileLines, funcLines = 800, 80
	for _, file := range goFiles(t) {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if generated.Match(src) {
			continue
		}
		if n := strings.Count(string(src), "\n"); n > fileLines {
			t.Errorf("%s: %d lines, the limit is %d", file, n, fileLines)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, file, src, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := set.Position(fn.End()).Line - set.Position(fn.Pos()).Line + 1; n > funcLines {
				t.Errorf("%s: %s has %d lines, the limit is %d", file, fn.Name.Name, n, funcLines)
			}
		}
	}
}

func TestEveryPackageIsDocumented(t *testing.T) {
	documented := map[string]bool{}
	for _, file := range goFiles(t) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		dir := filepath.Dir(file)
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		documented[dir] = documented[dir] || f.Doc != nil
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s: no package comment", dir)
		}
	}
}

// Nothing is left open in a path that ships, and no path of a machine stands in the repository.
func TestNothingLeftOpen(t *testing.T) {
	open := regexp.MustCompile(`\b(TODO|FIXME|XXX)\b`)
	for _, file := range goFiles(t) {
		if file == "policy_test.go" {
			continue
		}
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		sc := bufio.NewScanner(f)
		sc.Buffer(nil, 1<<20)
		for line := 1; sc.Scan(); line++ {
			if open.MatchString(sc.Text()) {
				t.Errorf("%s:%d: %s", file, line, strings.TrimSpace(sc.Text()))
			}
		}
		f.Close()
	}
}

// goFiles lists the module's Go files, relative to its root; folders that the go command ignores, and
// nested modules, are left out.
func goFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." {
			_, nested := os.Stat(filepath.Join(path, "go.mod"))
			if name := d.Name(); name[0] == '.' || name[0] == '_' || name == "testdata" || nested == nil {
				return fs.SkipDir
			}
		}
		if strings.HasSuffix(path, ".go") {
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
