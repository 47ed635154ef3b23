# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tools.record``: bring services into every state there is, on real engines, and keep their answers.

What is recorded is what the judge of rollouts is given: a service, its up-to-date tasks, the nodes and the header Date,
trimmed to what it looks at. It is written to ``recorded_engines.json`` beside the unit tests of the judge. To add a
state, add a function to :data:`SCENES`; to add an engine, name its Debian release on the command line.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.swarm import images, services
from tests.swarm.engine import Endpoint, Engine, eventually

OUTPUT = Path(__file__).parents[1] / "tests/unit/plugins/module_utils/_service/recorded_engines.json"
SUITES = ("bullseye", "trixie", "sid")
"""Engines 20.10.5, 26.1.5 and 28.5.2."""
MONITOR = 1.0
OLD, NEW, CRASH = "whoami:0.7", "whoami:0.6", "crash:1"
NOBODY = {"Constraints": ["node.labels.nobody == has"]}
FOREIGN = {"Platforms": [{"Architecture": "riscv64", "OS": "linux"}]}
GLOBAL: services.Spec = {"Global": {}}
JOB = {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 2}}
GLOBAL_JOB: services.Spec = {"GlobalJob": {}}
ONCE = {"MaxAttempts": 1, "Delay": services.SECOND // 10}
REST = {"Parallelism": 1, "Delay": 60 * services.SECOND}

SERVICE = ("ID", "Version", "UpdatedAt", "UpdateStatus", "JobStatus")
SPEC = ("Name", "Mode", "UpdateConfig", "RollbackConfig")
TASK = ("ID", "ServiceID", "NodeID", "Slot", "DesiredState", "CreatedAt", "UpdatedAt", "JobIteration")
NODE = ("ID", "Version", "UpdatedAt", "Spec", "Status")


def kept(names: Sequence[str], whole: Mapping[str, Any]) -> dict[str, Any]:
    """Return these members of an object, where it has them."""
    return {name: whole[name] for name in names if name in whole}


def record(engine: Endpoint, name: str) -> dict[str, Any]:
    """Return how a service stands now."""
    service = services.inspect(engine, name)
    filters = {"service": [service["ID"]], "_up-to-date": ["true"]}
    tasks = engine.get("/tasks", filters=json.dumps(filters))
    answer = engine.checked("GET", "/nodes")
    template = service["Spec"]["TaskTemplate"]
    spec = {
        **kept(SPEC, service["Spec"]),
        "TaskTemplate": {
            **kept(("RestartPolicy", "Placement", "ForceUpdate"), template),
            "ContainerSpec": kept(("Image",), template["ContainerSpec"]),
        },
    }
    previous = {"PreviousSpec": kept(("Name",), service["PreviousSpec"])} if "PreviousSpec" in service else {}
    return {
        "date": answer.headers["Date"],
        "service": {**kept(SERVICE, service), "Spec": spec, **previous},
        "tasks": [trimmed_task(task) for task in tasks],
        "nodes": [trimmed_node(node) for node in answer.json()],
    }


def trimmed_task(task: Any) -> dict[str, Any]:
    """Return what is kept of a task."""
    status = kept(("State", "Err"), task["Status"])
    if "ContainerStatus" in task["Status"]:
        status["ContainerStatus"] = kept(("ExitCode",), task["Status"]["ContainerStatus"])
    image = kept(("Image",), task["Spec"]["ContainerSpec"])
    return {**kept(TASK, task), "Status": status, "Spec": {"ContainerSpec": image}}


def trimmed_node(node: Any) -> dict[str, Any]:
    """Return what is kept of a node."""
    return {**kept(NODE, node), "Description": kept(("Hostname", "Platform"), node["Description"])}


class Scene:
    """A service that is brought into a state."""

    def __init__(self, engine: Endpoint, name: str) -> None:
        self.engine = engine
        self.name = name

    def create(self, image: str = OLD, *, policy: Any = None, placement: Any = None, **fields: Any) -> None:
        """Create the service; ``policy`` and ``placement`` go into its task template."""
        spec = services.simple(self.name, image, monitor=MONITOR, **fields)
        spec["TaskTemplate"]["RestartPolicy"].update(policy or {})
        spec["TaskTemplate"]["Placement"] = placement or {}
        if {"ReplicatedJob", "GlobalJob"} & set(spec["Mode"]):
            del spec["UpdateConfig"]
        services.post(self.engine, spec)

    def update(self, image: str, **config: Any) -> None:
        """Give it another image, and another configuration of its updates."""
        service = services.inspect(self.engine, self.name)
        service["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] = image
        if config:
            service["Spec"]["UpdateConfig"].update(config)
        services.update(self.engine, service, service["Spec"])

    def roll_back(self) -> None:
        """Ask the engine to roll it back."""
        service = services.inspect(self.engine, self.name)
        params = {"version": str(service["Version"]["Index"]), "rollback": "previous"}
        self.engine.checked("POST", f"/services/{service['ID']}/update", params=params, json=service["Spec"])

    def runs(self, count: int = 2, image: str = OLD) -> None:
        """Wait until so many of its tasks run an image."""
        services.started(self.engine, self.name, count, image)

    def is_at(self, state: str) -> None:
        """Wait until its update is in a state."""
        eventually(lambda: self.update_state == state, f"{self.name} is at {state}", 60)

    @property
    def update_state(self) -> str:
        """The state of its update; empty where it has none."""
        return str(services.inspect(self.engine, self.name).get("UpdateStatus", {}).get("State", ""))

    def has(self, *states: str) -> None:
        """Wait until its tasks are in these states, desired ones after a slash where they are named."""
        eventually(lambda: self.states(states) == sorted(states), f"the tasks of {self.name} are {states}", 60)

    def states(self, like: Sequence[str]) -> list[str]:
        """Return the states of its tasks, the desired ones too where ``like`` names them."""
        tasks = self.engine.get("/tasks", filters=json.dumps({"service": [self.name]}))
        is_full = any("/" in state for state in like)
        return sorted(task["Status"]["State"] + (f"/{task['DesiredState']}" if is_full else "") for task in tasks)


def running(scene: Scene) -> None:
    """Two replicas that run."""
    scene.create(replicas=2)
    scene.runs()


def updating(scene: Scene) -> None:
    """An update that rests after the first of two replicas."""
    running(scene)
    scene.update(NEW, **REST)
    scene.runs(1, NEW)


def completed(scene: Scene) -> None:
    """An update that is completed."""
    running(scene)
    scene.update(NEW)
    scene.is_at("completed")


def paused(scene: Scene) -> None:
    """An update that has paused over a task that crashes."""
    running(scene)
    scene.update(CRASH)
    scene.is_at("paused")


def rolled_back_by_the_swarm(scene: Scene) -> None:
    """An update over a task that crashes, after which the swarm has put the service back."""
    scene.create()
    scene.runs(1)
    scene.update(CRASH, FailureAction="rollback")
    scene.is_at("rollback_completed")
    scene.runs(1)


def rolled_back_on_request(scene: Scene) -> None:
    """A service that was put back because somebody asked for it."""
    completed(scene)
    scene.roll_back()
    scene.is_at("rollback_completed")
    scene.runs()


def completed_over_crashes(scene: Scene) -> None:
    """An update that is completed although its task has crashed, and will be started again."""
    scene.create(policy={"Delay": 30 * services.SECOND})
    scene.runs(1)
    scene.update(CRASH, FailureAction="continue")
    scene.is_at("completed")


def without_a_node(scene: Scene) -> None:
    """Two replicas for which there is no node."""
    scene.create(replicas=2, placement=NOBODY)
    scene.has("pending", "pending")


def scaled_to_none(scene: Scene) -> None:
    """A service without replicas."""
    scene.create(replicas=0)


def crashing(scene: Scene) -> None:
    """A new service whose one task has crashed, and will be started again."""
    scene.create(CRASH, policy={"Delay": 30 * services.SECOND})
    scene.has("failed/shutdown", "ready/ready")


def given_up(scene: Scene) -> None:
    """A service whose one task has crashed as often as its restart policy allows."""
    scene.create(CRASH, policy=ONCE)
    scene.has("failed/shutdown", "failed/shutdown")


def never_restarted(scene: Scene) -> None:
    """A service whose one task has crashed and is never restarted."""
    scene.create(CRASH, policy={"Condition": "none"})
    scene.has("failed/shutdown")


def ended_for_good(scene: Scene) -> None:
    """A service that should always run, and whose one task has ended well as often as its restart policy allows."""
    scene.create("oneshot:1", policy=ONCE)
    scene.has("complete/shutdown", "complete/shutdown")


def one_shot(scene: Scene) -> None:
    """Two tasks that have ended well, and need not run again."""
    scene.create("oneshot:1", replicas=2, policy={"Condition": "on-failure"})
    scene.has("complete", "complete")


def global_running(scene: Scene) -> None:
    """A global service that runs on its node."""
    scene.create(Mode=GLOBAL)
    scene.runs(1)


def global_completed(scene: Scene) -> None:
    """A global service whose update is completed."""
    global_running(scene)
    scene.update(NEW)
    scene.is_at("completed")


def global_without_a_node(scene: Scene) -> None:
    """A global service whose constraints no node meets."""
    scene.create(Mode=GLOBAL, placement=NOBODY)


def global_without_a_node_rolled_back(scene: Scene) -> None:
    """The same, after an update and a rollback, of which the engine never says that it has completed."""
    global_without_a_node(scene)
    scene.update(NEW)
    scene.roll_back()
    scene.is_at("rollback_started")


def global_without_a_platform(scene: Scene) -> None:
    """A global service of an image that is not for the node's platform."""
    scene.create(Mode=GLOBAL, placement=FOREIGN)
    scene.has("pending")


def job_at_work(scene: Scene) -> None:
    """A job whose first task is at work."""
    scene.create(Mode=JOB, policy={"Condition": "on-failure"})
    scene.runs(1)


def job_complete(scene: Scene) -> None:
    """A job that is complete."""
    scene.create("oneshot:1", Mode=JOB, policy={"Condition": "on-failure"})
    scene.has("complete", "complete")


def job_rolled_back(scene: Scene) -> None:
    """A job that is complete again after a rollback, of which the engine never says that it has completed."""
    scene.create("oneshot:1", Mode=JOB, policy={"Condition": "on-failure"})
    scene.update(NEW)
    scene.roll_back()
    eventually(lambda: _complete_in_iteration(scene, 2) == 2, "the job is complete again", 60)


def _complete_in_iteration(scene: Scene, iteration: int) -> int:
    tasks = scene.engine.get("/tasks", filters=json.dumps({"service": [scene.name]}))
    done = [task for task in tasks if task["Status"]["State"] == "complete"]
    return sum(task.get("JobIteration", {}).get("Index", 0) == iteration for task in done)


def job_out_of_attempts(scene: Scene) -> None:
    """A job that has failed as often as its restart policy allows."""
    scene.create("failjob:1", Mode=JOB, policy={"Condition": "on-failure", **ONCE})
    scene.has("failed/shutdown", "failed/shutdown")


def global_job_complete(scene: Scene) -> None:
    """A global job that is complete."""
    scene.create("oneshot:1", Mode=GLOBAL_JOB, policy={"Condition": "on-failure"})
    scene.has("complete")


SCENES: tuple[Callable[[Scene], None], ...] = (
    running,
    updating,
    completed,
    paused,
    rolled_back_by_the_swarm,
    rolled_back_on_request,
    completed_over_crashes,
    without_a_node,
    scaled_to_none,
    crashing,
    given_up,
    never_restarted,
    ended_for_good,
    one_shot,
    global_running,
    global_completed,
    global_without_a_node,
    global_without_a_node_rolled_back,
    global_without_a_platform,
    job_at_work,
    job_complete,
    job_rolled_back,
    job_out_of_attempts,
    global_job_complete,
)


def record_engine(suite: str) -> tuple[str, dict[str, Any]]:
    """Record every scene on the engine of a Debian release; return its version and the scenes."""
    with Engine(suite=suite) as engine:
        images.load(engine)
        version = str(engine.get("/version")["Version"]).partition("+")[0]
        recorded = {}
        for play in SCENES:
            name = play.__name__.replace("_", "-")
            play(Scene(engine, name))
            recorded[play.__name__] = record(engine, name)
            services.remove(engine, name)
            print(version, play.__name__, flush=True)
        return version, recorded


def main() -> int:
    """Record, and write the file anew."""
    engines = dict(record_engine(suite) for suite in sys.argv[1:] or SUITES)
    rows = ",\n".join(
        f" {json.dumps(version)}: {{\n"
        + ",\n".join(f"  {json.dumps(name)}: {json.dumps(seen, sort_keys=True)}" for name, seen in scenes.items())
        + "\n }"
        for version, scenes in engines.items()
    )
    OUTPUT.write_text(f"{{\n{rows}\n}}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
