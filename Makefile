# The course's commands. Each works on its own from a fresh clone with Python 3.10 or newer and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
WORKERS ?= 2
# Files of tests run beside each other, each in one thread: two small nets in one thread each are faster than one in two.
SHARED := -n $(WORKERS) --dist loadfile --no-loadscope-reorder
GRADING := .venv-grading
NBGRADER := cd grading && PATH="$(abspath $(GRADING))/bin:$$PATH" JUPYTER_PATH="$(abspath $(VENV))/share/jupyter" nbgrader
ASSIGNMENT := exercises
NPM := npm
SITE_BIN := .venv-site/bin
PORT ?= 8000
NOTEBOOK_TESTS := --nbval-lax --nbval-current-env --nbval-cell-timeout=900 --nbval-sanitize-with tests/sanitize.cfg

export JUPYTER_PREFER_ENV_PATH := 1

.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*\#\# .*/\1/p' Makefile)

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-22s %s\n", $$1, $$2}'

lab: $(VENV)/installed ## install what is missing, then open your own copy of the notebooks in JupyterLab
	$(BIN)/python tools/lab.py

new: ## bring a notebook of your copy back to new, and keep yours beside it: make new NOTEBOOK=03
	$(PYTHON) tools/lab.py --new "$(NOTEBOOK)"

doctor: ## say what is wrong with this installation, and what to do
	@$(firstword $(wildcard $(BIN)/python) $(PYTHON)) -m d2lhelpers.doctor

test: test-helpers test-notebooks ## prove that every helper and every cell does what it says

test test-helpers test-notebooks test-colab test-oldest: export OMP_NUM_THREADS := 1

test-helpers: $(VENV)/installed ## the helpers' unit tests alone
	$(PYTEST) $(SHARED) tests

test-notebooks: $(VENV)/installed ## every notebook alone, with answers, the long ones with fewer seeds, with the network blocked
	$(BIN)/python tools/shorter.py
	$(PYTEST) $(SHARED) $(NOTEBOOK_TESTS) --durations=8 tests/network_is_blocked.ipynb editions/shorter

test-full: test-helpers editions ## the same with the settings of the pages, one after another as learners run them (an hour)
	$(PYTEST) $(NOTEBOOK_TESTS) --durations=8 tests/network_is_blocked.ipynb editions/with_answers

test-browser: $(VENV)/browser ## use the course in JupyterLab in Chromium as a learner does (OPTIONS=--pictures takes those of README)
	@test -n "$(CHROMIUM)" || command -v chromium > /dev/null || test "$$(id -u)" != 0 || \
		! command -v apt-get > /dev/null || { apt-get -qq update && apt-get -qq install --yes --no-install-recommends chromium; }
	$(PYTEST) browser_tests --tracing=retain-on-failure --screenshot=only-on-failure --output=browser_tests/failed $(OPTIONS)

record: $(VENV)/installed ## run the notebooks and store their outputs (NOTEBOOKS=... for some of them)
	$(BIN)/python tools/record.py $(NOTEBOOKS)

lock: $(VENV)/installed ## write down the versions that recorded the outputs, as `make record` does for all notebooks
	$(BIN)/python tools/lock.py

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

site: .venv-site/installed ## build the web site in build/site/html, with the recorded outputs, and a zip of it to read offline
	$(SITE_BIN)/python site/build.py

site-serve: site ## build the web site and serve it on this machine (PORT=...)
	@echo "Open http://127.0.0.1:$(PORT) in your browser; Ctrl+C ends it."
	@$(SITE_BIN)/python -m http.server --bind 127.0.0.1 --directory build/site/html $(PORT)

test-site: .venv-site/installed ## build the web site afresh and look at every page of it in Chromium
	$(SITE_BIN)/python -m pytest site

hub: $(VENV)/hub-installed ## start the course for a class on this machine, as hub/HUB.md says: sudo make hub
	@[ "$(CURDIR)" = /srv/residual-networks ] || { echo "The class's server runs from /srv/residual-networks, see hub/HUB.md; this is $(CURDIR)."; exit 1; }
	systemctl link --quiet $(CURDIR)/hub/class.slice
	systemctl enable --now --quiet $(CURDIR)/hub/class-hub.service
	@echo "The hub is at http://127.0.0.1:8000. The next steps, accounts and an address: hub/HUB.md"

