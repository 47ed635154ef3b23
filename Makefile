# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

.DEFAULT_GOAL := help
.PHONY: help demo test bench compare picture test-papers test-engines test-bad-days test-pythons docs lint format sanity check

PYTHON ?= python3
NOX := .venv/bin/nox --non-interactive
LOG := .venv/setup.log

help:  ## Say what each target does
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 16

demo: .venv/ready  ## Show the collection at work on a real swarm on this machine
	@$(NOX) -s demo --install-only >$(LOG) 2>&1 || { cat $(LOG) >&2; exit 1; }
	@.nox/demo/bin/python -m tests.swarm.demo

test: .venv/ready  ## Run the unit and integration tests
	@$(NOX) -s test

picture: .venv/ready  ## Draw the picture of the README from a real run
	@$(NOX) -s picture

bench: .venv/ready  ## Measure the collection and its peers, and write docs/benchmark.md
	@$(NOX) -s bench

compare: .venv/ready  ## See what becomes of services beside the peers, and write docs/comparison.md
	@$(NOX) -s compare

test-papers: .venv/ready  ## Run the commands of the README and the examples
	@$(NOX) -s test-papers

test-engines: .venv/ready  ## Run the integration tests on the engine of Debian 13
	@$(NOX) -s test-engines

test-bad-days: .venv/ready  ## Kill managers, cut connections and send nonsense, many times over
	@$(NOX) -s test-bad-days

test-pythons: .venv/ready  ## Run the main path on each Python here, each Debian release and each ansible-core
	@$(NOX) -s test-pythons

lint: .venv/ready  ## Run the quick checks: style, types, YAML, licences
	@$(NOX) -s ruff mypy lint license-check extra-checks

docs: .venv/ready  ## Render the guides and the modules' documents as a site, build/docs/index.html
	@$(NOX) -s docs

format: .venv/ready  ## Mend style and form where a program can
	@$(NOX) -s ruff -- --fix

sanity: .venv/ready  ## Run ansible-test's sanity tests
	@$(NOX) -k sanity

check: .venv/ready  ## Run every check: lint, sanity, documents, changelog, Galaxy's importer
	@$(NOX)

.venv/ready: Makefile
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install python3 python3-venv; } >&2
	@$(PYTHON) -m venv --clear .venv
	@.venv/bin/pip install -qq 'nox >= 2025.10.16' 'antsibull-nox >= 1.8, < 2'
	@touch $@
