# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

.DEFAULT_GOAL := help
.PHONY: help demo swarm test bench compare house picture mutants test-papers test-eda test-machines test-bad-days test-pythons docs screenshots lint format sanity check

MANAGERS ?= 1
WORKERS ?= 0
RUN = @tools/run $@
NOX := .venv/bin/nox --non-interactive

help:  ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 16

demo:  ## Show the collection at work on a real swarm on this machine
	$(RUN) .nox/demo/bin/python -m tools.demo

swarm:  ## Start a private swarm to try things on: make swarm MANAGERS=3 WORKERS=2
	$(RUN) .nox/swarm/bin/python -m tests.swarm --managers $(MANAGERS) --workers $(WORKERS)

test:  ## Run the unit and integration tests
	$(RUN) $(NOX) -s test

house:  ## Draw the picture of the code for the contributor guide
	$(RUN) .venv/bin/python -m tools.house

picture:  ## Draw the pictures of the README and the guides from real runs
	$(RUN) $(NOX) -s picture

bench:  ## Measure the collection and its peers, and write docs/benchmark.md; ONLY=waits: the waits alone
	$(RUN) $(NOX) -s bench $(if $(ONLY),-- --$(ONLY))

compare:  ## See what becomes of services beside the peers, and write docs/comparison.md
	$(RUN) $(NOX) -s compare

mutants:  ## Change the code, one thing at a time, and see whether unit tests notice; ONLY=writer: that file alone
	$(RUN) $(NOX) -s mutants $(if $(ONLY),-- $(ONLY))

test-papers:  ## Run the commands of the README and the examples
	$(RUN) $(NOX) -s test-papers

test-eda:  ## Push images, and have ansible-rulebook roll them out
	$(RUN) $(NOX) -s test-eda

test-machines:  ## Run demo and test on machines that have never seen the project: Debian 12, 13 and unstable
	$(RUN) $(NOX) -s test-machines -- $(SUITES)

test-bad-days:  ## Kill managers, cut connections and send nonsense, many times over
	$(RUN) $(NOX) -s test-bad-days

test-pythons:  ## Run the main path on each Python here, each Debian release and each ansible-core
	$(RUN) $(NOX) -s test-pythons

lint:  ## Run the quick checks: style, types, YAML, licences
	$(RUN) $(NOX) -s ruff mypy lint license-check extra-checks

screenshots:  ## Look at the site at 1280 and 400 pixels with a browser, and keep the pictures in build/screenshots
	$(RUN) $(NOX) -s docs screenshots

docs:  ## Render the guides and the modules' documents as a site, build/docs/index.html
	$(RUN) $(NOX) -s docs

format:  ## Fix style and form where a program can
	$(RUN) $(NOX) -s ruff -- --fix

sanity:  ## Run ansible-test's sanity tests
	$(RUN) $(NOX) -k sanity

check:  ## Run every check: lint, sanity, documents, links, changelog, Galaxy's importer
	$(RUN) $(NOX)
