# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `make` and CI run; `nox -l` lists it. More sessions come from antsibull-nox.toml."""

# /// script
# dependencies = ["nox>=2025.10.16", "antsibull-nox>=1.8,<2"]
# ///

from __future__ import annotations

import atexit
import os
import shutil
import sys
from pathlib import Path

import antsibull_nox
import nox

COLLECTION = "ansible_collections.swarmops.rollout"
# The tests wait more than they compute. Each process has its engine, and takes the next file in the order of the tests.
AT_ONCE = ("--numprocesses=3", "--dist=loadfile", "--no-loadscope-reorder")
DEPENDENCIES = nox.project.load_toml("pyproject.toml")

nox.needs_version = ">=2025.10.16"
nox.options.reuse_existing_virtualenvs = True

antsibull_nox.load_antsibull_nox_toml()


def install(session: nox.Session, group: str = "") -> None:
    """Install a dependency group, that of the session's name unless another one is given."""
    session.install(*nox.project.dependency_groups(DEPENDENCIES, group or session.name))


def collections_path(session: nox.Session) -> Path:
    """Return a folder that has the checkout as an installed collection."""
    root = Path(session.create_tmp()).resolve()
    home = root.joinpath(*COLLECTION.split("."))
    home.parent.mkdir(parents=True, exist_ok=True)
    home.unlink(missing_ok=True)
    home.symlink_to(Path.cwd())
    return root


@nox.session(default=False)
def test(session: nox.Session) -> None:
    """Run the unit and integration tests; arguments go to pytest."""
    install(session)
    session.run("pytest", *AT_ONCE, *session.posargs)


@nox.session(name="test-papers", default=False)
def test_papers(session: nox.Session) -> None:
    """Run the commands of the README and the examples; arguments go to pytest."""
    install(session, "test")
    session.run("pytest", *(session.posargs or ["tests/papers"]))


@nox.session(name="test-eda", default=False)
def test_eda(session: nox.Session) -> None:
    """Push images, and have ansible-rulebook roll them out; arguments go to pytest."""
    install(session)
    session.run("pytest", *(session.posargs or ["tests/eda"]))


@nox.session(name="test-machines", default=False)
def test_machines(session: nox.Session) -> None:
    """Run demo and test on machines that have never seen the project; arguments are releases of Debian."""
    install(session, "test")
    session.run("python", "-m", "tests.machines", *session.posargs)


@nox.session(name="test-bad-days", default=False)
def test_bad_days(session: nox.Session) -> None:
    """Kill managers, cut connections and send nonsense; arguments go to pytest."""
    install(session, "test")
    session.run("pytest", *(session.posargs or ["tests/bad_days"]))


@nox.session(name="test-pythons", default=False)
def test_pythons(session: nox.Session) -> None:
    """Run the main path on each Python, Debian release and ansible-core; arguments go to pytest."""
    install(session, "test")
    session.run("pytest", *(session.posargs or ["tests/pythons"]))


@nox.session(default=False)
def mutants(session: nox.Session) -> None:
    """Change the code, one thing at a time, and see whether unit tests notice; arguments are names of files."""
    install(session)
    session.run("python", "-m", "tools.mutants", *session.posargs)


@nox.session(default=False)
def demo(session: nox.Session) -> None:
    """Show the collection at work on a real swarm."""
    install(session)
    session.run("python", "-m", "tools.demo", *session.posargs)


@nox.session(default=False)
def swarm(session: nox.Session) -> None:
    """Start a private swarm to try things on; arguments are those of `python -m tests.swarm`."""
    install(session)
    session.run("python", "-m", "tests.swarm", *session.posargs)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Measure the collection and its peers; the package ansible brings community.docker, and is large."""
    install(session)
    session.run("python", "-m", "tools.bench", *session.posargs)


@nox.session(default=False)
def compare(session: nox.Session) -> None:
    """See what becomes of services whose image is changed, beside what people use today."""
    install(session, "bench")
    session.run("python", "-m", "tools.compare", *session.posargs)


def render(session: nox.Session, built: Path) -> None:
    """Render the site into a folder; every warning is an error."""
    install(session, "docs")
    root = collections_path(session)
    pages = root / "pages"
    for folder in (pages, built):
        shutil.rmtree(folder, ignore_errors=True)
    pages.mkdir(mode=0o755)
    session.run(
        "antsibull-docs",
        "--config-file=docs/docsite/antsibull-docs.cfg",
        "collection",
        "--use-current",
        "--squash-hierarchy",
        "--fail-on-error",
        f"--dest-dir={pages}",
        COLLECTION.partition(".")[2],
        env={"ANSIBLE_COLLECTIONS_PATH": str(root)},
    )
    # antsibull-docs takes the guides' text alone, and makes a first page of its own
    shutil.copytree("docs/docsite/rst/images", pages / "docsite/images")
    shutil.copytree("docs/docsite/pages", pages, dirs_exist_ok=True)
    rendered = ("-qW", "--keep-going", "-c", "docs/docsite", "-d", str(root / "doctrees"))
    session.run("sphinx-build", "--fresh-env", *rendered, str(pages), str(built))


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """Render the guides and the modules' documents as a site."""
    render(session, Path("build/docs"))
    session.log("The site is build/docs/index.html")


