# `make` alone lists what there is. Needs Python and make; everything else goes into .venv.

PYTHON ?= python3
DEVICE := $(if $(GPU),gpu,cpu)
ifeq ($(OS),Windows_NT)
BIN := .venv/Scripts
else
BIN := .venv/bin
endif
# The environment is ready when this file is newer than the lock; one stamp per device, so `GPU=1` re-installs.
READY := .venv/ready-$(DEVICE)
ARGS ?=
PROFILE ?= book
# Notebooks, or files of tests, that run at once; on a GPU one, for TensorFlow takes all of its memory.
JOBS ?= $(if $(GPU),1,2)
PARALLEL := -n $(JOBS) --dist loadfile
REPORTS := --junitxml=build/reports/tests.xml --html=build/reports/tests.html --self-contained-html

.DEFAULT_GOAL := help
.PHONY: help notebooks test test-all mutants benchmark sample lab data claims outputs promises site lint lock clean

help:  ## print this list
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

notebooks: $(READY) sample  ## draw cats and dogs and execute every notebook; pages in build/html
	$(BIN)/python scripts/run_notebooks.py --jobs $(JOBS) $(ARGS)

test: $(READY) sample  ## run all tests, every cell of every notebook included
	$(BIN)/python -m pytest $(PARALLEL) $(REPORTS) $(ARGS)

test-all: $(READY) sample  ## run the slow tests, too: every planted fault, every knob, two equal runs (under an hour)
	$(BIN)/python -m pytest -m "" $(PARALLEL) $(REPORTS) $(ARGS)

mutants: $(READY) sample  ## plant faults into copies of the project; print a table of what caught them
	$(BIN)/python tests/support/mutants.py $(ARGS)

benchmark: $(READY)  ## measure the project against the book's formulation (a quarter of an hour)
	$(BIN)/python scripts/benchmark.py $(ARGS)

sample: $(READY)  ## draw cats and dogs into data/sample-*, unless they are there
	$(BIN)/python -m sample_pets

lab: $(READY) sample  ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab --notebook-dir=notebooks

data: $(READY)  ## download photographs and weights (1.8 GB), verified; PROFILE=photos: those of that profile
	$(BIN)/python scripts/download_data.py --profile $(PROFILE)

claims: $(READY)  ## compare results of the book's scale with what the book claims
	$(BIN)/python scripts/check_claims.py

outputs: $(READY) sample  ## execute the notebooks and store their outputs in notebooks/
	$(BIN)/python scripts/run_notebooks.py --store $(ARGS)
	$(BIN)/python scripts/export_figures.py

promises: $(READY)  ## put on record by which tolerances and assertions the notebooks are checked
	PYTHONPATH=tests/support $(BIN)/python -m notebook_checks.recorded

site: $(READY)  ## build the site from the stored notebooks into build/site; nothing is executed or downloaded
	$(BIN)/python scripts/build_site.py $(ARGS)

lint: $(READY)  ## check code style and workflows
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/actionlint -ignore 'label "gpu" is unknown' $(wildcard .github/workflows/*.yml)
	$(BIN)/zizmor --offline --no-progress .github

lock: $(READY)  ## resolve the dependencies anew into requirements/
	for device in cpu gpu; do \
	  $(BIN)/uv pip compile pyproject.toml --extra $$device --group dev --universal --python-version 3.11 \
	    --fork-strategy fewest --generate-hashes --no-annotate --no-header \
	    --no-emit-index-url --no-emit-find-links --upgrade --quiet -o requirements/$$device.txt || exit 1; \
	done
	echo uv | $(BIN)/uv pip compile - --constraint requirements/cpu.txt --universal --python-version 3.11 \
	  --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links --quiet -o requirements/uv.txt

clean:  ## remove what was built; downloads in data/ stay
	rm -rf build .pytest_cache .ruff_cache data/sample-* data/.unfinished-*

$(READY): requirements/$(DEVICE).txt
	$(PYTHON) scripts/set_up.py $(DEVICE)
