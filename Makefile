# A thin front for people. CMake builds (CMakePresets.json); the work is done by the programs in tools/.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help build demo run test bench install package image image-test format check fuzz clean

help: ## this text
	@echo "Peeper: a server for stateful actors whose state survives crashes of their code."
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20
	@echo
	@echo "Needs Debian 12; missing packages (tools/packages.txt) are installed by apt-get, with sudo if you are not root."

build: ## build the release into build/ (binaries in build/bin, example behaviours in build/behaviours)
	@tools/bootstrap build
	@tools/build release

demo: build ## build, start a server on free ports, play the scenario of the README, stop the server
	@tools/demo build

run: build ## build and serve on 127.0.0.1:7420 (TCP) and 127.0.0.1:7421 (HTTP) until Ctrl-C
	@echo "make: serving build/behaviours; Ctrl-C ends it. Try: build/bin/peeper start MyServer --behaviour counter --state 0"
	@exec build/bin/peeperd --listen 127.0.0.1:7420 --http 127.0.0.1:7421 --behaviours build/behaviours

test: ## install what the tests need, build, run every test; STAGES="format unit-asan" runs only some
	@tools/bootstrap build test
	@tools/test $(STAGES)

bench: ## compare with Redis and an Erlang gen_server in one run; writes build/bench.json
	@tools/bootstrap build bench
	@tools/build release
	@/usr/bin/python3 bench/run.py --build build

install: build ## install below PREFIX (/usr/local), in DESTDIR if that is set; as root where those need it
	@cmake --install build --prefix "$(or $(PREFIX),/usr/local)"

package: build ## make a Debian package: build/peeper_VERSION_ARCH.deb
	@cd build && cpack -G DEB

image: ## build docker/Dockerfile: by Docker, or where no engine runs by buildah (as root)
	@tools/image

image-test: image ## run the image read-only, not as root, and check that it serves, heals and ends
	@tools/image-test

format: ## format the C sources in place
	@tools/bootstrap test
	@tools/format

check: ## format and house rules only; a few seconds
	@tools/bootstrap test
	@tools/test format house-rules

fuzz: ## run every fuzzer for FUZZ_SECONDS (60) with its committed corpus
	@tools/bootstrap build test
	@FUZZ_SECONDS=$${FUZZ_SECONDS:-60} tools/test fuzz

clean: ## remove all build folders
	@echo "make: removing build/ and build-*/"
	@rm -rf build build-*/
