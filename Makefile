# Everyday commands. `make check` is what CI runs.
export CGO_ENABLED = 0

.PHONY: check test test-arm64 bench fuzz generate golden goldens full bench-peers roofline kill-test

check:
	.ci/run

test:
	go test ./...

# Runs the tests of the engine on arm64, emulated by qemu-user-static: ten minutes.
test-arm64:
	GOARCH=arm64 go test -short -timeout 60m -exec qemu-aarch64-static ./internal/kernel ./internal/nn

bench:
	go test -run '^$$' -bench . -benchmem ./...

# Measures graft beside ONNX Runtime and OpenVINO, in turns: make bench-peers NETS='resnet50 mine.onnx'
bench-peers:
	bench/run $(NETS)

# Measures the layers of ResNet50 and writes the table in docs/kernels.md.
roofline:
	bench/roofline

# Regenerates generated code.
generate:
	go generate ./...

# Rewrites golden files from what the code gives now; read the diff.
golden:
	UPDATE_GOLDEN=1 go test ./...

# Compares every architecture with its golden files at every size; go test leaves out the costly ones.
goldens:
	GRAFT_GOLDEN=all go test ./internal/backbone -timeout 60m

# make full FULL=DIR, where testdata/backbones/make_all.sh DIR/.. full has written the libraries' own files.
FULL ?= full
full:
	GRAFT_FULL=$(abspath $(FULL)) go test ./internal/backbone -run TestFull -v -timeout 60m

# make fuzz T=FuzzDecode P=./internal/onnx TIME=10m
TIME ?= 5m
fuzz:
	go test -run '^$$' -fuzz '^$(T)$$' -fuzztime $(TIME) $(P)

# Kills small runs at every step of a commit and KILLS times at random moments, for each strategy; each must go on to the same bytes.
KILLS ?= 100
kill-test:
	GRAFT_KILLS=$(KILLS) go test . -run '^TestKill$$' -count=1 -v -timeout 60m