test-hub: $(VENV)/hub-installed ## a class of twelve on one server, in a machine within this one (minutes): sudo make test-hub
	hub/tests/machine.sh $(PYTEST) -p no:cacheprovider hub/tests

hub-cost: $(VENV)/hub-installed ## measure what a learner on the server costs, into hub/HUB.md: sudo make hub-cost
	hub/tests/machine.sh $(BIN)/python hub/tests/cost.py

repository: $(VENV)/installed ## point every link at a fork: make repository URL=https://github.com/you/fork
	$(BIN)/python tools/repository.py $(URL)

slides: $(VENV)/installed .slides/installed ## slides/lecture.html, the lecture of TEACHING.md; or of whole notebooks: make slides NOTEBOOKS="05 06"
	$(BIN)/python tools/slides.py $(NOTEBOOKS)

assignment: $(GRADING)/installed ## make an nbgrader assignment: make assignment EXERCISES="3.1 3.2" ASSIGNMENT=week2
	$(GRADING)/bin/python tools/assignment.py --name "$(ASSIGNMENT)" $(EXERCISES)

grade: $(GRADING)/installed ## grade what lies in grading/submitted, into grading/grades.csv: make grade ASSIGNMENT=week2
	-$(NBGRADER) autograde "$(ASSIGNMENT)"
	$(NBGRADER) generate_feedback "$(ASSIGNMENT)"
	$(NBGRADER) export --to grades.csv

test-assignment: $(GRADING)/installed ## hand in four solutions of an assignment, grade them, and compare the marks
	$(GRADING)/bin/python -m pytest tests/test_assignment.py

test-colab: .venv-colab/installed ## the helpers and the notebooks under the versions that Colab has
	.venv-colab/bin/python -m pytest $(SHARED) tests
	.venv-colab/bin/python tools/shorter.py
	.venv-colab/bin/python -m pytest $(SHARED) $(NOTEBOOK_TESTS) editions/shorter

test-oldest: .venv-oldest/installed ## the helpers and the notebooks under the oldest versions that requirements.txt allows
	.venv-oldest/bin/python -m pytest $(SHARED) tests
	.venv-oldest/bin/python tools/shorter.py
	.venv-oldest/bin/python -m pytest $(SHARED) $(NOTEBOOK_TESTS) editions/shorter

clean: ## remove the environments and what tests leave behind
	rm -rf $(VENV) $(GRADING) .venv-colab .venv-oldest .venv-site .slides slides build editions .bench browser_tests/failed .pytest_cache .hypothesis

$(VENV)/installed: requirements.txt pyproject.toml
	$(PYTHON) tools/lab.py --install

# It sees what is installed in $(VENV), so that PyTorch is not installed twice.
$(GRADING)/installed: $(VENV)/installed requirements-grading.txt
	$(BIN)/python -m venv --clear $(GRADING)
	$(BIN)/python -c "import sysconfig; print('import site; site.addsitedir(' + repr(sysconfig.get_path('purelib')) + ')')" \
		> "$$($(GRADING)/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/course.pth"
	$(GRADING)/bin/python -m pip install --quiet -r requirements-grading.txt
	touch $@

.slides/installed:
	@command -v $(NPM) > /dev/null || { echo "make slides needs npm, once, to fetch reveal.js and MathJax (Debian: apt-get install npm)"; exit 1; }
	$(NPM) install --silent --no-save --no-package-lock --ignore-scripts --prefix .slides reveal.js@6.0.2 mathjax@3.2.2
	touch $@

$(VENV)/browser: $(VENV)/installed browser_tests/requirements.txt
	$(BIN)/python -m pip install --quiet -r browser_tests/requirements.txt
	touch $@

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

.venv-oldest/installed: requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet --upgrade pip
	sed -n 's/^\([a-z0-9-]*\)>=\([0-9.]*\)$$/\1==\2.*/p' requirements.txt > .venv-oldest/constraints.txt
	.venv-oldest/bin/python -m pip install --quiet -c .venv-oldest/constraints.txt -r requirements.txt
	touch $@

# Over the course's environment: the docstrings, hints, and solutions on the site are read from the package itself.
.venv-site/installed: site/requirements.txt $(VENV)/installed
	$(BIN)/python -m venv .venv-site
	$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > "$$($(SITE_BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/course.pth"
	$(SITE_BIN)/python -m pip install --quiet -r site/requirements.txt
	touch $@
