package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Documents whose command blocks are run, relative to the repository's root.
const documents = "README.md docs/*.md"

// A command block is a fenced block of "sh". A comment in front of it may say what it needs:
//
//	<!-- needs: network -->   run on what standIns puts where the network would, or, if GRAFT_DOCS_NETWORK is set, as it is
//	<!-- needs: data -->      run on a small stand-in, or, if GRAFT_DATA names the folder, on the real files
//	<!-- needs: tests -->     not run: it runs these tests
var blocks = regexp.MustCompile("(?ms)^(?:<!-- needs: (\\w+) -->\n)?```sh\n(.*?)^```$")

func TestCommandsInDocuments(t *testing.T) {
	if testing.Short() {
		t.Skip("runs every command of the documents")
	}
	found := 0
	for pattern := range strings.FieldsSeq(documents) {
		files, err := filepath.Glob(filepath.Join("..", "..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			matches := blocks.FindAllStringSubmatch(string(text), -1)
			found += len(matches)
			t.Run(filepath.Base(file), func(t *testing.T) { runBlocks(t, matches) })
		}
	}
	if found == 0 {
		t.Error("no command blocks found in the documents")
	}
}

// runBlocks runs a document's blocks in order in one folder, as a reader would.
func runBlocks(t *testing.T, matches [][]string) {
	dir := t.TempDir()
	env := append(os.Environ(), "PATH="+binaries(t)+string(os.PathListSeparator)+os.Getenv("PATH"))
	setUp(dir, func(key, value string) { env = append(env, key+"="+value) })
	standIns(t, dir)
	if os.Getenv("GRAFT_DOCS_NETWORK") == "" {
		env = append(env, "PATH="+offline(t, dir)+string(os.PathListSeparator)+binaries(t)+string(os.PathListSeparator)+os.Getenv("PATH"))
	}
	for _, m := range matches {
		needs, script := m[1], m[2]
		if needs == "tests" {
			continue
		}
		script = strings.ReplaceAll(script, "go run ./cmd/graft", "graft")
		if strings.Contains(script, cutterCommand) {
			script = strings.ReplaceAll(script, cutterCommand, cutter(t))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		cmd := exec.CommandContext(ctx, "sh", "-e", "-c", script)
		cmd.Dir, cmd.Env = dir, env
		out, err := cmd.CombinedOutput()
		cancel()
		if err != nil {
			t.Fatalf("%s\n%s\n%v", script, out, err)
		}
	}
}

// cutterCommand is how documents call the tool that cuts mosaics.
const cutterCommand = "go run ./bench/tinyimagenet"

// cutter builds that tool and returns its path.
func cutter(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tinyimagenet")
	if out, err := exec.Command("go", "build", "-o", path, "../../bench/tinyimagenet").CombinedOutput(); err != nil {
		t.Fatalf("%s\n%v", out, err)
	}
	return path
}

// binaries returns a folder in which this test program goes by the name graft.
func binaries(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, filepath.Join(dir, "graft"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
