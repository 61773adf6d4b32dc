# The front door. `make help` lists what there is.
.DEFAULT_GOAL := help
SHELL := /bin/bash
JOBS ?= $(shell nproc)
.PHONY: help deps build run test bench fuzz check format docs install clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

deps:
	@scripts/install-deps

build: deps ## the program, at build/sallyport
	@cmake --preset release >/dev/null
	@cmake --build build -j $(JOBS) --target sallyport
