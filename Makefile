# `make demo` shows the portal with a sample district, `make test` runs every test. README.md tells the rest.
BIN := .venv/bin

.PHONY: demo run test setup check format audit bench drill

demo: setup
	@exec $(BIN)/python -m jobs.stack --demo

run: setup
	@exec $(BIN)/python -m jobs.stack

# TESTS=tests/roster runs a part; PYTEST="-x -k guard" adds options
TESTS ?= tests
test: setup
	@tools/setup-tests
	$(BIN)/python -m pytest -n auto --dist worksteal $(PYTEST) $(TESTS)

setup:
	@tools/setup

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/djlint --lint --quiet templates
	$(BIN)/python tools/check
	$(BIN)/python tools/audit

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# asks the public list of weaknesses about each locked package, so it needs the internet; check does where it answers
audit: setup
	$(BIN)/python tools/audit --must-answer

bench: setup
	$(BIN)/python -m bench $(BENCH)

# plays accidents against a copy of the portal's data, or of the demonstration's, or on a sample; DRILL="--only clock" plays some, DRILL="--on postgresql" on PostgreSQL
drill: setup
	@$(BIN)/python -m drill $(DRILL)
