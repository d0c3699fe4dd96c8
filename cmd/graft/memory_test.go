//go:build linux

package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The process as a whole stays within --memory, also with a teacher that runs in every step, and where the last batch of an
// epoch is smaller than the others.
func TestMemoryHolds(t *testing.T) {
	if testing.Short() {
		t.Skip("trains networks")
	}
	dir := t.TempDir()
	env := append(os.Environ(), "PATH="+binaries(t)+string(os.PathListSeparator)+os.Getenv("PATH"))
	setUp(dir, func(key, value string) { env = append(env, key+"="+value) })
	if err := writePhotos(filepath.Join(dir, "photos"), 20, []string{"cat", "dog"}); err != nil {
		t.Fatal(err)
	}
	peak := func(flags string) int64 {
		cmd := exec.Command("graft", append(strings.Fields("train photos --strategy finetune --tune-epochs 1 --epochs 1 --size 128 --tune-batch 24 --no-cache -o"),
			strings.Fields(t.TempDir()+"/run "+flags)...)...)
		if cmd.Err != nil { // the program is looked for in the test's own PATH
			cmd.Path, cmd.Err = filepath.Join(binaries(t), "graft"), nil
		}
		cmd.Dir, cmd.Env = dir, env
		text, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatal(errors.Join(err, errors.New(string(text))))
		}
		return cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss * 1024
	}
	for _, c := range []struct {
		flags string
		limit int64
	}{
		{"--memory 240MB", 240e6},
		{"--memory 300MB --teacher graft_s --augment hflip", 300e6},
	} {
		if got := peak(c.flags); got > c.limit || got < c.limit/2 {
			t.Errorf("%s: %d MB", c.flags, got/1e6)
		}
	}
}
