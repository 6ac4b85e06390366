# Two commands do everything: `make up` runs the example app, `make test` passes the tests.
# Both need Go and a C compiler. The other targets name what they need.

GO ?= go
WRIT = ./writ

.PHONY: up test build lint generate proto guests equivalence fuzz bench soak clean

up: build
	$(WRIT) up examples/guestbook

test:
	$(GO) vet ./...
	$(GO) test -timeout 20m ./...

build:
	$(GO) build -o writ ./cmd/writ

# Needs staticcheck: go install honnef.co/go/tools/cmd/staticcheck@v0.8.2
lint:
	test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) mod tidy -diff
	$(GO) vet ./...
	staticcheck ./...

# Needs protoc (Debian: protobuf-compiler), protoc-gen-go and protoc-gen-go-grpc.
generate:
	$(GO) generate ./...

# Whether the provider protocol is written by its rules and changed by them, since
# the commit before or BASE. Needs buf: go install github.com/bufbuild/buf/cmd/buf@v1.59.0
BASE ?= HEAD~1
proto:
	cd proto && buf lint
	@if git cat-file -e $(BASE):proto/buf.yaml 2>/dev/null; then \
	  cd proto && buf breaking --against '../.git#ref='$$(git rev-parse $(BASE))',subdir=proto'; \
	else echo "there is no $(BASE) with a protocol to compare with"; fi

# Components built by real toolchains; examples/README.md says what they need.
guests:
	$(MAKE) -C examples

# A million random pairs of grants and calls, on which the compiled matcher and plain Rego have to agree.
equivalence:
	$(GO) test ./broker -run 'Against(Naive|Rego)' -count 1 -timeout 30m -pairs 1000000

# Every fuzz target for FUZZTIME each. A worker that is busy when the time is up
# makes go test fail with "context deadline exceeded" and no input: that is not a finding.
FUZZTIME ?= 5s
fuzz:
	@set -e; for file in $$(git grep -l '^func Fuzz' -- '*_test.go'); do \
	  for target in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' $$file); do \
	    echo "$$(dirname $$file) $$target"; \
	    out=$$($(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) ./$$(dirname $$file) 2>&1) || \
	      { echo "$$out"; case "$$out" in *"Failing input"*) exit 1;; *"context deadline exceeded"*) ;; *) exit 1;; esac; }; \
	  done; done

bench:
	$(GO) test -run '^$$' -bench . -benchmem -count 5 ./...

# Mixed load by 200 clients for SOAK, while providers are killed, grants revoked and
# components replaced. Guests of toolchains join in when `make guests` has built them.
SOAK ?= 30m
soak:
	WRIT_SOAK=$(SOAK) $(GO) test -run '^TestSoak$$' -v -count 1 -timeout 0 .

clean:
	rm -rf writ build
