# make demo, make test, ...: everything happens in virtual environments beside this file, made on the
# first call and brought up to date when setup.py, pyproject.toml or the version changes.

# The MXNet to install: cpu, or cu112 for an NVIDIA GPU. Each has an environment of its own, because the
# two wheels share one package folder.
EXTRA ?= cpu
# Test processes. One thread each, so that they do not fight over the cores.
JOBS ?= 2
# The tests to run; default: all.
TESTS ?=
# The example to run, and its options; docs/examples.md lists them.
NAME ?= nn.mlp
ARGS ?=

VENV := .venv$(if $(filter-out cpu,$(EXTRA)),-$(EXTRA))
BENCH_VENV := $(VENV)-bench
comma := ,
PACKAGE := setup.py pyproject.toml minpy/version.py $(wildcard minpy/runtime/fast/*) minpy/runtime/zero_gradients.cc \
	$(wildcard minpy/runtime/kernels/*.[ch])

# A Python is run, not just looked up: a command may be there and fail, as a version manager's may.
CHECK := import ensurepip, sys, venv; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 12))
# Looked for at the first use only, and once; four dollar signs, because the text is expanded twice.
PYTHON ?= $(eval PYTHON := $$(shell $(FIND)))$(PYTHON)
FIND = for p in python3.11 python3.10 python3.12 python3.9 python3; do \
	if $$$$p -c '$(CHECK)' >/dev/null 2>&1; then echo $$$$p; break; fi; done

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: demo example test soak coverage mutants lint bench docs wheel clean help

demo: $(VENV)/.demo  ## train a digit classifier, in plain NumPy style
	@$(VENV)/bin/python -m examples.digits

example: $(VENV)/.$(if $(filter rl.%,$(NAME)),rl,demo)  ## run the example NAME, with ARGS: make example NAME=nn.cnn ARGS=--eager
	@$(VENV)/bin/python -m examples.$(NAME) $(ARGS)

test: $(VENV)/.dev  ## run the tests
	@OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n $(JOBS) $(TESTS)

# The long form of what the tests do shortly: hours. docs/reliability.md has the results.
soak: $(VENV)/.dev  ## run for hours what has to hold for hours, or NAME alone: make soak NAME=calls
	@$(VENV)/bin/python -m tests.soak $(if $(filter-out nn.mlp,$(NAME)),$(NAME)) $(ARGS)

coverage: $(VENV)/.dev  ## run the tests, and show the lines and branches of minpy/ that none of them takes
	@OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n $(JOBS) --cov=minpy --cov-branch \
		--cov-report=term-missing:skip-covered $(TESTS)

# Hours for a large sample; what was found is kept in .mutation/, and the same command goes on from there.
mutants: $(VENV)/.mutation  ## put small faults into the code, one at a time, and count those that tests notice
	@OMP_NUM_THREADS=1 $(VENV)/bin/python -m tests.mutation $(ARGS)

lint: $(VENV)/.dev  ## check the formatting, the style and the types
	@$(VENV)/bin/python -m ruff format --check --quiet .
	@$(VENV)/bin/python -m ruff check --quiet .
	@$(VENV)/bin/python -m mypy
	@$(VENV)/bin/hadolint docker/*/Dockerfile

bench: $(BENCH_VENV)/.bench  ## measure against JAX, PyTorch and others, for docs/benchmarks.md
	@$(BENCH_VENV)/bin/python -m benchmarks

# Not --quiet: that would keep warnings, such as broken links, from failing the build.
docs: $(VENV)/.docs  ## build the documentation into site/
	@NO_MKDOCS_2_WARNING=1 $(VENV)/bin/python -m mkdocs build --strict

# libgomp stays out of the wheel: kernels run on the threads of MXNet, whose libgomp is that of the system.
wheel: $(VENV)/.release  ## build the sdist and the wheel into dist/, see docs/release.md
	@rm -rf build dist
	@$(VENV)/bin/python -m build --outdir dist/raw .
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(VENV)/bin/auditwheel repair --exclude libgomp.so.1 -w dist dist/raw/*.whl
	@mv dist/raw/*.tar.gz dist && rm -r dist/raw
	@$(VENV)/bin/python -m twine check --strict dist/*

clean:  ## remove the environments and everything built
	rm -rf .venv .venv-* build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache .coverage* .hypothesis .mutation
	find minpy examples tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
	@echo "With an NVIDIA GPU add EXTRA=cu112. For another Python: make clean, then add PYTHON=/path/to/python3."

# Install minpy with the extras $(1) into the environment that the target, a stamp, lies in.
# The file .unfinished stands there while anything is being installed. Where one is found, an earlier
# install was cut short: pip takes half a package for a whole one, so that environment is made anew.
define install
	@$(if $(PYTHON),"$(PYTHON)" -c '$(CHECK)',false) 2>/dev/null || { \
		echo "MinPy needs Python 3.9, 3.10, 3.11 or 3.12, with its venv module (on Debian and Ubuntu:" >&2; \
		echo "the package python3-venv). $(if $(PYTHON),$(PYTHON) is not that.,None was found.) Install one or name one: make PYTHON=/path/to/python3" >&2; \
		exit 1; }
	@if [ -e $(@D)/.unfinished ] || ! [ -x $(@D)/bin/python ]; then rm -rf $(@D); fi
	@mkdir -p $(@D) && touch $(@D)/.unfinished
	@[ -x $(@D)/bin/python ] || { echo "Making $(@D) with $(PYTHON) ..."; "$(PYTHON)" -m venv $(@D); }
	@echo "Installing minpy[$(1)] into $(@D) ..."
	@$(@D)/bin/python -m pip install -qq --editable ".[$(1)]"
	@rm $(@D)/.unfinished && touch $@
endef

$(VENV)/.demo: $(PACKAGE)
	$(call install,$(EXTRA)$(comma)examples)

$(VENV)/.rl: $(PACKAGE)
	$(call install,$(EXTRA)$(comma)examples$(comma)rl)

$(VENV)/.dev: $(PACKAGE)
	$(call install,$(EXTRA)$(comma)examples$(comma)dev)

$(VENV)/.mutation: $(PACKAGE)
	$(call install,$(EXTRA)$(comma)examples$(comma)dev$(comma)mutation)

$(VENV)/.docs: $(PACKAGE)
	$(call install,docs)

$(VENV)/.release: $(PACKAGE)
	$(call install,release)

$(BENCH_VENV)/.bench: $(PACKAGE)
	$(call install,$(EXTRA)$(comma)bench$(comma)rl)
