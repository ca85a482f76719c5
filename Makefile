# make help lists the targets. Everything is installed into .venv, from the exact versions in constraints.txt.

# Where torch comes from when .venv is made. This index has the build without CUDA, the smallest one. For a GPU
# say `make demo TORCH_INDEX=`, which takes the default registry's build, or name another index.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
# More arguments for pytest: make test PYTEST_ARGS="tests/test_grid.py -k shifted"
PYTEST_ARGS ?=

# How large the book's notebooks run: smoke, classroom or paper. NOTEBOOKS="solvers guidance" runs these only.
PROFILE ?= smoke
NOTEBOOKS ?=
ADDRESS ?=

VENV := .venv
BIN := $(VENV)/bin
VIEWER := wsigen/study/static/vendor
TORCH := $(shell sed -n 's/^torch==//p' constraints.txt)
PINS := pyproject.toml constraints.txt
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

# One thread per test process: the processes share the cores already.
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 VIPS_CONCURRENCY=1

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo viewer test lint notebooks notebooks-try book book-draft figures release-check book-student book-pdf book-test pins clean lecture

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/default.stamp  ## generate a small slide with the model that ships: demo/slide.tiff and demo/slide.png
	@mkdir -p demo
	@echo "A section of 6 x 5 mm: a minute or two on two cores of a processor."
	$(BIN)/wsigen generate demo/slide.tiff --width-mm 6 --height-mm 5 --mpp 1.4 --seed 4 \
		--png demo/slide.png --overwrite

viewer: $(VIEWER)/openseadragon.min.js  ## bring the slide viewer of `wsigen study` and `wsigen view` from npm

$(VIEWER)/openseadragon.min.js: package-lock.json
	@command -v npm >/dev/null || { echo "the slide viewer comes from the npm registry, and npm was not found:" \
		"install Node.js with npm (on Debian or Ubuntu: apt-get install npm) and run make again." >&2; exit 1; }
	@echo "bringing the slide viewer from npm"
	@npm ci --include=dev --ignore-scripts --no-audit --no-fund --loglevel=error
	@mkdir -p $(VIEWER)
	@cp node_modules/openseadragon/LICENSE.txt $(VIEWER)/openseadragon.LICENSE.txt
	@cp node_modules/openseadragon/build/openseadragon/openseadragon.min.js $@

test: $(VENV)/test.stamp viewer  ## run the tests; those on real slides where WSIGEN_COHORT names a cohort.csv
	@$(ONE_THREAD) $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile $(PYTEST_ARGS)

lint: $(VENV)/lint.stamp  ## check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

# The book. Its machinery is the package bookkit in book/; the settings are in _config.yml and the pages in _toc.yml.
VENDOR := book/_static/vendor
RUN_NOTEBOOKS = PYTHONUTF8=1 PYTHONPATH=book $(BIN)/python -m bookkit.notebooks --profile $(PROFILE) $(if $(NOTEBOOKS),--only $(NOTEBOOKS))
BUILD_BOOK = PYTHONUTF8=1 PYTHONPATH=. WSIGEN_BOOK_PROFILE=$(PROFILE) $(BIN)/jupyter-book build . -W -n --keep-going

$(VENDOR)/tex-svg-full.js: $(VIEWER)/openseadragon.min.js
	@mkdir -p $(VENDOR)
	@cp $(VIEWER)/openseadragon.min.js $(VIEWER)/openseadragon.LICENSE.txt $(VENDOR)
	@cp node_modules/mathjax/LICENSE $(VENDOR)/mathjax.LICENSE.txt
	@cp node_modules/mathjax/es5/tex-svg-full.js $@

notebooks: $(VENV)/book.stamp  ## write notebooks/*.ipynb, for JupyterLab, Colab and papermill; ADDRESS=https://... to clone from
	@PYTHONPATH=book $(BIN)/python -m bookkit.alone $(if $(ADDRESS),--address $(ADDRESS))

notebooks-try: $(VENV)/book.stamp  ## run each notebook alone as Colab would, in a new environment that clones and installs the project
	@PYTHONPATH=book $(BIN)/python -m bookkit.alone --try $(NOTEBOOKS)

book: $(VENV)/book.stamp $(VENDOR)/tex-svg-full.js  ## run the notebooks (PROFILE=smoke, classroom or paper) and build the book: _build/html
	@$(RUN_NOTEBOOKS)
	$(BUILD_BOOK)

book-draft: $(VENV)/book.stamp $(VENDOR)/tex-svg-full.js  ## build the book without running a notebook, to look at its text
	@PYTHONPATH=book $(BIN)/python -m bookkit.notebooks --draft
	$(BUILD_BOOK)

