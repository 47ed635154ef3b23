# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes the image of many services: each contender on one swarm of a thousand services without tasks.

Every run is checked at the engine: an update must have reached each service, a no-op must have touched none.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.swarm import Engine, images, services
from tests.swarm.engine import DEBIAN_CLI
from tools.bench_page import (
    AD_HOC,
    ALONE,
    CLI,
    COUNTS,
    MEBIBYTE,
    MODULE,
    NO_OP,
    OURS,
    PEER,
    PEER_AD_HOC,
    PEER_MODULE,
    PING,
    PING_ALONE,
    PYTHON,
    RAW,
    RAW_CALLS,
    ROLLOUT,
    UPDATE,
    WATCHED_DELAY,
    Book,
)
from tools.bench_runs import BenchFailed, Done, timed
from tools.bench_waits_page import SHOWN, SILENT
from tools.demo import ansible_settings, beside_python, say

ROUNDS = {OURS: 7, ALONE: 15, RAW: 15}
"""How often each is measured, and the loops by their number of services; the slow ones less often."""
CLI_ROUNDS = {1: 5, 50: 3, 200: 1}
PEER_ROUNDS = {NO_OP: {1: 3, 20: 2}, UPDATE: {1: 3, 20: 2}}
SIDE_BY_SIDE = 200
"""The update of so many is measured in turn with the peer's loop: so often before each loop and after the last."""
OURS_BESIDE_PEER = 5
PEER_LOOPS = 3
FIXED_ROUNDS = 21
WATCHED, WATCHED_REPLICAS = "watched", 5
"""The service of the rollout that is watched."""
WATCHED_ROUNDS = {NO_OP: 21, ROLLOUT: 4}

ALONE_PROGRAM = "import importlib, sys; importlib.import_module(sys.argv.pop(1)).main()"
RAW_PROGRAM = """
import json, sys, time
import requests_unixsocket
base, image, names = sys.argv[1], sys.argv[2], set(json.load(sys.stdin))
session = requests_unixsocket.Session()
session.trust_env = False
began = time.perf_counter()
answer = session.get(base + "/services")
answer.raise_for_status()
for service in answer.json():
    spec = service["Spec"]
    container = spec["TaskTemplate"]["ContainerSpec"]
    if spec["Name"] in names and container["Image"] != image:
        container["Image"] = image
        url = f"{base}/services/{service['ID']}/update?version={service['Version']['Index']}"
        session.post(url, data=json.dumps(spec), headers={"Content-Type": "application/json"}).raise_for_status()
print(time.perf_counter() - began)
"""
CLI_PROGRAM = 'while read -r name; do "$0" service update -d -q --no-resolve-image --image "$1" "$name"; done'
PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - swarmops.rollout.swarm_service_image:
        services: "{{ services }}"
        resolve: never
        wait: false
"""
PEER_PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - community.docker.docker_swarm_service:
        name: "{{ item }}"
        image: "{{ image }}"
      loop: "{{ names }}"
"""
WATCHED_PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - swarmops.rollout.swarm_service_image:
        name: "{{ name }}"
        image: "{{ image }}"
        show_progress: "{{ shown }}"
        resolve: never
