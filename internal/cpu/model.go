package cpu

import (
	"os"
	"runtime"
	"strings"
)

// Model returns the processor's name as its maker writes it, or the architecture's where the system does not tell.
func Model() string {
	switch runtime.GOOS {
	case "linux":
		if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
			return modelIn(string(text))
		}
	case "windows":
		if name := os.Getenv("PROCESSOR_IDENTIFIER"); name != "" {
			return name
		}
	}
	return runtime.GOARCH
}

// modelIn finds the name in the text of Linux's /proc/cpuinfo.
func modelIn(text string) string {
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.Join(strings.Fields(value), " ")
		}
	}
	return runtime.GOARCH
}
