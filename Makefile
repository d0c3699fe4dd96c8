# Everyday commands. `make check` is what CI runs.
export CGO_ENABLED = 0

.PHONY: check test bench fuzz generate golden

check:
	.ci/run

test:
	go test ./...

bench:
	go test -run '^$$' -bench . -benchmem ./...

# Regenerates generated code.
generate:
	go generate ./...

# Rewrites golden files from what the code gives now; read the diff.
golden:
	UPDATE_GOLDEN=1 go test ./...

# make fuzz T=FuzzDecode P=./internal/onnx TIME=10m
TIME ?= 5m
fuzz:
	go test -run '^$$' -fuzz '^$(T)$$' -fuzztime $(TIME) $(P)
