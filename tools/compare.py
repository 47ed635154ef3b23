# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tools.compare``: what becomes of a service when its image is changed, beside what people use today.

Each contender does the same jobs on an engine started for it, and the engine is asked what came of them. The answers
go to ``docs/comparison.md`` and, the table alone, into the README between two marks. No cell is written by hand.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from tests.swarm import Engine, EngineError, Proxy, Registry, eventually, images, services
from tests.swarm.box import BoxError, capture
from tests.swarm.collection import ROOT, collection_path
from tests.swarm.engine import DEBIAN_CLI
from tests.swarm.packages import PackagesError, ensure
from tests.swarm.proxy import Before, Rewrite
from tests.swarm.services import Spec
from tests.swarm.specs import Change, differing
from tools.bench_page import licence_note
from tools.bench_runs import BenchFailed, machine
from tools.demo import ansible_settings, beside_python, say

OURS, PEER = "swarmops.rollout.swarm_service_image", "community.docker.docker_swarm_service"
BEFORE, AFTER, BROKEN = "whoami:0.7", "whoami:0.6", "crash:1"
UPDATE = r"/services/[^/?]+/update"
READ = r"/services(/[^/?]+)?(\?.*)?$"
NEWER = {"NeverHeardOf": {"Some": ["thing"]}}
"""A field of a container's spec that no client knows."""
MONITOR = 5
"""Seconds that the swarm watches a new task; its own default, and longer than a task that fails at once lives."""
SETTLED = 60
"""Seconds within which the swarm ends an update by itself."""
LIMIT = 120
"""Seconds after which a contender counts as hanging."""
MARKS = ("<!-- comparison -->", "<!-- end of comparison -->")

CURL_PROGRAM = """
set -e
api="$1" socket="${DOCKER_HOST#unix://}"
version=$(curl -sS --unix-socket "$socket" "http://localhost/$api/services/$2" |
  sed -n 's/.*"Version":{"Index":\\([0-9]*\\)}.*/\\1/p')
curl -sS --fail-with-body --unix-socket "$socket" -H 'Content-Type: application/json' \\
  -d '{"Name":"'"$2"'","TaskTemplate":{"ContainerSpec":{"Image":"'"$3"'"}}}' \\
  "http://localhost/$api/services/$2/update?version=$version"
"""
DOCKER_PY_PROGRAM = """
import sys, docker
client = docker.from_env(version="auto")
print(client.services.get(sys.argv[1]).update(image=sys.argv[2]))
"""
PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - {module}: {arguments}
"""


class CompareFailed(Exception):
    """A job could not be prepared, so that nothing can be said of it."""


@dataclass(frozen=True)
class Said:
    """What a contender said of a job: its exit status, and the text that it printed."""

    status: int
    text: str

    @property
    def verdict(self) -> str:
        """The verdict in short: for Ansible its own word, else the exit status."""
        if self.status:
            return f"fails (exit {self.status})"
        recap = re.search(r"changed=(\d+)", self.text)
        return f"exit {self.status}" if recap is None else "says `changed`" if recap[1] != "0" else "says `ok`"


Runner = Callable[[Mapping[str, str], str, str], Said]
"""Sets a service's image, given an environment for the engine, the service's name and the image."""


@dataclass(frozen=True)
class Contender:
    """Something that people change an image with.

    ``how`` is what they write; ``version`` is the one that a digest depends on, where others do without.
    """

    name: str
    how: str
    run: Runner
    version: str = ""

    def pinned(self, pins: str) -> str:
        """Return the table's cell on digests."""
        return f"{pins} ({self.version})" if self.version else pins


@dataclass(frozen=True)
class Judged:
    """What came of a contender's jobs: a cell for each of :data:`JOBS`, and the two changes of the first of them."""

    contender: Contender
    rich: Change
    plain: Change
    cells: tuple[str, ...]


def execute(command: list[str], settings: Mapping[str, str]) -> Said:
    """Run a contender's command to its end."""
    return Said(*capture(command, settings, LIMIT))


