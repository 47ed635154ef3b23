# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The README, followed to the letter: every playbook and every command in it, from the archive on.

Ansible is a ``ansible-core`` alone, the manager's Python one with nothing but what the README installs, and the
collection the archive that it builds, installed where there was none.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.integration import state
from tests.integration.run import COLLECTION
from tests.papers.desk import Desk, desk
from tests.pythons import interpreters
from tests.swarm import Endpoint, services
from tests.swarm.collection import NAME, ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INSTALLED = Path("home", "collections", "ansible_collections", *NAME)
PLUGINS = sorted(path.stem for path in ROOT.joinpath("plugins", "modules").glob("*.py"))
DEBIAN_PACKAGE = "python3-requests-unixsocket"


class UnknownCommand(Exception):
    """The README has a command that is not tested."""


def commands(text: str) -> list[str]:
    """Return the commands of a page, in order; raises :class:`UnknownCommand` for a block of an unknown kind."""
    found = []
    for kind, block in FENCED.findall(text):
        if kind not in ("console", "yaml"):
            raise UnknownCommand(f"a block of {kind or 'no kind'}: {block}")
        if kind == "console":
            found += [line[2:] for line in block.splitlines() if line.startswith("$ ")]
    return found


def playbooks(text: str) -> dict[str, str]:
    """Return the playbooks of a page by the file name that the text before each of them says last."""
    found = {}
    for block in FENCED.finditer(text):
        if block[1] == "yaml":
            found[re.findall(r"`(\w+\.yml)`", text[: block.start()])[-1]] = block[2]
    return found


class Reader:
    """Follows the README: has a way to run each of its commands, and looks at what came of it."""

    def __init__(self, engine: Endpoint, place: Desk, python: Path) -> None:
        self._engine = engine
        self._desk = place
        self._python = python
        self._ways: dict[str, Callable[[str], None]] = {
            "ansible-galaxy collection build": self._build,
            "ansible-galaxy collection install swarmops-rollout-*.tar.gz": self._install,
            "pip install requests-unixsocket": self._pip,
            f"apt install {DEBIAN_PACKAGE}": self._apt,
            "ansible-playbook t001.yml --check --diff": self._look,
            "ansible-playbook t001.yml": self._do,
            f"ansible manager1 -m {COLLECTION}.swarm_service_image -a 'name=t001 image=whoami:0.6' --check --diff": (
                self._look_ad_hoc
            ),
            f"ansible-doc {COLLECTION}.swarm_service_image": self._doc,
        }

    def follow(self, text: str) -> None:
        """Run all commands of a page; raises :class:`UnknownCommand` for one that there is no test of."""
        for command in commands(text):
            if command not in self._ways:
                raise UnknownCommand(command)
            self._ways[command](command)

    def _run(self, *words: str) -> str:
        done = self._desk.run(*words)
        assert done.status == 0, f"{shlex.join(words)}:\n{done.text}"
        return done.text

    def _build(self, command: str) -> None:
        """Build, from here, so that the checkout stays as it is."""
        self._run(*command.split(), str(ROOT))

    def _install(self, command: str) -> None:
        assert not (self._desk.folder / "home" / "collections").exists()
        self._run("sh", "-c", command)
        assert (self._desk.folder / INSTALLED / "MANIFEST.json").is_file()

    def _pip(self, command: str) -> None:
        self._run(str(self._python), "-m", *command.split())
        self._run(str(self._python), "-c", "import requests_unixsocket")

    def _apt(self, command: str) -> None:
        """Have apt say what it would do."""
        program, *words = command.split()
        simulated = (program, "--simulate", *words)
        if self._desk.run(*simulated).status:
            self._run("apt-get", "-qq", "update")
        assert DEBIAN_PACKAGE in self._run(*simulated)

    def _look(self, command: str) -> None:
        before = state.of(self._engine, services.STORY_SERVICE)
        told = self._run(*command.split())
        assert "changed=1 " in told
        assert '+    "image": "whoami:0.6"' in told
        assert state.of(self._engine, services.STORY_SERVICE) == before

    def _do(self, command: str) -> None:
        before = state.of(self._engine, services.STORY_SERVICE)
        assert "changed=1 " in self._run(*command.split())
        after = state.of(self._engine, services.STORY_SERVICE)
        assert after.spec == before.with_image("whoami:0.6")
        services.started(self._engine, services.STORY_SERVICE, image="whoami:0.6")
        assert "changed=0 " in self._run(*command.split())
        assert state.of(self._engine, services.STORY_SERVICE) == after

    def _look_ad_hoc(self, command: str) -> None:
        """Look at the service as it was and as it is."""
        after = state.of(self._engine, services.STORY_SERVICE)
        assert "manager1 | SUCCESS" in self._run(*shlex.split(command))
        state.set_image(self._engine, services.STORY_SERVICE, "whoami:0.7")
        services.started(self._engine, services.STORY_SERVICE, image="whoami:0.7")
        told = self._run(*shlex.split(command))
        assert "manager1 | CHANGED" in told
        assert '+    "image": "whoami:0.6"' in told
        assert state.of(self._engine, services.STORY_SERVICE).with_image("whoami:0.6") == after.spec

    def _doc(self, command: str) -> None:
        assert "wait_timeout" in self._run(*command.split())