release-check: $(VENV)/book.stamp  ## say what is missing before a release: versions, authors, addresses, a tag
	@PYTHONPATH=book $(BIN)/python -m bookkit.release

lecture: $(VENV)/book.stamp $(VENDOR)/tex-svg-full.js  ## the slides of the lecture, from the book's figures: _build/lecture/index.html
	@PYTHONPATH=book $(BIN)/python -m bookkit.lecture

figures: $(VENV)/book.stamp  ## draw the figures of the chapters anew, from saved results and the models that ship: minutes
	@for script in book/figures/make_*.py; do echo $$script; $(ONE_THREAD) $(BIN)/python $$script || exit 1; done

book-student: $(VENV)/book.stamp $(VENDOR)/tex-svg-full.js  ## the book without the solutions of its exercises: _build/student/_build/html
	@$(RUN_NOTEBOOKS)
	WSIGEN_BOOK_STUDENT=1 $(BUILD_BOOK) --path-output _build/student

book-pdf: $(VENV)/book.stamp $(VENDOR)/tex-svg-full.js  ## the book as a PDF: _build/latex/wsigen-book.pdf; needs xelatex
	@for name in xelatex latexmk; do command -v $$name >/dev/null || { echo "the PDF needs $$name, which was not found: install TeX Live with it" \
		"(on Debian or Ubuntu: apt-get install texlive-xetex texlive-latex-extra texlive-fonts-recommended fonts-freefont-otf latexmk)" \
		"and run make again." >&2; exit 1; }; done
	@$(RUN_NOTEBOOKS)
	$(BUILD_BOOK) --builder pdflatex

book-test: $(VENV)/book.stamp $(VENV)/test.stamp  ## check the book that `make book` built
	@$(ONE_THREAD) PYTHONPATH=book $(BIN)/python -m pytest tests/test_book*.py -m book $(PYTEST_ARGS)

clean:  ## remove the environment, the demo and all caches
	rm -rf $(VENV) .pins node_modules $(VIEWER) $(VENDOR) book/executed demo _build build *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache
	find wsigen tests benchmarks book -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

$(BIN)/python:
	@python=; for name in python3.11 python3; do \
		if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$name; break; fi; done; \
	if [ -z "$$python" ]; then \
		echo "wsigen needs Python 3.11 or newer; found: $$(python3 --version 2>/dev/null || echo none). Install it and run make again." >&2; \
		exit 1; fi; \
	echo "making $(VENV) with $$($$python --version)"; \
	$$python -m venv $(VENV) || { rm -rf $(VENV); \
		echo "could not make $(VENV); on Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }

# torch comes first and without its dependencies, so that neither the index nor the resolver picks a larger build.
$(VENV)/torch.stamp: constraints.txt | $(BIN)/python
	@if $(BIN)/python -c 'import importlib.metadata as m, sys; sys.exit(m.version("torch").split("+")[0] != "$(TORCH)")' 2>/dev/null; \
	then echo "torch $(TORCH) is installed already"; \
	else echo "installing torch $(TORCH)"; \
		{ [ -n "$(TORCH_INDEX)" ] && \
			$(PIP) --retries 0 --timeout 15 install --no-deps --index-url "$(TORCH_INDEX)" torch==$(TORCH); } || { \
		echo "installing torch $(TORCH) from the default registry"; $(PIP) install -c constraints.txt torch==$(TORCH); }; fi
	@touch $@

$(VENV)/default.stamp: $(PINS) $(VENV)/torch.stamp
	@echo "installing wsigen and what it needs"
	@$(PIP) install -c constraints.txt -e .
	@touch $@

# Test, lint and book extras, each on its own: an environment holds only what was asked for. All three meet the
# reader study and the metrics, whose extras come with each.
$(VENV)/test.stamp $(VENV)/lint.stamp $(VENV)/book.stamp: $(VENV)/%.stamp: $(VENV)/default.stamp
	@echo "installing the $* extra"
	@$(PIP) install -c constraints.txt -e '.[$*,study,metrics]'
	@touch $@

pins:  ## write constraints.txt anew with the newest versions that pyproject.toml allows
	$(MAKE) VENV=.pins .pins/torch.stamp
	.pins/bin/python -m pip install --upgrade --upgrade-strategy eager torch==$(TORCH) -e '.[study,metrics,test,lint,book]'
	{ sed -n '/^#/p' constraints.txt; .pins/bin/python -m pip freeze --all --exclude wsigen --exclude pip | \
		sed -e 's/+.*$$//' -e '/^nvidia-/d' -e '/^cuda-/d' -e '/^triton==/d' | LC_ALL=C sort -f; } > .pins/constraints.txt
	mv .pins/constraints.txt constraints.txt
	rm -rf .pins
