# The front door. `make help` lists what there is.
.DEFAULT_GOAL := help
SHELL := /bin/bash
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60
MUTANTS ?= 100
HOURS ?= 1
SEED ?= 1
PREFIX ?= /usr/local
A ?= main
B ?= .
.PHONY: help deps build run test check bench bench-compare fuzz mutate kernel-soak soak systemd format install coverage tsan clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 15

deps:
	@scripts/install-deps

build: ## the program, at build/sallyport
	@scripts/install-deps build
	@[ -f build/build.ninja ] || \
	  cmake --preset release -DSALLYPORT_TESTS=OFF -DSALLYPORT_BENCH=OFF >/dev/null
	@cmake --build build -j $(JOBS) --target sallyport_main

run: build ## the main job: SSDP discovery through five policies, packet by packet
	@scripts/demo

test: ## every test: release, sanitizers, fuzzers for some seconds each, layers
	@scripts/install-deps test
	@scripts/test

check: deps ## what to run before each commit, under a minute: format, tidy, layers
	@scripts/check

bench: deps ## the benchmarks, beside DPDK's hash table; writes docs/performance.md
	@cmake --preset release -DSALLYPORT_BENCH=ON >/dev/null
	@cmake --build build -j $(JOBS) --target sallyport_bench
	@scripts/bench

bench-compare: deps ## is B (default: this tree) faster than A (default: main)? runs both in turns
	@scripts/bench-compare $(A) $(B)

fuzz: deps ## each fuzzer for FUZZ_SECONDS (60)
	@scripts/fuzz $(FUZZ_SECONDS)

mutate: deps ## MUTANTS (100) small mistakes put into the code, drawn with SEED (1): do the tests notice?
	@cmake --preset release >/dev/null
	@cmake --build build -j $(JOBS)
	@scripts/mutate --seed $(SEED) --count $(MUTANTS)

kernel-soak: deps ## random traffic before Linux and the engine until stopped; differing scripts go to found/
	@cmake --preset release >/dev/null
	@cmake --build build -j $(JOBS) --target kernel_differential
	@build/kernel_differential --soak --keep found

soak: build ## a daemon under traffic, commands and reloads for HOURS (1): does it hold what it holds?
	@scripts/install-deps test
	@SALLYPORT_SOAK=$$(( $(HOURS) * 3600 )) python3 tests/live/soak_test.py build/sallyport

systemd: deps ## the unit under a real systemd, in a Debian 12 that is fetched for it (debootstrap)
	@cmake --preset release >/dev/null
	@cmake --build build -j $(JOBS)
	@python3 tests/live/systemd_test.py build

tsan: deps ## the tests under the thread sanitizer
	@cmake --preset tsan >/dev/null
	@cmake --build build-tsan -j $(JOBS)
	@ctest --test-dir build-tsan -j $(JOBS) --output-on-failure

coverage: deps ## the tests with coverage counted (gcov files in build-coverage)
	@cmake --preset coverage >/dev/null
	@cmake --build build-coverage -j $(JOBS)
	@ctest --test-dir build-coverage -j $(JOBS) --output-on-failure

format: deps ## format all sources in place
	@git ls-files '*.cc' '*.h' | xargs clang-format-19 -i

install: build ## the program, the library and its CMake package, under PREFIX
	@cmake --build build -j $(JOBS)
	@cmake --install build --prefix $(PREFIX)

clean: ## remove what was built
	@rm -rf build build-asan build-tsan build-fuzz build-coverage