@pytest.fixture(scope="module")
def controller() -> Path:
    """Return the programs of an ansible-core with nothing beside it."""
    here = interpreters.Interpreter(Path(sys.executable), sys.version.split()[0])
    return interpreters.environment(here, "ansible-core") / "bin"


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a Python with nothing beside it."""
    folder = tmp_path_factory.mktemp("manager") / "python"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    return folder / "bin" / "python"


@pytest.fixture
def reader(engine: Endpoint, controller: Path, manager: Path, tmp_path: Path) -> Iterator[Desk]:
    """Return the reader's desk, with the README's playbooks and a swarm that has the service."""
    place = desk(engine, tmp_path, programs=controller, python=manager)
    for name, text in playbooks(README).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    services.story(engine)
    services.started(engine, services.STORY_SERVICE)
    yield place
    services.remove(engine, services.STORY_SERVICE)


def test_following_the_readme(engine: Endpoint, reader: Desk, manager: Path) -> None:
    Reader(engine, reader, manager).follow(README)
    has_documents(reader)
    has_execution_environment(reader.folder / INSTALLED)


def has_documents(place: Desk) -> None:
    """See that every plugin of the installed collection has its documents."""
    done = place.run("ansible-doc", "--json", *(f"{COLLECTION}.{plugin}" for plugin in PLUGINS))
    assert done.status == 0, done.text
    documented = json.loads(done.text)
    assert [name for name in documented if not documented[name]["doc"]["options"]] == []
    assert sorted(documented) == [f"{COLLECTION}.{plugin}" for plugin in PLUGINS]


def has_execution_environment(collection: Path) -> None:
    """See that an execution environment with the installed collection gets the library that it needs."""
    stated = yaml.safe_load((collection / "meta" / "execution-environment.yml").read_text(encoding="utf-8"))
    assert stated["version"] == 1
    assert list(stated["dependencies"]) == ["python"]
    required = (collection / stated["dependencies"]["python"]).read_text(encoding="utf-8").splitlines()
    assert [line for line in required if line and not line.startswith("#")] == ["requests-unixsocket"]


def test_playbooks_are_the_examples() -> None:
    assert list(playbooks(README)) == ["t001.yml"]
    for name, text in playbooks(README).items():
        example = (ROOT / "docs" / "examples" / name).read_text(encoding="utf-8")
        assert text == example[example.index("---\n") :]


@pytest.mark.parametrize("text", ["```console\n$ rm -rf /\n```", "```sh\nls\n```", "```\nls\n```"])
def test_unknown_commands_are_refused(engine: Endpoint, tmp_path: Path, text: str) -> None:
    guide = Reader(engine, desk(engine, tmp_path), Path(sys.executable))
    with pytest.raises(UnknownCommand):
        guide.follow(text)
