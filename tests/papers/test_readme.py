# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The README and the guide to first steps, followed to the letter: every playbook and every command, in order.

Ansible is a ``ansible-core`` alone, the manager's Python one with nothing but what the page installs, and the
collection what is cloned from a repository with this checkout's files, installed where there was none.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.integration import state
from tests.integration.run import COLLECTION
from tests.papers.desk import Desk, desk
from tests.pythons import interpreters
from tests.swarm import Endpoint, packages, services
from tests.swarm.collection import NAME, ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
FIRST_STEPS = (ROOT / "docs/docsite/rst/first_steps.rst").read_text(encoding="utf-8")
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^\.\. code-block:: (\S+)\n\n((?: {3}.*\n|\n)+)", re.MULTILINE)
URL = "https://github.com/swarmops/rollout.git"
CLONE = f"git clone {URL}"
INSTALLED = Path("home", "collections", "ansible_collections", *NAME)
PLUGINS = sorted(path.stem for path in ROOT.joinpath("plugins", "modules").glob("*.py"))
DEBIAN_PACKAGE = "python3-requests-unixsocket"
SERVICE = "whoami"
STAND_INS = {"traefik/whoami:v1.10.1": "whoami:0.7", "traefik/whoami:v1.11.0": "whoami:0.6"}
"""What stands on the engine for the public images: no registry can be reached from it."""
BEFORE, AFTER = STAND_INS
HERE = ("-i", "hosts.ini", "--become")
"""Where the guide's manager is, and as whom it is asked; the desk has an inventory of this name."""


class UnknownCommand(Exception):
    """The README has a command that is not tested."""


def blocks(text: str) -> list[tuple[int, str, str]]:
    """Return where each block of a page begins, its kind and its text; a page is Markdown or reStructuredText."""
    form = INDENTED if ".. code-block::" in text else FENCED
    return [(found.start(), found[1], textwrap.dedent(found[2])) for found in form.finditer(text)]


def commands(text: str) -> list[str]:
    """Return the commands of a page, in order; raises :class:`UnknownCommand` for a block of an unknown kind."""
    found = []
    for _start, kind, block in blocks(text):
        if kind not in ("console", "yaml", "yaml+jinja", "ini", "text"):
            raise UnknownCommand(f"a block of {kind or 'no kind'}: {block}")
        if kind == "console":
            found += [line[2:] for line in block.splitlines() if line.startswith("$ ")]
    return found


def playbooks(text: str) -> dict[str, str]:
    """Return what YAML a page has, by the file name that the text before each of them says last."""
    return {
        re.findall(r"`(\w+\.yml)`", text[:start])[-1]: block.strip() + "\n"
        for start, kind, block in blocks(text)
        if kind.startswith("yaml")
    }


