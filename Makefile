# `make demo` shows the portal with a sample district, `make test` runs every test. README.md tells the rest.
BIN := .venv/bin
.PHONY: setup
setup:
	@tools/setup
