# Every command that a person needs. Each does its own set-up; the first run builds a control plane (about 12 minutes on 2 cores).
#
#   make test                            everything that is checked
#   make demo [REPO=… BRANCH=…]          mirror and controller at work on a control plane of their own, or on CONTEXT=<kubeconfig context>
#   make bench                           the figures, beside the alternatives
#   make lint                            format and clippy
#   make images                          the images of beadlet and of the agents, by docker, podman or buildah

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := test
.PHONY: test demo bench lint images setup control-plane

# Where rustup and Go's installer put things, which a login-less shell often does not know.
export PATH := $(PATH):$(HOME)/.cargo/bin:/usr/local/go/bin
# The tests wait for servers more than they compute.
export RUST_TEST_THREADS ?= $(shell n=$$(nproc 2>/dev/null || echo 4); echo $$(( n < 4 ? 4 : n )))

TARGET := $(or $(CARGO_TARGET_DIR),target)
CARGO_FLAGS := --locked --workspace

test: control-plane lint
	@if why=$$($(TARGET)/debug/testbed can-be-node 2>&1); then cargo test $(CARGO_FLAGS); \
	elif [ -n "$${CI:-}" ]; then echo "the tests with real pods must not be left out here: $$why" >&2; exit 1; \
	else echo "THE TESTS WITH REAL PODS ARE LEFT OUT: $$why" >&2; cargo test $(CARGO_FLAGS) -- --skip pod::; fi

lint: setup
	cargo fmt --all --check
	cargo clippy $(CARGO_FLAGS) --all-targets -- -D warnings

# With all targets at once: the tests start the programs `beadlet` and `testbed`, and all share one build of everything else.
control-plane: setup
	@echo "building the Rust programs and tests: about 3 minutes on 2 idle cores the first time"
	cargo build $(CARGO_FLAGS) --all-targets
	$(TARGET)/debug/testbed build

demo: setup
	@echo "building the Rust programs, optimised: about 9 minutes on 2 cores the first time"
	cargo build $(CARGO_FLAGS) --bins --release
	$(if $(CONTEXT),,$(TARGET)/release/testbed build)
	$(TARGET)/release/demo $(if $(REPO),--repo "$(REPO)") $(if $(BRANCH),--branch "$(BRANCH)") $(if $(CONTEXT),--context "$(CONTEXT)") $(if $(ONCE),--once)

bench: setup
	cargo build $(CARGO_FLAGS) --bins --release
	$(TARGET)/release/testbed build
	$(TARGET)/release/bench $(BENCH)

# The images of deploy/images, by the first of these that is there.
BUILDER ?= $(firstword $(foreach program,docker podman buildah,$(if $(shell command -v $(program)),$(program))))
TRIPLE = $(shell rustc --version --verbose | sed -n 's/^host: //p')
VERSION := $(shell sed -n '0,/^version = /s/^version = "\(.*\)"/\1/p' Cargo.toml)

images: setup
	@test -n "$(BUILDER)" || { echo "building images takes docker, podman or buildah" >&2; exit 1; }
	cargo build --locked --release --package beadlet
	RUSTFLAGS="-C target-feature=+crt-static" cargo build --locked --profile supervisor --package beadlet-supervise --target $(TRIPLE) --target-dir $(TARGET)/static
	mkdir -p $(TARGET)/image
	strip --strip-debug -o $(TARGET)/image/beadlet $(TARGET)/release/beadlet
	cp $(TARGET)/static/$(TRIPLE)/supervisor/beadlet-supervise $(TARGET)/image
	$(BUILDER) build --tag beadlet:$(VERSION) --file deploy/images/beadlet.Containerfile $(TARGET)/image
	for agent in opencode claude-code; do $(BUILDER) build --tag beadlet-$$agent:$(VERSION) --file deploy/images/$$agent.Containerfile deploy/images; done

# The compilers, the libraries that libgit2 needs, and the servers that the tests clone from.
PACKAGES := gcc libc6-dev pkg-config libssl-dev zlib1g-dev git git-lfs openssh-server openssh-client ca-certificates
# What makes this machine a node of a cluster, for real pods. Only root can have one.
ifeq ($(shell id -u)-$(shell uname),0-Linux)
PACKAGES += runc containernetworking-plugins busybox-static iproute2 util-linux mount buildah debootstrap binutils python3
endif

setup:
	@if ! command -v dpkg-query >/dev/null; then exit 0; fi; \
	installed() { dpkg-query -W -f '$${Status}' "$$1" 2>/dev/null | grep -q 'ok installed'; }; \
	missing=; for package in $(PACKAGES); do installed $$package || missing="$$missing $$package"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" != 0 ]; then echo "these packages are missing: run  sudo apt-get install$$missing" >&2; exit 1; fi; \
	export DEBIAN_FRONTEND=noninteractive; apt-get update; apt-get install -y --no-install-recommends $$missing
	@for program in cc pkg-config git ssh-keygen; do \
	command -v $$program >/dev/null || { echo "$$program is missing: install the equivalents of $(PACKAGES)" >&2; exit 1; }; done
	@command -v cargo >/dev/null || { echo "cargo is missing: install Rust, see https://rustup.rs" >&2; exit 1; }
	@command -v go >/dev/null || [ -n "$${KUBEBUILDER_ASSETS:-}$(CONTEXT)" ] || \
	{ echo "go is missing: install Go $$(sed -n 's/^go //p' tests/testbed/go/kubernetes/go.mod) or newer, see https://go.dev/dl" >&2; exit 1; }