class Reader:
    """Follows a page: has a way to run each of its commands, and looks at what came of it."""

    def __init__(self, engine: Endpoint, place: Desk, python: Path) -> None:
        self._engine = engine
        self._desk = place
        self._python = python
        self._ways: dict[str, Callable[[str], None]] = {
            CLONE: self._clone,
            "ansible-galaxy collection install ./rollout": self._install,
            "ansible-galaxy collection install -r requirements.yml": self._install,
            "pip install requests-unixsocket": self._pip,
            f"apt install {DEBIAN_PACKAGE}": self._apt,
            f"docker service create --name {SERVICE} --replicas 2 {BEFORE}": self._create,
            "ansible-playbook whoami.yml --check --diff": self._look,
            "ansible-playbook whoami.yml": self._do,
            f"ansible manager1 -m {COLLECTION}.swarm_service_image -a 'name={SERVICE} image={AFTER}' --check --diff": (
                self._look_ad_hoc
            ),
            f"ansible manager1 -m {COLLECTION}.swarm_service_image_info -a name={SERVICE}": self._ask,
            f"docker service rm {SERVICE}": self._remove,
            f"ansible-doc {COLLECTION}.swarm_service_image": self._doc,
        }

    def follow(self, text: str) -> None:
        """Run all commands of a page; raises :class:`UnknownCommand` for one that there is no test of."""
        for command in commands(text):
            way = self._ways.get(shlex.join(word for word in shlex.split(command) if word not in HERE))
            if way is None:
                raise UnknownCommand(command)
            way(command)

    def _run(self, *words: str) -> str:
        done = self._desk.run(*words)
        assert done.status == 0, f"{shlex.join(words)}:\n{done.text}"
        return done.text

    def _clone(self, command: str) -> None:
        self._run(*command.split())
        assert (self._desk.folder / "rollout" / "galaxy.yml").is_file()

    def _install(self, command: str) -> None:
        """Install what was cloned, or what is named; each way where there is nothing yet."""
        shutil.rmtree(self._desk.folder / "home" / "collections", ignore_errors=True)
        self._run(*command.split())
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

    def _create(self, command: str) -> None:
        self._engine.docker(*command.split()[1:])
        services.started(self._engine, SERVICE, 2, image=BEFORE)

    def _remove(self, command: str) -> None:
        self._engine.docker(*command.split()[1:])
        assert self._engine.api("GET", f"/services/{SERVICE}").status_code == 404

    def _look(self, command: str) -> None:
        before = state.of(self._engine, SERVICE)
        told = self._run(*command.split())
        assert "changed=1 " in told
        assert f'+    "image": "{AFTER}"' in told
        assert state.of(self._engine, SERVICE) == before

    def _do(self, command: str) -> None:
        before = state.of(self._engine, SERVICE)
        assert "changed=1 " in self._run(*command.split())
        after = state.of(self._engine, SERVICE)
        assert after.spec == before.with_image(AFTER)
        services.started(self._engine, SERVICE, 2, image=AFTER)
        assert "changed=0 " in self._run(*command.split())
        assert state.of(self._engine, SERVICE) == after

    def _look_ad_hoc(self, command: str) -> None:
        """Look at the service as it was and as it is."""
        after = state.of(self._engine, SERVICE)
        assert "manager1 | SUCCESS" in self._run(*shlex.split(command))
        state.set_image(self._engine, SERVICE, BEFORE)
        services.started(self._engine, SERVICE, 2, image=BEFORE)
        told = self._run(*shlex.split(command))
        assert "manager1 | CHANGED" in told
        assert f'+    "image": "{AFTER}"' in told
        assert state.of(self._engine, SERVICE).with_image(AFTER) == after.spec

    def _ask(self, command: str) -> None:
        assert f'"image": "{BEFORE}"' in self._run(*command.split())

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


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository whose branch main has this checkout's files, as they are now."""
    packages.ensure({"git": "git"})
    folder = tmp_path_factory.mktemp("repository") / "rollout"
    left_out = shutil.ignore_patterns(".git", ".nox", ".venv", ".*_cache", "build", "output")
    shutil.copytree(ROOT, folder, ignore=left_out)
    as_somebody = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.com")
    for words in (("init", "--quiet", "-b", "main"), ("add", "."), (*as_somebody, "commit", "--quiet", "-m", "all")):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder


@pytest.fixture
def place(engine: Endpoint, controller: Path, manager: Path, repository: Path, tmp_path: Path) -> Iterator[Desk]:
    """Return a reader's desk, from which git finds the repository; the engine has the public images."""
    made = desk(engine, tmp_path, programs=controller, python=manager)
    (tmp_path / "hosts.ini").write_text(
        (tmp_path / "hosts").read_text(encoding="utf-8") + "ansible_become=false\n", encoding="utf-8"
    )
    for public, ours in STAND_INS.items():
        name, _colon, tag = public.partition(":")
        engine.checked("POST", f"/images/{ours}/tag", params={"repo": name, "tag": tag})
    yield replace(made, environment={**made.environment, **cloned_from(repository)})
    services.remove(engine, SERVICE)
    for public in STAND_INS:
        engine.checked("DELETE", f"/images/{public}", params={"noprune": "1", "force": "1"})


def cloned_from(repository: Path) -> dict[str, str]:
    """Return the environment in which git takes a repository of this machine for the public one."""
    key = f"url.file://{repository}.insteadOf"
    return {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": key, "GIT_CONFIG_VALUE_0": URL}


@pytest.mark.parametrize("page", [README, FIRST_STEPS], ids=["README", "first_steps"])
def test_following_the_page(engine: Endpoint, place: Desk, manager: Path, page: str) -> None:
    for name, text in playbooks(page).items():
        (place.folder / name).write_text(text, encoding="utf-8")
    Reader(engine, place, manager).follow(page)
    has_documents(place)
    has_execution_environment(place.folder / INSTALLED)


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
    assert list(playbooks(README)) == ["requirements.yml", "whoami.yml"]
    assert list(playbooks(FIRST_STEPS)) == ["whoami.yml"]
    example = (ROOT / "docs" / "examples" / "whoami.yml").read_text(encoding="utf-8")
    assert playbooks(README)["whoami.yml"] == example[example.index("---\n") :]
    assert playbooks(FIRST_STEPS)["whoami.yml"] == example[example.index("---\n") :]


@pytest.mark.parametrize("text", ["```console\n$ rm -rf /\n```", "```sh\nls\n```", "```\nls\n```"])
def test_unknown_commands_are_refused(engine: Endpoint, tmp_path: Path, text: str) -> None:
    guide = Reader(engine, desk(engine, tmp_path), Path(sys.executable))
    with pytest.raises(UnknownCommand):
        guide.follow(text)
