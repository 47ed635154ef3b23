# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tools.demo``: the README's story on a swarm of its own, each claim checked at the engine."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.swarm import Engine, EngineError, Registry, images, services
from tests.swarm.box import BoxError, environment, interpreter_for_ansible
from tests.swarm.collection import ROOT, collection_path
from tests.swarm.packages import PackagesError
from tests.swarm.services import STORY_NETWORK, STORY_SERVICE

EXAMPLES = ROOT / "docs" / "examples"
PLAYBOOK = "t001.yml"
BEFORE, AFTER = "whoami:0.7", "whoami:0.6"
PORT = 22222
MIRROR = "127.0.0.1:5000"
"""The registry that stands in for Docker Hub."""

CONFIGURATION = """\
[defaults]
home = {home}
remote_tmp = {home}/tmp
inventory = {home}/hosts
collections_path = {collections}
deprecation_warnings = false
nocows = true
"""
INVENTORY = "manager1 ansible_connection=local ansible_python_interpreter={python}\n"


class CommandFailed(Exception):
    """A command of the story failed; what it had to say has been shown."""


@dataclass(frozen=True)
class Seen:
    """The story's service as the engine tells it; ``rest`` is its spec without the image."""

    image: str
    networks: tuple[str, ...]
    ports: tuple[int, ...]
    version: int
    rest: Any

    @classmethod
    def at(cls, engine: Engine) -> Seen:
        """Look at the service now."""
        service = services.inspect(engine, STORY_SERVICE)
        task = service["Spec"]["TaskTemplate"]
        return cls(
            image=task["ContainerSpec"].pop("Image"),
            networks=tuple(engine.get(f"/networks/{each['Target']}")["Name"] for each in task.get("Networks", [])),
            ports=tuple(each["PublishedPort"] for each in service["Endpoint"].get("Ports", [])),
            version=service["Version"]["Index"],
            rest=service["Spec"],
        )


@dataclass(frozen=True)
class Fact:
    """A sentence that was checked, and whether it holds."""

    text: str
    holds: bool


class Terminal:
    """Runs an operator's commands: shows each as it is typed, and all that it prints."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._environment = settings

    def run(self, command: str, program: Path | None = None) -> str:
        """Run a command, ``program`` in place of its first word, and return what it printed.

        Raises :class:`CommandFailed`.
        """
        say(f"\n$ {command}")
        words = command.split()
        with subprocess.Popen(
            [str(program or words[0]), *words[1:]],
            cwd=EXAMPLES,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # Ctrl-C is for the demo, which ends what it has started
        ) as running:
            try:
                shown = say_all(running.stdout or ())
            except BaseException:
                running.terminate()
                raise
        if running.returncode:
            raise CommandFailed(f"{command} failed ({running.returncode})")
        return shown

    def ansible_playbook(self, *options: str) -> int:
        """Run the story's playbook and return the number of changes that Ansible reports."""
        shown = self.run(" ".join(("ansible-playbook", PLAYBOOK, *options)), beside_python("ansible-playbook"))
        recap = re.search(r"changed=(\d+)", shown)
        if recap is None:
            raise CommandFailed(f"ansible-playbook {PLAYBOOK} ended without a recap")
        return int(recap[1])


def say(text: str = "") -> None:
    """Print a line at once, so that it stands before what a command prints next."""
    print(text, flush=True)


def say_all(lines: Iterable[str]) -> str:
    """Print lines as they come, empty ones at the end left out, and return them as one text."""
    text = waiting = ""
    for line in lines:
        text += line
        waiting += "\n"
        if line.strip():
            say(waiting[1:] + line.rstrip())
            waiting = ""
    return text


def headline(text: str) -> None:
    """Begin a chapter of the story."""
    say(f"\n== {text} ==")


def beside_python(program: str) -> Path:
    """Return the path of a program of this virtual environment."""
    return Path(sys.executable).with_name(program)


def ansible_settings(engine: Engine, collections: Path) -> dict[str, str]:
    """Return an environment in which Ansible knows this engine, this checkout and nothing of the user's settings."""
    home = engine.space.folder / "ansible"
    home.mkdir()
    (home / "hosts").write_text(INVENTORY.format(python=interpreter_for_ansible(home)), encoding="utf-8")
    configuration = home / "ansible.cfg"
    configuration.write_text(CONFIGURATION.format(home=home, collections=collections), encoding="utf-8")
    kept = {name: value for name, value in environment().items() if not name.startswith("ANSIBLE_")}
    color = {"ANSIBLE_FORCE_COLOR": "1"} if sys.stdout.isatty() and "NO_COLOR" not in kept else {}
    return {**kept, **color, "ANSIBLE_CONFIG": str(configuration), "DOCKER_HOST": engine.host, "LC_ALL": "C.UTF-8"}