"""


class Bench:
    """Runs each contender on the swarm's first services, and writes down its time."""

    def __init__(self, engine: Engine, collections: Path) -> None:
        self.engine = engine
        self.book = Book()
        self._settings = ansible_settings(engine, collections)
        self._python_path = {**os.environ, "PYTHONPATH": str(collections), "DOCKER_HOST": engine.host}
        self._folder = engine.space.folder
        self._names: list[str] = []
        self._tag = 0

    @property
    def image(self) -> str:
        """The image of the last update; nothing ever pulls it, for no service has a task."""
        return f"whoami:{self._tag}"

    def populate(self, count: int) -> None:
        """Create services as a stack has them: labels, variables, limits."""
        self._names = [f"service-{number:04d}" for number in range(count)]
        for name in self._names:
            services.post(self.engine, self._spec(name))

    def _spec(self, name: str) -> Any:
        spec = services.simple(name, self.image, replicas=0)
        spec["Labels"] = {"com.docker.stack.namespace": "bench", "com.example.team": "ops"}
        spec["TaskTemplate"]["ContainerSpec"]["Env"] = [f"VARIABLE_{each}=value {each}" for each in range(10)]
        spec["TaskTemplate"]["Resources"] = {"Limits": {"MemoryBytes": 64 * MEBIBYTE}}
        return spec

    def measure(self, what: str, cases: Mapping[tuple[str, int], int]) -> None:
        """Measure each contender on so many services so many times, in turn, so that noise is shared."""
        if what == NO_OP:
            self._raw(self._names)
        for number in range(max(cases.values())):
            for (who, count), rounds in cases.items():
                if number < rounds:
                    self._measure(who, what, count)
        for who, count in cases:
            self._tell(who, what, count)

    def measure_side_by_side(self, most: int) -> None:
        """Measure the update of many in turn with the peer, whose losses are made good each time."""
        for _loop in range(min(most, PEER_LOOPS)):
            self.measure(UPDATE, {(OURS, SIDE_BY_SIDE): min(most, OURS_BESIDE_PEER)})
            self.measure(UPDATE, {(PEER, SIDE_BY_SIDE): 1})
            for name in self._names[:SIDE_BY_SIDE]:
                services.update(self.engine, services.inspect(self.engine, name), self._spec(name))
        self.measure(UPDATE, {(OURS, SIDE_BY_SIDE): min(most, OURS_BESIDE_PEER)})

    def _measure(self, who: str, what: str, count: int) -> None:
        """Measure a contender once, and check what became of the services."""
        run = {OURS: self._playbook, ALONE: self._alone, RAW: self._raw, CLI: self._cli, PEER: self._peer}[who]
        with self._checked(who, what, count):
            done = run(self._names[:count])
        self.book.add(who, what, count, done)
        if who == RAW:
            self.book.add(RAW_CALLS, what, count, Done(float(done.text), 0, ""))

    def measure_fixed(self, rounds: int) -> None:
        """Measure what every run costs and the smallest no-op, in turn, so that noise is shared."""
        self._raw(self._names)
        name = self._names[0]
        ad_hoc: dict[str, tuple[str, str]] = {
            PING: ("ansible.builtin.ping", ""),
            AD_HOC: (f"swarmops.rollout.{MODULE}", f"name={name} image={self.image} wait=false"),
            PEER_AD_HOC: (PEER_MODULE, f"name={name} image={self.image}"),
        }
        for _round in range(rounds):
            for who, (module, arguments) in ad_hoc.items():
                with self._checked(who, NO_OP, 1):
                    done = self._ansible("ansible", "manager1", "-m", module, "-a", arguments)
                self.book.add(who, NO_OP, 1, done)
            self.book.add(PING_ALONE, NO_OP, 1, self._module("ansible.modules.ping", {}))
            self.book.add(PYTHON, NO_OP, 1, timed([sys.executable, "-c", "pass"], self._python_path))
        for who in (*ad_hoc, PING_ALONE, PYTHON):
            self._tell(who, NO_OP, 1)

    def measure_progress(self, most: int) -> None:
        """Measure what showing the progress costs, in turn with not showing it."""
        images.load(self.engine, "whoami:0.6", "whoami:0.7")
        spec = services.simple(WATCHED, "whoami:0.7", replicas=WATCHED_REPLICAS)
        spec["UpdateConfig"]["Delay"] = int(WATCHED_DELAY * services.SECOND)
        services.post(self.engine, spec)
        services.started(self.engine, WATCHED, WATCHED_REPLICAS)
        present, other = "whoami:0.7", "whoami:0.6"
        for _round in range(min(most, WATCHED_ROUNDS[ROLLOUT])):
            for who in (SHOWN, SILENT):
                self._watch(who, ROLLOUT, other)
                present, other = other, present
        for _round in range(min(most, WATCHED_ROUNDS[NO_OP])):
            for who in (SHOWN, SILENT):
                self._watch(who, NO_OP, present)
        for what in (ROLLOUT, NO_OP):
            for who in (SHOWN, SILENT):
                self._tell(who, what, 1)
        services.remove(self.engine, WATCHED)

    def _watch(self, who: str, what: str, image: str) -> None:
        playbook, variables = self._folder / "watched.yml", {"name": WATCHED, "image": image, "shown": who == SHOWN}
        playbook.write_text(WATCHED_PLAYBOOK, encoding="utf-8")
        done = self._ansible("ansible-playbook", str(playbook), "-e", json.dumps(variables))
        is_right = services.running(self.engine, WATCHED, image) == WATCHED_REPLICAS
        has_changed = "changed=1" in done.text
        if (
            not is_right
            or has_changed != (what == ROLLOUT)
            or (f"{WATCHED}: " in done.text) != (who == SHOWN and what == ROLLOUT)
        ):
            raise BenchFailed(f"{who}, {what}: not what it should be:\n{done.text[-2000:]}")
        self.book.add(who, what, 1, done)

    def _tell(self, who: str, what: str, count: int) -> None:
        samples = self.book.cases[who, what, count]
        say(f"{who:12} {what:7} {count:5}  {samples.median:8.3f} s, the median of {len(samples.seconds)}")

    @contextmanager
    def _checked(self, who: str, what: str, count: int) -> Iterator[None]:
        """See that an update inside reaches the first services and no other, and that a no-op touches none.

        Docker's command line knows no no-op: it always writes.
        """
        self._tag += what == UPDATE
        before = self._held()
        yield
        after = self._held()
        changed = [name for name in self._names if after[name][0] != before[name][0]]
        wrong = [name for name in self._names[:count] if after[name][1] != self.image]
        expected = [] if what == NO_OP and who != CLI else self._names[:count]
        if wrong or changed != expected:
            raise BenchFailed(f"{who}, {what} of {count}: {len(changed)} written, {len(wrong)} with a wrong image")

    def _held(self) -> dict[str, tuple[int, str]]:
        return {
            service["Spec"]["Name"]: (
                service["Version"]["Index"],
                service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"],
            )
            for service in self.engine.get("/services")
        }

    def _playbook(self, names: list[str]) -> Done:
        return self._play(PLAYBOOK, names)

    def _peer(self, names: list[str]) -> Done:
        return self._play(PEER_PLAYBOOK, names)

    def _play(self, text: str, names: list[str]) -> Done:
        playbook, variables = self._folder / "playbook.yml", self._folder / "variables.json"
        playbook.write_text(text, encoding="utf-8")
        variables.write_text(
            json.dumps({"names": names, "image": self.image, "services": self._listed(names)}), encoding="utf-8"
        )
        return self._ansible("ansible-playbook", str(playbook), "-e", f"@{variables}")

    def _ansible(self, program: str, *arguments: str) -> Done:
        return timed([str(beside_python(program)), *arguments], self._settings)

    def _alone(self, names: list[str]) -> Done:
        return self._module(
            f"ansible_collections.swarmops.rollout.plugins.modules.{MODULE}",
            {"services": self._listed(names), "resolve": "never", "wait": False},
        )

    def _listed(self, names: list[str]) -> list[dict[str, str]]:
        return [{"name": name, "image": self.image} for name in names]

    def _module(self, name: str, params: Mapping[str, Any]) -> Done:
        """Run a module as the managed node does: a process of its own, without Ansible's controller."""
        command = [sys.executable, "-c", ALONE_PROGRAM, name]
        return timed(command, self._python_path, json.dumps({"ANSIBLE_MODULE_ARGS": params}))

    def _raw(self, names: list[str]) -> Done:
        base = f"http+unix://{str(self.engine.socket).replace('/', '%2F')}/v{self.engine.version}"
        return timed([sys.executable, "-c", RAW_PROGRAM, base, self.image], self._python_path, json.dumps(names))

    def _cli(self, names: list[str]) -> Done:
        listed = "".join(f"{name}\n" for name in names)
        return timed(["sh", "-c", CLI_PROGRAM, str(DEBIAN_CLI), self.image], self.engine.environment, listed)


def measure_all(bench: Bench, most: int) -> None:
    """Measure everything, each case ``most`` times at most; the loops, which change more than images, come last."""
    bench.measure_progress(most)
    bench.measure_fixed(min(most, FIXED_ROUNDS))
    for what in (NO_OP, UPDATE):
        cases = {(who, count): min(most, ROUNDS[who]) for count in COUNTS for who in ROUNDS}
        if what == UPDATE:
            del cases[OURS, SIDE_BY_SIDE]
        bench.measure(what, cases)
        bench.measure(what, {(CLI, count): min(most, rounds) for count, rounds in CLI_ROUNDS.items()})
    bench.measure_side_by_side(most)
    for what, by_count in PEER_ROUNDS.items():
        bench.measure(what, {(PEER, count): min(most, rounds) for count, rounds in by_count.items()})
