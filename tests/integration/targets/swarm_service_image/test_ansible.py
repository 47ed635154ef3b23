# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module as it is used: in playbooks and ad hoc, with Ansible's own commands and the module's own defaults."""

from __future__ import annotations

import json
from typing import Any

from tests.integration import run, state
from tests.swarm import Endpoint, services

PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  module_defaults:
    group/swarmops.rollout.swarm:
      docker_host: {host}
  tasks:
    - name: Run whoami 0.6
      swarmops.rollout.swarm_service_image:
        name: {name}
        image: whoami:0.6
      register: result

    - name: See what came of it
      ansible.builtin.assert:
        that:
          - result is {verdict}
          - result.service == result.services[0]
          - result.service.name == '{name}'
          - result.service.image.before == '{before}'
          - result.service.image.after == 'whoami:0.6'
"""
SELECTING = """
- hosts: localhost
  gather_facts: false
  tasks:
    - swarmops.rollout.swarm_service_image:
        select:
          stack: {stack}
          exclude:
            names: ["*-db"]
            labels:
              com.example.frozen:
        tag: "0.6"
        docker_host: {host}
      register: result

    - ansible.builtin.assert:
        that:
          - result is changed
          - result.excluded == ['{stack}-a', '{stack}-db']
          - result.services | map(attribute='name') == ['{stack}-b']
"""
FAILING = """
- hosts: localhost
  gather_facts: false
  tasks:
    - swarmops.rollout.swarm_service_image:
        name: {name}
        image: whoami:0.6:1
        docker_host: {host}
      ignore_errors: true
      register: result

    - ansible.builtin.assert:
        that:
          - result is failed
          - "'not a valid image reference' in result.msg"
"""


def play(engine: Endpoint, name: str, *arguments: str, verdict: str, before: str) -> run.Run:
    """Run the playbook, whose own assertions must hold."""
    done = run.playbook(PLAYBOOK.format(host=engine.host, name=name, verdict=verdict, before=before), *arguments)
    assert done.status == 0, done.text
    return done


def told(done: run.Run) -> Any:
    """Return the result that an ad hoc run printed."""
    _head, _arrow, text = done.text.partition("=> ")
    return json.JSONDecoder().raw_decode(text)[0]


def test_playbook_in_check_mode_for_real_and_again(engine: Endpoint, service: str, secret: str) -> None:
    before = state.of(engine, service)
    checked = play(engine, service, "--check", "--diff", verdict="changed", before="whoami:0.7")
    assert "changed=1" in checked.text
    assert state.of(engine, service) == before

    done = play(engine, service, "--diff", verdict="changed", before="whoami:0.7")
    after = state.of(engine, service)
    assert "changed=1" in done.text
    assert after.spec == before.with_image("whoami:0.6")
    assert diff_of(checked) == diff_of(done) != []
    assert any(line.startswith("-") and "whoami:0.7" in line for line in diff_of(done))
    assert any(line.startswith("+") and "whoami:0.6" in line for line in diff_of(done))

    again = play(engine, service, "--diff", verdict="not changed", before="whoami:0.6")
    assert "changed=0" in again.text
    assert diff_of(again) == []
    assert state.of(engine, service) == after
    assert secret not in checked.text + done.text + again.text


def diff_of(done: run.Run) -> list[str]:
    """Return the lines of the diff that was shown."""
    return [line for line in done.text.splitlines() if line.startswith(("+", "-", "@@"))]


def test_playbook_on_a_running_service(engine: Endpoint, service_name: str) -> None:
    services.create(engine, service_name, "whoami:0.7")
    services.started(engine, service_name, image="whoami:0.7")
    play(engine, service_name, verdict="changed", before="whoami:0.7")
    services.started(engine, service_name, image="whoami:0.6")


def test_failure_can_be_handled(engine: Endpoint, service: str, secret: str) -> None:
    before = state.of(engine, service)
    done = run.playbook(FAILING.format(host=engine.host, name=service), "-vvv")
    assert done.status == 0, done.text
    assert "ignored=1" in done.text
    assert secret not in done.text
    assert state.of(engine, service) == before


def test_ad_hoc_in_check_mode_for_real_and_again(engine: Endpoint, service: str, secret: str) -> None:
    params = {"name": service, "image": "whoami:0.6", "docker_host": engine.host}
    before = state.of(engine, service)
    checked = run.adhoc("swarm_service_image", params, "--check", "--diff")
    assert checked.status == 0, checked.text
    assert told(checked)["changed"] is True
    assert state.of(engine, service) == before

    done = run.adhoc("swarm_service_image", params, "--diff")
    assert done.status == 0, done.text
    assert told(done)["changed"] is True
    assert diff_of(checked) == diff_of(done) != []
    assert state.of(engine, service).spec == before.with_image("whoami:0.6")

    again = run.adhoc("swarm_service_image", params)
    assert told(again)["changed"] is False
    assert told(again)["service"]["outcome"] in ("unchanged", "converged")
    assert secret not in checked.text + done.text + again.text


def test_ad_hoc_failure(engine: Endpoint, service: str, secret: str) -> None:
    before = state.of(engine, service)
    params = {"name": f"{service}y", "image": "whoami:0.6", "docker_host": engine.host}
    done = run.adhoc("swarm_service_image", params, "-vvv")
    assert done.status == 2
    assert f"Did you mean {service}?" in done.text
    assert "Nothing was changed." in done.text
    assert secret not in done.text
    assert state.of(engine, service) == before


def test_who_is_left_out_is_told_by_a_watched_task_as_well(engine: Endpoint, service_name: str) -> None:
    """Its warning is that of the job's result, and comes once."""
    for short, labels in (("a", {"com.example.frozen": "yes"}), ("b", {}), ("db", {})):
        own = {"com.docker.stack.namespace": service_name, **labels}
        spec = services.simple(f"{service_name}-{short}", "whoami:0.7", replicas=0, Labels=own)
        spec["TaskTemplate"]["ContainerSpec"]["Labels"] = {"com.example.frozen": "yes"}
        services.post(engine, spec)
    done = run.playbook(SELECTING.format(host=engine.host, stack=service_name))
    assert done.status == 0, done.text
    assert f"{service_name}-b: 0/0 running whoami:0.6" in done.text
    said = " ".join(done.text.split())
    assert said.count(f"The containers of {service_name}-b have the label com.example.frozen") == 1
