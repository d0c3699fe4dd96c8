package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A run that is told to end keeps its state, says how to go on, exits as a shell expects, and goes on to the bytes of a
// run that was not.
func TestSignals(t *testing.T) {
	if testing.Short() || runtime.GOOS == "windows" {
		t.Skip("starts and signals processes")
	}
	dir := t.TempDir()
	env := append(os.Environ(), "PATH="+binaries(t)+string(os.PathListSeparator)+os.Getenv("PATH"))
	setUp(dir, func(key, value string) { env = append(env, key+"="+value) })
	if err := errors.Join(writePhotos(filepath.Join(dir, "photos"), 8, []string{"cat", "dog"}), writeCNN(filepath.Join(dir, "network.onnx"))); err != nil {
		t.Fatal(err)
	}
	run := func(out string, more ...string) (*exec.Cmd, *bytes.Buffer) {
		args := append(strings.Fields("train photos --strategy finetune --backbone network.onnx --input-mode tf --size 64 --epochs 2"+
			" --tune-batch 4 --tune-epochs 40 --tune-patience -1 --seed 3 -o "+out), more...)
		cmd, text := exec.Command("graft", args...), new(bytes.Buffer)
		if cmd.Err != nil { // the program is looked for in the test's own PATH
			cmd.Path, cmd.Err = filepath.Join(binaries(t), "graft"), nil
		}
		cmd.Dir, cmd.Env, cmd.Stderr = dir, env, text
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, text
	}
	if cmd, text := run("whole"); cmd.Wait() != nil {
		t.Fatalf("%s", text)
	}
	model := func(out string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, out, "model.onnx"))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		out := strings.ReplaceAll(sig.String(), " ", "-")
		for try := 1; ; try++ {
			cmd, text := run(out)
			for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
				if steps, _ := filepath.Glob(filepath.Join(dir, out+".partial", "step-*")); steps != nil {
					break
				}
			}
			cmd.Process.Signal(sig)
			if err := cmd.Wait(); err == nil && try < 5 { // it was faster than the signal
				os.RemoveAll(filepath.Join(dir, out))
				continue
			}
			if got, want := cmd.ProcessState.ExitCode(), 128+int(sig); got != want {
				t.Fatalf("%v: exit code %d, want %d: %s", sig, got, want, text)
			}
			for _, want := range []string{"--resume goes on with it", "graft: stopped by " + sig.String()} {
				if !strings.Contains(text.String(), want) {
					t.Errorf("%v: it says %s, want %q", sig, text, want)
				}
			}
			break
		}
		if cmd, text := run(out, "--resume"); cmd.Wait() != nil || !strings.Contains(text.String(), "going on from ") {
			t.Fatalf("%v: resumed: %s", sig, text)
		}
		if !bytes.Equal(model(out), model("whole")) {
			t.Errorf("%v: another model", sig)
		}
	}
}
