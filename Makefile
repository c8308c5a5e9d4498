.PHONY: demo test lint bench docs clean

PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/.installed

demo: $(INSTALLED)  ## run the main job on the bundled clip
	$(VENV)/bin/longtake demo

test: $(INSTALLED)  ## run all tests
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n auto --maxprocesses 4 --dist worksteal

lint: $(INSTALLED)  ## style, types, layers
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

bench: $(INSTALLED)  ## speed and memory (docs/performance.md is written), single modules, scoring, reading clips for training
	$(VENV)/bin/python benchmarks/speed.py
	$(VENV)/bin/python benchmarks/performance.py systems sharing bundled budget pipeline
	$(VENV)/bin/python benchmarks/local_attention.py
	$(VENV)/bin/python benchmarks/graph.py
	$(VENV)/bin/python benchmarks/modules.py
	$(VENV)/bin/python benchmarks/evaluator.py
	$(VENV)/bin/python benchmarks/loader.py

docs: $(INSTALLED)  ## build the site of the docs into site/
	$(VENV)/bin/python tools/build_docs.py

clean:  ## remove what the other verbs made
	rm -rf $(VENV) longtake-demo site build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --editable '.[dev]'
	touch $(INSTALLED)
