# make demo        everything to see the main job: packages, build, server, a real render through the API
# make test        everything to pass the tests
# make playground  builds the playground, which the next build of the server embeds
# make stop        ends the server that `make demo` left running

SHELL := /bin/bash
CARGO ?= cargo
# In CI the build outlives the clone.
ifdef CI
export CARGO_TARGET_DIR ?= $(HOME)/.cache/reelgraph/target
endif
TARGET := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)
LISTEN := $(if $(REELGRAPH_LISTEN),$(REELGRAPH_LISTEN),127.0.0.1:8080)
DATA := $(if $(REELGRAPH_DATA_DIR),$(REELGRAPH_DATA_DIR),data)
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

NODE_DIR := $(HOME)/.cache/reelgraph/node
export PATH := $(NODE_DIR)/node_modules/node/bin:$(PATH)
HAS_NODE := node -e 'process.exit(+process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null

BUILD_PACKAGES := build-essential pkg-config curl clang libclang-dev libavcodec-dev libavformat-dev libavutil-dev \
	libswscale-dev libswresample-dev
# For words beyond the scripts of the font that the service carries.
FONT_PACKAGES := fonts-noto-core fonts-noto-cjk fonts-noto-color-emoji
TEST_PACKAGES := postgresql redis-server chromium ffmpeg

.PHONY: all build demo test check playground packages test-packages node stop

all: build

# Installs what is missing, and asks for nothing that is there.
define install
	@missing=$$(for p in $(1); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then echo "Installing" $$missing; \
	$(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; fi
endef

packages:
	$(call install,$(BUILD_PACKAGES) $(FONT_PACKAGES))

test-packages: packages node
	$(call install,$(TEST_PACKAGES))
	@$(HAS_NODE) || { echo "The tests need Node 20 or later, and it could not be installed"; exit 1; }

# Debian's Node may be too old to build the playground: then npm brings one of its own, beside everything else.
node:
	@$(HAS_NODE) || { echo "Installing Node"; command -v npm >/dev/null || { $(SUDO) apt-get update -qq && \
	$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends npm >/dev/null; }; \
	npm install --silent --no-audit --no-fund --prefix $(NODE_DIR) node@24; $(HAS_NODE) || echo "Node 20 could not be installed"; }

# Only where Node is there: without it the server builds too, and its page says how to get the playground.
playground/dist/index.html: playground/package-lock.json playground/index.html playground/vite.config.ts $(wildcard playground/src/*) | node
	@if $(HAS_NODE); then cd playground && npm ci --silent --no-audit --no-fund && npm run --silent build; \
	else echo "Without Node 20 the playground is not built"; fi

playground: playground/dist/index.html

build: packages playground
	$(CARGO) build --release --locked

demo: build
	$(CARGO) build --release --locked --example demo
	@mkdir -p $(DATA)
	@if curl -sf http://$(LISTEN)/livez >/dev/null; then echo "Using the server that runs at http://$(LISTEN)"; else \
	REELGRAPH_DATA_DIR=$(DATA) setsid $(TARGET)/release/reelgraph serve >$(DATA)/server.log 2>&1 </dev/null & echo $$! >$(DATA)/server.pid; \
	for i in $$(seq 100); do curl -sf http://$(LISTEN)/readyz >/dev/null && break; \
	kill -0 $$(cat $(DATA)/server.pid) 2>/dev/null || break; sleep 0.1; done; \
	curl -sf http://$(LISTEN)/readyz >/dev/null || { echo "The server did not start:"; cat $(DATA)/server.log; exit 1; }; fi
	@REELGRAPH_URL=http://$(LISTEN) $(TARGET)/release/examples/demo
	@echo "The server goes on running; 'make stop' ends it. Its log: $(DATA)/server.log"

stop:
	@if [ -f $(DATA)/server.pid ]; then kill $$(cat $(DATA)/server.pid) 2>/dev/null; rm -f $(DATA)/server.pid; echo "Stopped"; \
	else echo "No server of 'make demo' runs"; fi

tests/web/node_modules/.package-lock.json: tests/web/package-lock.json | node
	cd tests/web && npm ci --silent --no-audit --no-fund

test: test-packages playground tests/web/node_modules/.package-lock.json
	@./tests/run.sh $(CARGO) test --release --locked --workspace

check:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --locked --workspace --all-targets -- -D warnings
