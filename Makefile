# Everything a person or CI does here. Needs Python 3.11 or newer with its venv module.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
PY := .venv/bin/python
CHECKS := check-format check-lint check-types check-arrows check-templates check-dependencies

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: .venv/installed ## Start everything on this machine (PORT=8000, EARLYWATCH_DATA_DIR=./var)
	@exec $(PY) -m earlywatch up

.PHONY: demo
demo: .venv/installed-tests ## Start everything with sample data and a stand-in for Stripe (PORT=8000)
	@exec $(PY) -m tests.demo

.PHONY: test
test: .venv/installed-tests ## Run all tests, or some with T=path
	@$(PY) -m pytest $(if $(T),$(T),--numprocesses $$(( $$(nproc 2>/dev/null || echo 2) + 2 )) --dist worksteal)

.PHONY: test-stripe
test-stripe: .venv/installed-tests ## Check our view of Stripe against its test mode (TEST_STRIPE_SECRET_KEY)
	@$(PY) -m tests.stripe_contract

.PHONY: check
check: .venv/installed-tests ## Check all that CI checks: format, lint, types, arrows, templates, tests
	@$(MAKE) --jobs --output-sync=target $(CHECKS)
ifneq ($(TESTS),done)
	@$(MAKE) test
endif

.PHONY: $(CHECKS)
check-format:
	@$(PY) -m ruff format --quiet --check . || { echo "Run: make fix"; exit 1; }
check-lint:
	@$(PY) -m ruff check --quiet .
check-types:
	@$(PY) -m mypy --no-error-summary
check-arrows:
	@.venv/bin/lint-imports --cache-dir .venv/import-linter >.venv/arrows.log || { cat .venv/arrows.log; exit 1; }
check-templates:
	@$(PY) -m djlint --quiet --lint templates
check-dependencies:
	@.venv/bin/deptry . 2>.venv/deptry.log || { cat .venv/deptry.log; exit 1; }

.PHONY: fix
fix: .venv/installed-tests ## Format the code and mend what lint can mend
	@$(PY) -m ruff check --quiet --fix . ; $(PY) -m ruff format --quiet .

.PHONY: bench
bench: .venv/installed-tests ## Run the benchmarks and print their ratios
	@$(PY) -m tests.bench

.PHONY: migration
migration: .venv/installed-tests ## Write a migration from the models: m="add slug to monitor"
	@test -n '$(m)' || { echo 'Say what it does: make migration m="add slug to monitor"'; exit 1; }
	@$(PY) -m tests.new_migration '$(m)'

.PHONY: lock
lock: ## Lock the versions of what pyproject.toml and tests/requirements.in name
	@$(call new_venv)
	@$(call lock,--extra embedded pyproject.toml,requirements.txt)
	@$(call lock,-c requirements.txt tests/requirements.in,tests/requirements.txt)

.PHONY: audit
audit: .venv/installed-tests ## Look up known weaknesses of the locked packages
	@$(PY) -m pip_audit --strict --disable-pip --require-hashes --requirement requirements.txt

# The stamps are newer than what they were made from, so that a second run does nothing.
.venv/installed: requirements.txt pyproject.toml Makefile
	@$(call new_venv)
	@$(call install,--require-hashes -r requirements.txt)
	@$(call install,--no-deps -e .)
	@touch $@

.venv/installed-tests: .venv/installed tests/requirements.txt
	@$(call install,--require-hashes -r tests/requirements.txt)
	@touch $@

# uv keeps its cache at home; some users of CI have none.
define use_uv
uv=$$(command -v uv || true); test -w "$${HOME:-/nonexistent}" || export UV_NO_CACHE=1
endef

define install
$(use_uv); \
if [ -n "$$uv" ]; then "$$uv" pip install --quiet --compile-bytecode --python $(PY) $(1); \
else $(PY) -m pip install --quiet --disable-pip-version-check --no-input --use-pep517 --root-user-action ignore $(1); fi
endef

# What is locked already stays as it is, unless the ranges do not allow it any more.
define lock
$(use_uv); \
if [ -z "$$uv" ]; then \
  uv=.venv/uv/bin/uv; \
  [ -x "$$uv" ] || $(PY) -m pip install --quiet --disable-pip-version-check --target .venv/uv uv || exit 1; \
fi; \
"$$uv" pip compile --quiet --custom-compile-command 'make lock' --python $(PY) --universal --python-version 3.11 \
  --generate-hashes --no-emit-index-url --no-emit-find-links $(1) -o $(2)
endef

define new_venv
if .venv/bin/python -c 'import pip' 2>/dev/null; then exit 0; fi; \
for python in $(PYTHON) python3.13 python3.12 python3.11 python3 python python3.14; do \
  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then break; fi; \
  python=; \
done; \
if [ -z "$$python" ]; then echo "Earlywatch needs Python 3.11 or newer; none was found."; exit 1; fi; \
echo "Installing what Earlywatch needs into .venv (once)."; \
if ! "$$python" -m venv --clear .venv >.venv.log 2>&1; then \
  cat .venv.log; rm -rf .venv .venv.log; \
  echo "Python cannot make a virtual environment; on Debian: apt-get install python3-venv."; exit 1; \
fi; \
rm -f .venv.log
endef