class Contest:
    """Has each contender do each job on services of its own."""

    def __init__(self, engine: Engine, registry: Registry, collections: Path) -> None:
        self.engine = engine
        self._registry = registry
        self._ansible = ansible_settings(engine, collections)
        self._numbers = count(1)

    def contenders(self, cli: str) -> Iterator[Contender]:
        """Yield the contenders, this collection first; ``cli`` is the version of Docker's command."""
        task = "`{}` with `name` and `image`"
        yield Contender("this collection", task.format(OURS), partial(self._play, OURS))
        yield Contender("`docker service update`", "`docker service update --image IMAGE NAME`", self._cli, cli)
        yield Contender("docker-py", "`client.services.get(NAME).update(image=IMAGE)`", self._docker_py)
        yield Contender("`docker_swarm_service`", task.format(PEER), partial(self._play, PEER))
        recipe = "`POST /services/NAME/update?version=INDEX` with a body of a name and an image"
        yield Contender("API recipe", recipe, self._curl)

    def prepare(self) -> None:
        """Fill the registry."""
        images.load(self.engine)
        for image in (BEFORE, AFTER, BROKEN):
            self._registry.push(image, image)

    def judge(self, contender: Contender) -> Judged:
        """Have a contender do all jobs."""
        say(f"{contender.name} …")
        (rich, pinned), plain = self.rich(contender.run), self._plain(contender.run)
        jobs = (
            self._newer_field,
            self._nothing_to_do,
            self._second_writer,
            self._legacy,
            self._automatic_rollback,
        )
        first = (str(rich), str(plain), contender.pinned(pinned))
        return Judged(contender, rich, plain, (*first, *(job(contender.run) for job in jobs)))

    def rich(self, run: Runner) -> tuple[Change, str]:
        """Change the image of a service that uses every field; say what else changed, and whether it is pinned."""
        name = self._name()
        spec = services.rich_spec(self.engine, name, image=self._pinned(BEFORE))
        spec["TaskTemplate"]["Placement"]["Platforms"] = self._platforms(BEFORE)
        services.post(self.engine, spec)
        change, stored = self._change(run, name)
        return change, "yes" if "@sha256:" in stored else "no"

    def _plain(self, run: Runner) -> Change:
        """Change the image of a service that says nothing but its image."""
        name = self._name()
        task = {"ContainerSpec": {"Image": self._pinned(BEFORE)}}
        services.post(self.engine, {"Name": name, "TaskTemplate": task, "Mode": {"Replicated": {"Replicas": 0}}})
        return self._change(run, name)[0]

    def _change(self, run: Runner, name: str) -> tuple[Change, str]:
        """Change a service's image; return what else changed, and the image as it is stored."""
        before = services.inspect(self.engine, name)["Spec"]
        said = run(self._settings(), name, self._reference(AFTER))
        after = services.inspect(self.engine, name)["Spec"]
        if said.status or not self._runs(after, AFTER):
            raise CompareFailed(f"the image was not changed: {said.text}")
        return differing(before, after), _image(after)

    def _newer_field(self, run: Runner) -> str:
        """Change the image of a service that has a field of an engine newer than the contender."""
        name = self._create(BEFORE)
        with Proxy(self.engine.host) as proxy:
            proxy.on("GET", READ, Rewrite(with_newer_field), times=None)
            run(self._settings(proxy.host), name, self._reference(AFTER))
            sent = proxy.posts[-1].json["TaskTemplate"]["ContainerSpec"]
        return "kept" if NEWER.items() <= sent.items() else "lost"

    def _nothing_to_do(self, run: Runner) -> str:
        """Set the image that a service has already."""
        name = self._create(BEFORE)
        before = services.inspect(self.engine, name)["Version"]["Index"]
        said = run(self._settings(), name, self._reference(BEFORE))
        written = services.inspect(self.engine, name)["Version"]["Index"] != before
        return f"{said.verdict}, {'writes' if written else 'writes nothing'}"

    def _second_writer(self, run: Runner) -> str:
        """Change the image at the very moment when somebody else sets a label."""
        name = self._create(BEFORE)
        with Proxy(self.engine.host) as proxy:
            proxy.on("POST", UPDATE, Before(partial(self._set_label, name)))
            said = run(self._settings(proxy.host), name, self._reference(AFTER))
        spec = services.inspect(self.engine, name)["Spec"]
        kept = spec.get("Labels", {}).get("other") == "yes"
        image = "changed" if self._runs(spec, AFTER) else "not changed"
        return f"{said.verdict}; image {image}, label {'kept' if kept else 'lost'}"

    def _legacy(self, run: Runner) -> str:
        """Change the image of a service with networks at the top of its spec, as clients of API 1.24 made it."""
        name = self._name()
        services.legacy_networks(self.engine, name, image=self._pinned(BEFORE))
        said = run(self._settings(), name, self._reference(AFTER))
        spec = services.inspect(self.engine, name)["Spec"]
        kept = bool(spec.get("Networks") or spec["TaskTemplate"].get("Networks"))
        image = "changed" if self._runs(spec, AFTER) else "not changed"
        return f"{said.verdict}; image {image}, network {'kept' if kept else 'lost'}"

    def _automatic_rollback(self, run: Runner) -> str:
        """Set an image that crashes, on a service that is to be rolled back by itself."""
        name = self._create(BEFORE, failure="rollback", replicas=1)
        services.started(self.engine, name, timeout=SETTLED)
        said = run(self._settings(), name, self._reference(BROKEN))
        eventually(partial(self._settled, name), f"the update of {name} has ended", SETTLED)
        back = self._runs(services.inspect(self.engine, name)["Spec"], BEFORE)
        return f"{said.verdict}; service {'is back' if back else 'stays broken'}"

    def _runs(self, spec: Spec, image: str) -> bool:
        return _image(spec).startswith(self._reference(image))

    def _settled(self, name: str) -> bool:
        state = services.inspect(self.engine, name).get("UpdateStatus", {}).get("State", "")
        return state in ("completed", "paused", "rollback_completed", "rollback_paused")

    def _create(self, image: str, *, failure: str = "pause", replicas: int = 0) -> str:
        """Create a plain service as the Docker CLI does, and return its name."""
        name = self._name()
        spec = services.simple(name, self._pinned(image), replicas=replicas, monitor=MONITOR)
        spec["TaskTemplate"]["Placement"] = {"Platforms": self._platforms(image)}
        spec["UpdateConfig"]["FailureAction"] = failure
        spec["RollbackConfig"] = {"Parallelism": 1, "Monitor": services.SECOND // 2}
        services.post(self.engine, spec)
        return name

    def _set_label(self, name: str) -> None:
        service = services.inspect(self.engine, name)
        services.update(self.engine, service, {**service["Spec"], "Labels": {"other": "yes"}})

    def _name(self) -> str:
        return f"compared{next(self._numbers)}"

    def _reference(self, image: str) -> str:
        return f"{self._registry.address}/{image}"

    def _pinned(self, image: str) -> str:
        repository, _colon, tag = image.partition(":")
        return f"{self._reference(image)}@{self._registry.digest(repository, tag)}"

    def _platforms(self, image: str) -> list[Spec]:
        found = self.engine.get(f"/distribution/{self._reference(image)}/json")["Platforms"]
        return [{"Architecture": each["architecture"], "OS": each["os"]} for each in found]

    def _settings(self, host: str = "") -> Mapping[str, str]:
        return {**self._ansible, **self.engine.environment, "DOCKER_HOST": host or self.engine.host}

    def _cli(self, settings: Mapping[str, str], name: str, image: str) -> Said:
        return execute([str(DEBIAN_CLI), "service", "update", "--image", image, name], settings)

    def _curl(self, settings: Mapping[str, str], name: str, image: str) -> Said:
        return execute(["sh", "-c", CURL_PROGRAM, "sh", f"v{self.engine.version}", name, image], settings)

    def _docker_py(self, settings: Mapping[str, str], name: str, image: str) -> Said:
        return execute([sys.executable, "-c", DOCKER_PY_PROGRAM, name, image], settings)

    def restated(self, settings: Mapping[str, str], name: str, image: str) -> Said:
        """Run the peer's module with every option that says something of a rich service."""
        spec = services.inspect(self.engine, name)["Spec"]
        return self._play(PEER, settings, name, image, **restated(self.engine, spec))

    def _play(self, module: str, settings: Mapping[str, str], name: str, image: str, **more: Any) -> Said:
        playbook = self.engine.space.folder / "compare.yml"
        arguments = json.dumps({"name": name, "image": image, **more}).replace("{{", "{{ '{{' }}")
        playbook.write_text(PLAY.format(module=module, arguments=arguments), encoding="utf-8")
        return execute([str(beside_python("ansible-playbook")), str(playbook)], settings)


def cli_version(told: str) -> str:
    """Return the version in what ``docker --version`` says: ``28.5.2+dfsg1, build 89c5e8f``."""
    return re.split(r"[+,]", told)[0]


def _image(spec: Spec) -> str:
    return str(spec["TaskTemplate"]["ContainerSpec"]["Image"])


def with_newer_field(answer: bytes) -> bytes:
    """Add a field to each service of an engine's answer, as a newer engine would."""
    held = json.loads(answer)
    for service in held if isinstance(held, list) else [held]:
        service["Spec"]["TaskTemplate"]["ContainerSpec"].update(NEWER)
    return json.dumps(held).encode()


def restated(engine: Engine, spec: Spec) -> dict[str, Any]:
    """Return all that the options of ``community.docker.docker_swarm_service`` can say of a rich service's spec."""
    task = spec["TaskTemplate"]
    return {
        "labels": spec["Labels"],
        "mode": "replicated",
        "replicas": spec["Mode"]["Replicated"]["Replicas"],
        "endpoint_mode": spec["EndpointSpec"]["Mode"],
        "publish": [_port(port) for port in spec["EndpointSpec"]["Ports"]],
        "networks": [
            {
                "name": engine.get(f"/networks/{each['Target']}")["Name"],
                "aliases": each["Aliases"],
                **({"options": each["DriverOpts"]} if each.get("DriverOpts") else {}),
            }
            for each in task["Networks"]
        ],
        "logging": {"driver": task["LogDriver"]["Name"], "options": task["LogDriver"]["Options"]},
        "limits": _resources(task["Resources"]["Limits"]),
        "reservations": _resources(task["Resources"]["Reservations"]),
        "restart_config": _pick(task["RestartPolicy"], "Condition Delay MaxAttempts Window"),
        "placement": {
            "constraints": task["Placement"]["Constraints"],
            "preferences": [
                {"spread": each["Spread"]["SpreadDescriptor"]} for each in task["Placement"]["Preferences"]
            ],
            "replicas_max_per_node": task["Placement"]["MaxReplicas"],
        },
        "update_config": _rollout(spec["UpdateConfig"]),
        "rollback_config": _rollout(spec["RollbackConfig"]),
        **_container(task["ContainerSpec"]),
    }


def _container(container: Spec) -> dict[str, Any]:
    dns = container["DNSConfig"]
    hosts = (line.split() for line in container["Hosts"])
    return {
        "container_labels": container["Labels"],
        "hosts": {name: address for address, name in hosts},
        "dns": dns["Nameservers"],
        "dns_search": dns["Search"],
        "dns_options": dns["Options"],
        "healthcheck": _pick(container["Healthcheck"], "Test Interval Timeout StartPeriod Retries"),
        "mounts": [_mount(mount) for mount in container["Mounts"]],
        "secrets": [_file(each, "Secret") for each in container["Secrets"]],
        "configs": [_file(each, "Config") for each in container["Configs"]],
        "cap_add": container["CapabilityAdd"],
        "cap_drop": container["CapabilityDrop"],
        "working_dir": container["Dir"],
        **_pick(
            container, "Command Args Hostname Env User Groups TTY ReadOnly StopSignal StopGracePeriod Init Sysctls"
        ),
    }


def _pick(part: Spec, names: str) -> dict[str, Any]:
    """Return fields under the names that Ansible gives them, durations as it writes them."""
    durations = ("Delay", "Window", "Interval", "Timeout", "StartPeriod", "StopGracePeriod", "Monitor")
    picked = {name: part[name] for name in names.split() if name in part}
    return {
        "tty" if name == "TTY" else re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower(): (
            f"{value // services.MILLISECOND}ms" if name in durations else value
        )
        for name, value in picked.items()
    }


def _rollout(config: Spec) -> dict[str, Any]:
    return _pick(config, "Parallelism Delay FailureAction Monitor MaxFailureRatio Order")


def _port(port: Spec) -> dict[str, Any]:
    said = {"target_port": port["TargetPort"], "protocol": port["Protocol"], "mode": port["PublishMode"]}
    return {**said, **({"published_port": port["PublishedPort"]} if port.get("PublishedPort") else {})}


def _resources(part: Spec) -> dict[str, Any]:
    return {"cpus": part["NanoCPUs"] / 1e9, "memory": f"{part['MemoryBytes']}B"}


def _file(entry: Spec, kind: str) -> dict[str, Any]:
    low, file = kind.lower(), entry["File"]
    return {
        f"{low}_id": entry[f"{kind}ID"],
        f"{low}_name": entry[f"{kind}Name"],
        "filename": file["Name"],
        "uid": file["UID"],
        "gid": file["GID"],
        "mode": file["Mode"],
    }


def _mount(mount: Spec) -> dict[str, Any]:
    volume, tmpfs = mount.get("VolumeOptions"), mount.get("TmpfsOptions")
    said: dict[str, Any] = {"type": mount["Type"], "target": mount["Target"], "source": mount.get("Source", "")}
    if "ReadOnly" in mount:
        said["readonly"] = mount["ReadOnly"]
    if "BindOptions" in mount:
        said["propagation"] = mount["BindOptions"]["Propagation"]
    if volume:
        driver = {"name": volume["DriverConfig"]["Name"], "options": volume["DriverConfig"]["Options"]}
        said.update(labels=volume["Labels"], no_copy=volume["NoCopy"], driver_config=driver)
    if tmpfs:
        said.update(tmpfs_size=f"{tmpfs['SizeBytes']}B", tmpfs_mode=tmpfs["Mode"])
    return said


JOBS = (
    "A service with every field, image changed",
    "A service with nothing but an image",
    "The new image has its digest",
    "A field that is newer than the client",
    "Nothing to do",
    "Another writer at that moment",
    "Networks of an old client",
    "The new image crashes, the swarm rolls back",
)
"""What is compared: a row of the table each."""

PAGE = """\
{head}

# Comparison

What becomes of a service when its image is changed, by what people use. `make compare` does all of this in one run on
an engine that it starts for that, asks the engine afterwards what came of it, and writes this page.

{table}
## The jobs

- *Every field*: networks, ports, labels, limits, variables, secrets, configs, mounts, ulimits, capabilities, sysctls, a
  health check and the rest. A field that is gone, other or new afterwards is counted, and named below. Platforms belong
  to the image and do not count, and neither does the order within a list, or a field that says 0 in place of nothing.
- *Nothing but an image*: what is added here are defaults, which from then on are no longer the engine's to choose.
- *Digest*: whether the service's spec has tag and digest afterwards, so that all nodes run the same. In brackets the
  version of the Docker CLI: 29.0 to 29.7 never store it
  ([docker/cli#7302](https://github.com/docker/cli/issues/7302)). With its option `resolve_image`,
  `docker_swarm_service` stores it too.
- *A newer field*: the engine's answers have a field that no client knows, and the client's update is looked at.
- *Nothing to do*: the image is the one that the service has. A write, even of an equal spec, overwrites the spec that
  the service would be rolled back to.
- *Another writer*: somebody else sets a label between the contender's last reading of the service and its write.
- *Networks of an old client*: a client of API 1.24 created the service, with networks at the top of its spec.
- *Crashes*: the service is to be rolled back by the swarm on failure, and the new image does not start. *Stays broken*
  means that the service had lost that setting by then.

*Says* is Ansible's word for the task; *exit* is the exit status of a command that knows no such word.

## The contenders

{contenders}
`docker_swarm_service` treats what is not named as not wanted. With all of the service restated in its options,
the first row reads: {restated}.

## Which fields

{fields}
## Where and when

{about}"""


def table(rows: Iterable[Judged]) -> str:
    """Return the table in Markdown: a row a job, a column a contender."""
    judged = list(rows)
    heads = ["", *(each.contender.name for each in judged)]
    lines = [[job, *(each.cells[number] for each in judged)] for number, job in enumerate(JOBS)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (heads, ["---"] * len(heads), *lines))


def named(who: str, change: Change) -> str:
    """Name the fields of a change, a line for those lost and one for those added."""
    kinds = {"lost or changed": change.lost, "added": change.added}
    return "".join(
        f"- {who}, {kind}: {', '.join(f'`{path}`' for path in kinds[kind])}.\n" for kind in kinds if kinds[kind]
    )


def report(rows: list[Judged], restating: Change, about: Mapping[str, str]) -> str:
    """Return the page that tells it all."""
    fields = "".join(
        named(f"{row.contender.name}, {service}", change)
        for row in rows
        for service, change in (("every field", row.rich), ("nothing but an image", row.plain))
    )
    versions = "".join(f"| {key} | {value} |\n" for key, value in about.items())
    return PAGE.format(
        head=licence_note(),
        table=table(rows),
        contenders="".join(f"- {row.contender.name}: {row.contender.how}.\n" for row in rows),
        restated=restating,
        fields=fields + named("`docker_swarm_service`, all restated", restating),
        about=f"|  |  |\n| --- | --- |\n{versions}",
    )


def write(folder: Path, page: str, made: str) -> None:
    """Write the page, and the table between its marks into the README beside it, where one has them."""
    (folder / "comparison.md").write_text(page, encoding="utf-8")
    readme = folder.parent / "README.md"
    text = readme.read_text(encoding="utf-8") if readme.exists() else ""
    if all(mark in text for mark in MARKS):
        head, _mark, rest = text.partition(MARKS[0])
        tail = rest.partition(MARKS[1])[2]
        readme.write_text(f"{head}{MARKS[0]}\n\n{made}\n{MARKS[1]}{tail}", encoding="utf-8")


def compare(folder: Path) -> None:
    """Run the comparison and write its page."""
    say("Starting a swarm of one node (missing Debian packages are installed first) …")
    ensure({"curl": "curl"})
    with (
        Engine() as engine,
        Registry(engine) as registry,
        collection_path(engine.space.folder) as collections,
    ):
        contest = Contest(engine, registry, collections)
        contest.prepare()
        about = {key: value for key, value in machine(engine).items() if key not in ("processor", "memory", "load")}
        rows = [contest.judge(contender) for contender in contest.contenders(cli_version(about["Docker CLI"]))]
        restating, _pinned = contest.rich(contest.restated)
    made = table(rows)
    write(folder, report(rows, restating, about), made)
    say(f"\n{made}\nAll restated: {restating}")


def main() -> int:
    """Run the comparison and return the exit status: 0 where all could be compared."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parser = argparse.ArgumentParser(prog="python -m tools.compare", description="Compare what changes images.")
    parser.add_argument("--output", type=Path, default=ROOT / "docs", help="the folder for comparison.md")
    options = parser.parse_args()
    try:
        compare(options.output)
    except KeyboardInterrupt:
        say("\nInterrupted. The swarm was ended and removed.")
        return 130
    except (BenchFailed, BoxError, CompareFailed, EngineError, PackagesError, subprocess.TimeoutExpired) as error:
        print(f"\nThe comparison could not continue: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
