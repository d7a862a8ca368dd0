# The course's commands. Each works on its own from a fresh clone with Python 3.10 or newer and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
NOTEBOOK_TESTS := --nbval-lax --nbval-current-env --nbval-cell-timeout=900 --nbval-sanitize-with tests/sanitize.cfg

export JUPYTER_PREFER_ENV_PATH := 1

.PHONY: help lab new hub hub-cost test test-helpers test-notebooks test-hub test-colab record contents exercises editions score figures seeds bench bench-gpu repository clean

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-22s %s\n", $$1, $$2}'

lab: $(VENV)/installed ## install what is missing, then open your own copy of the notebooks in JupyterLab
	$(BIN)/python tools/lab.py

new: ## bring a notebook of your copy back to new, and keep yours beside it: make new NOTEBOOK=03
	$(PYTHON) tools/lab.py --new "$(NOTEBOOK)"

test: test-helpers test-notebooks ## prove that every helper and every cell does what it says

test-helpers: $(VENV)/installed ## the helpers' unit tests alone
	$(PYTEST) tests

test-notebooks: editions ## every notebook alone, with answers filled in, with the network blocked
	$(PYTEST) $(NOTEBOOK_TESTS) --durations=8 tests/network_is_blocked.ipynb editions/with_answers

record: $(VENV)/installed ## run the notebooks and store their outputs (NOTEBOOKS=... for some of them)
	$(BIN)/python tools/record.py $(NOTEBOOKS)

contents: $(VENV)/installed ## write links, minutes, and tables of contents from the notebooks' headers
	$(BIN)/python tools/contents.py

exercises: $(VENV)/installed ## put each exercise's stub and check into its notebook, after a change of either
	$(BIN)/python tools/exercises.py cells

editions: $(VENV)/installed ## make editions/with_answers and editions/without_answers
	$(BIN)/python tools/exercises.py editions

score: $(VENV)/installed ## judge all the right and wrong answers that the tests know
	$(BIN)/python tools/exercises.py score

figures: $(VENV)/installed ## redraw the drawings
	$(BIN)/python figures/draw.py

seeds: $(VENV)/installed ## run notebooks with more seeds and other settings; writes EVIDENCE.md (an hour)
	$(BIN)/python tools/seeds.py

bench: $(VENV)/installed ## measure the speed against the book's code
	$(BIN)/python tools/bench.py

bench-gpu: ## train the book's net as the book does and as we do; needs only torch and torchvision (OPTIONS=...)
	$(PYTHON) tools/bench_gpu.py $(OPTIONS)

hub: $(VENV)/hub-installed ## start the course for a class on this machine, as hub/HUB.md says: sudo make hub
	@[ "$(CURDIR)" = /srv/residual-networks ] || { echo "The class's server runs from /srv/residual-networks, see hub/HUB.md; this is $(CURDIR)."; exit 1; }
	systemctl link --quiet $(CURDIR)/hub/class.slice
	systemctl enable --now --quiet $(CURDIR)/hub/class-hub.service
	@echo "The hub is at http://127.0.0.1:8000. The next steps, accounts and an address: hub/HUB.md"

test-hub: $(VENV)/hub-installed ## a class of twelve on one server, in a machine within this one (half an hour): sudo make test-hub
	hub/tests/machine.sh $(PYTEST) -p no:cacheprovider hub/tests

hub-cost: $(VENV)/hub-installed ## measure what a learner on the server costs, into hub/HUB.md: sudo make hub-cost
	hub/tests/machine.sh $(BIN)/python hub/tests/cost.py

repository: $(VENV)/installed ## point every link at a fork: make repository URL=https://github.com/you/fork
	$(BIN)/python tools/repository.py $(URL)

test-colab: .venv-colab/installed ## the helpers and the notebooks under the versions that Colab has
	.venv-colab/bin/python -m pytest tests
	.venv-colab/bin/python tools/exercises.py editions
	.venv-colab/bin/python -m pytest $(NOTEBOOK_TESTS) editions/with_answers

clean: ## remove the environments and what tests leave behind
	rm -rf $(VENV) .venv-colab editions .bench .pytest_cache .hypothesis

$(VENV)/installed: requirements.txt pyproject.toml
	$(PYTHON) tools/lab.py --install

$(VENV)/hub-installed: hub/requirements.txt hub/package.json $(VENV)/installed
	@command -v npm > /dev/null || { echo "The hub's proxy needs Node.js 20 or newer and npm (Debian: nodejs npm)."; exit 1; }
	$(BIN)/python -m pip install --quiet -r hub/requirements.txt
	npm install --prefix hub --no-package-lock --no-audit --no-fund --silent
	touch $@

.venv-colab/installed: requirements.txt colab-constraints.txt pyproject.toml
	$(PYTHON) -m venv .venv-colab
	.venv-colab/bin/python -m pip install --quiet --upgrade pip
	sed '/^jupyterlab/d; /^d2l==/d' requirements.txt > .venv-colab/requirements.txt
	.venv-colab/bin/python -m pip install --quiet -c colab-constraints.txt -r .venv-colab/requirements.txt notebook requests
	.venv-colab/bin/python -m pip install --quiet --no-deps "$$(grep '^d2l==' requirements.txt)"
	touch $@