@nox.session(default=False)
def screenshots(session: nox.Session) -> None:
    """Take pictures of the site that `docs` has rendered; a page that is wider than its screen is an error."""
    session.run("python", "-m", "tools.screenshots", *session.posargs)


@nox.session
def links(session: nox.Session) -> None:
    """Follow each link of the README, of the other papers and of the site."""
    site = Path(session.create_tmp()).resolve() / "site"
    render(session, site)
    session.run("python", "-m", "tools.links", str(site))


@nox.session(default=False)
def picture(session: nox.Session) -> None:
    """Draw the README's picture from a real run in a terminal, and the page of an example from a real swarm."""
    install(session)
    session.run("python", "-m", "tools.picture", *session.posargs)
    session.run("python", "-m", "tools.page_picture")


@nox.session
def ruff(session: nox.Session) -> None:
    """Check style and form; with `-- --fix`, fix what can be fixed."""
    install(session)
    fix = "--fix" in session.posargs
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", *([] if fix else ["--diff"]))


@nox.session
def mypy(session: nox.Session) -> None:
    """Check the types of the plugins, the tests and the tools."""
    install(session)
    root = collections_path(session)
    packages = [f"{COLLECTION}.plugins", "tests", "tools"]
    path = f"{root}:{Path.cwd()}"
    session.run("mypy", *(part for package in packages for part in ("-p", package)), env={"MYPYPATH": path})


@nox.session
def galaxy(session: nox.Session) -> None:
    """Build the collection and import it as Galaxy does; what Galaxy only complains of is an error here."""
    install(session)
    tmp = Path(session.create_tmp()).resolve()
    for archive in tmp.glob("*.tar.gz"):  # of an earlier version
        archive.unlink()
    session.run("ansible-galaxy", "collection", "build", "--force", "--output-path", str(tmp))
    with session.chdir(tmp):
        log = session.run(
            "python",
            "-m",
            "galaxy_importer.main",
            *(path.name for path in tmp.glob("*.tar.gz")),
            env={"GALAXY_IMPORTER_CHECK_REQUIRED_TAGS": "true"},
            silent=True,
        )
    if log and "ERROR" in log:
        session.error(log)


@nox.session
def changelog(session: nox.Session) -> None:
    """Check the changelog and its fragments."""
    install(session)
    session.run("antsibull-changelog", "lint")
    session.run("antsibull-changelog", "lint-changelog-yaml", "changelogs/changelog.yaml")


def without_shims(path: str) -> str:
    """Return a PATH where pyenv's interpreters stand for its shims.

    A shim exists for every interpreter, fails for those that are not switched on, and ansible-test tries all it finds.
    """
    directories: list[str] = []
    for directory in map(Path, path.split(os.pathsep)):
        is_shims = directory.name == "shims" and directory.with_name("versions").is_dir()
        directories += map(str, sorted(directory.parent.glob("versions/*/bin")) if is_shims else [directory])
    return os.pathsep.join(directories)


def add_sanity_session(ansible_core: str, pip: str) -> None:
    """Add a session that runs every sanity test of one ansible-core, in virtual environments.

    `pip` is the version that this ansible-core puts in those environments by a script from its own server. The
    interpreter's own pip does as well, and needs no server.
    """
    bootstrap = Path.home() / f".ansible/test/cache/get_pip_{pip.replace('.', '_')}.py"

    def prepare() -> None:
        os.environ["PATH"] = without_shims(os.environ["PATH"])
        if not bootstrap.exists():
            bootstrap.parent.mkdir(parents=True, exist_ok=True)
            bootstrap.write_text("import ensurepip\n\nensurepip.bootstrap()\n", encoding="utf-8")
            atexit.register(bootstrap.unlink)

    def remove_scratch() -> None:
        shutil.rmtree("tests/output/.tmp", ignore_errors=True)

    antsibull_nox.add_ansible_test_session(
        name=f"sanity-{ansible_core}",
        description=f"Run the sanity tests of ansible-core {ansible_core}.",
        ansible_test_params=["sanity", "--venv", "--color", "no"],
        default=True,
        ansible_core_version=ansible_core,
        ansible_core_source="pypi",
        callback_before=prepare,
        callback_after=remove_scratch,
    )


def can_run(minors: range) -> bool:
    """Whether this machine has one of these versions of Python 3; it is then where nox finds it.

    It is put at the path's end, so that it comes after all that was found before it.
    """
    if sys.version_info.minor in minors:
        return True
    path = without_shims(os.environ["PATH"])
    found = next(filter(None, (shutil.which(f"python3.{minor}", path=path) for minor in reversed(minors))), None)
    if found:
        os.environ["PATH"] += os.pathsep + os.path.dirname(found)
    return found is not None


# The oldest ansible-core that meta/runtime.yml promises and the newest, and the last for Python 3.11; each with the
# Pythons that run its controller.
for ansible_core, pip, minors in (
    ("2.17", "23.1.2", range(10, 13)),
    ("2.19", "24.2", range(11, 14)),
    ("2.21", "25.2", range(12, 15)),
):
    if can_run(minors):
        add_sanity_session(ansible_core, pip)