def tell(engine: Engine, terminal: Terminal) -> list[Fact]:
    """Tell the story and return what is to be checked at its end."""
    headline(f"The service {STORY_SERVICE} runs {BEFORE}. This playbook wants {AFTER}")
    terminal.run(f"grep -v ^# {PLAYBOOK}")
    before = Seen.at(engine)
    running_before = services.running(engine, STORY_SERVICE, BEFORE)

    headline("1. Look first: what would change? Nothing is touched")
    foretold = terminal.ansible_playbook("--check", "--diff")
    looked_at = Seen.at(engine)

    headline("2. Do it")
    reported = terminal.ansible_playbook()
    after = Seen.at(engine)
    running_after = services.running(engine, STORY_SERVICE, AFTER)

    headline("3. Do it again: nothing is left to do, so nothing is done")
    repeated = terminal.ansible_playbook()
    at_the_end = Seen.at(engine)

    return [
        Fact(
            f"network {STORY_NETWORK}: {there(STORY_NETWORK in before.networks)} before, "
            f"{there(STORY_NETWORK in at_the_end.networks)} after",
            STORY_NETWORK in before.networks and STORY_NETWORK in at_the_end.networks,
        ),
        Fact(
            f"port {PORT}: {there(PORT in before.ports)} before, {there(PORT in at_the_end.ports)} after",
            PORT in before.ports and PORT in at_the_end.ports,
        ),
        Fact(
            f"image: {short(before.image)} before, {short(at_the_end.image)} after",
            all(is_pinned(seen.image, image) for seen, image in ((before, BEFORE), (at_the_end, AFTER))),
        ),
        Fact(
            f"running tasks: {running_before} of {BEFORE} before, {running_after} of {AFTER} after",
            (running_before, running_after) == (1, 1),
        ),
        Fact(
            f"all the rest of the spec: {'equal' if before.rest == at_the_end.rest else 'CHANGED'}",
            before.rest == at_the_end.rest,
        ),
        untouched("check mode", foretold, 1, before, looked_at),
        Fact(
            f"first run: changed={reported}, version index {looked_at.version} before, {after.version} after",
            reported == 1 and after.version > looked_at.version,
        ),
        untouched("second run", repeated, 0, after, at_the_end),
    ]


def is_pinned(stored: str, image: str) -> bool:
    """Whether a stored image is this one at a digest."""
    return re.fullmatch(re.escape(image) + "@sha256:[0-9a-f]{64}", stored) is not None


def short(stored: str) -> str:
    """Return a stored image with the beginning of its digest, as the Docker CLI shows IDs."""
    return re.sub("(@sha256:[0-9a-f]{12})[0-9a-f]{52}", r"\1…", stored)


def there(is_there: bool) -> str:
    return "there" if is_there else "GONE"


def untouched(run: str, reported: int, expected: int, before: Seen, after: Seen) -> Fact:
    """State that a run reported so many changes and wrote nothing."""
    text = f"{run}: changed={reported}, version index {before.version} before, {after.version} after"
    return Fact(text, reported == expected and before == after)


def prepare(engine: Engine, registry: Registry) -> None:
    """Fill the registry, create the service as the Docker CLI would, and wait until it runs."""
    images.load(engine, BEFORE, AFTER)
    for image in (BEFORE, AFTER):
        registry.push(image, f"library/{image}")
    answer = engine.get(f"/distribution/{BEFORE}/json")
    pinned = f"{BEFORE}@{answer['Descriptor']['digest']}"
    platforms = [{"Architecture": each["architecture"], "OS": each["os"]} for each in answer["Platforms"]]
    services.story(engine, pinned, Placement={"Platforms": platforms})
    services.started(engine, STORY_SERVICE, image=pinned)
    say(f"Docker Engine {engine.get('/version')['Version']}, ansible-core {version('ansible-core')}.")
    say(f"manager1 is a private engine on this machine: DOCKER_HOST={engine.host}")


def show(facts: list[Fact]) -> bool:
    """Show the facts and return whether all of them hold."""
    headline("What the engine says of it, before and after")
    for fact in facts:
        say(f"{'ok ' if fact.holds else 'NOT OK '} {fact.text}")
    return all(fact.holds for fact in facts)


def demo() -> bool:
    """Show the collection at work and return whether all that was shown is true; nothing is left behind."""
    say("Starting a swarm of one node …")
    with (
        Engine(f"--registry-mirror=http://{MIRROR}") as engine,
        Registry(engine) as registry,
        collection_path(engine.space.folder) as collections,
    ):
        prepare(engine, registry)
        good = show(tell(engine, Terminal(ansible_settings(engine, collections))))
    gone = not engine.space.folder.exists()
    say("\nThe swarm is gone, and nothing is left of it." if gone else f"\nNOT OK  {engine.space.folder} is left")
    return good and gone


def main() -> int:
    """Run the demo and return the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return 0 if demo() else 1
    except KeyboardInterrupt:
        say("\nInterrupted. The swarm was ended and removed.")
        return 130
    except (BoxError, CommandFailed, EngineError, PackagesError) as error:
        print(f"\nThe demo could not continue: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
