# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the site has beyond the text of the guides: the sidebar, anchors for error texts, links to pages and options.

The guides are plain reStructuredText, so that a forge shows them as they are: they link each other, the modules, and
other files of the repository by relative paths. On the site these become links to pages, or to the repository.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any, Iterator

import yaml
from docutils import nodes
from sphinx import addnodes

DOCSITE = Path(__file__).parent
REPOSITORY = "https://github.com/swarmops/rollout"
GUIDES = "docs/docsite/rst"
"""Where the guides are in the repository; on the site they are in the folder docsite."""
MODULES = "plugins/modules"
OPTION = "ansible_collections.swarmops.rollout.swarm_service_image_module__parameter-"
"""The label of an option begins with this."""
LONGEST_ANCHOR = 80


# The sidebar


def toctree(title: str, *entries: str) -> str:
    """Return a hidden table of contents, which the sidebar shows under a title."""
    lines = "".join(f"   {entry}\n" for entry in entries)
    return f"\n.. toctree::\n   :hidden:\n   :caption: {title}\n\n{lines}"


def modules(pages: Path) -> dict[str, str]:
    """Return the modules and what each is for, in a line; both are in the title of its page."""
    title = re.compile(r"^swarmops\.rollout\.(\w+) module -- (.*)$", re.MULTILINE)
    found = (title.search(page.read_text(encoding="utf-8")) for page in pages.glob("*_module.rst"))
    return dict(sorted((each[1], each[2]) for each in found if each))


def contents(pages: Path) -> str:
    """Return the tables of contents of all pages: the guides by their sections, the modules, the release notes."""
    sections = yaml.safe_load((DOCSITE / "extra-docs.yml").read_text(encoding="utf-8"))["sections"]
    guides = [(section["title"], [f"docsite/{name}" for name in section["toctree"]]) for section in sections]
    reference = ["reference", *(f"{name} <{name}_module>" for name in modules(pages))]
    *before, (last, about) = guides
    ordered = [*before, ("Modules", reference), (last, [*about, "Release notes <changelog>"])]
    return "".join(toctree(title, *entries) for title, entries in ordered)


def add_lists(app: Any, page: str, source: list[str]) -> None:
    """Add the sidebar's contents to the first page, and the list of modules to the reference."""
    if page == "index":
        source[0] += contents(Path(app.srcdir))
    if page == "reference":
        listed = modules(Path(app.srcdir)).items()
        source[0] += "\n" + "".join(f"* :doc:`{name} <{name}_module>`: {told}.\n" for name, told in listed)


# Anchors


def error_texts(tree: nodes.document) -> Iterator[nodes.literal]:
    """Find the texts that are explained: those in the terms of lists, and those that a list's item begins with."""
    for term in tree.findall(nodes.term):
        yield from term.findall(nodes.literal)
    for item in tree.findall(nodes.list_item):
        first = next(iter(item.findall(nodes.paragraph)), None)
        if first is not None and first.children and isinstance(first.children[0], nodes.literal):
            yield first.children[0]


def add_anchors(app: Any, tree: nodes.document) -> None:
    """Give each error text an anchor that is made of its words, and a sign that links it."""
    if app.env.docname != "docsite/errors":
        return
    known = set(tree.ids)
    for text in list(error_texts(tree)):
        anchor = nodes.make_id(text.astext())[:LONGEST_ANCHOR].rstrip("-")
        if anchor and anchor not in known:
            known.add(anchor)
            text["ids"].append(anchor)
            sign = nodes.reference("", "¶", refid=anchor, classes=["headerlink"], reftitle="Link to this text")
            text.parent.insert(text.parent.index(text) + 1, sign)


# Links


def place_of(path: str) -> str:
    """Return the site's page for a file of the repository, empty where it has none."""
    folder, name = posixpath.split(path)
    stem, suffix = posixpath.splitext(name)
    if folder == GUIDES and suffix == ".rst":
        return f"docsite/{stem}"
    return f"{stem}_module" if folder == MODULES and suffix == ".py" else ""


def address_of(path: str) -> str:
    """Return where the repository shows a file or folder."""
    return f"{REPOSITORY}/{'blob' if posixpath.splitext(path)[1] else 'tree'}/main/{path}"


def link_files(app: Any, tree: nodes.document) -> None:
    """Have relative links in the guides lead to pages of the site, and to the repository for all other files."""
    if not app.env.docname.startswith("docsite/"):
        return
    for link in list(tree.findall(nodes.reference)):
        target, _hash, anchor = link.get("refuri", "#").partition("#")
        if not target or re.match(r"[a-z]+:", target):
            continue
        path = posixpath.normpath(posixpath.join(GUIDES, target))
        page = place_of(path)
        link["refuri"] = address_of(path)
        if page:
            link["refuri"] = app.builder.get_relative_uri(app.env.docname, page) + (f"#{anchor}" if anchor else "")
            link["internal"] = True


def option_in(text: str) -> str:
    """Return the option that a literal names, alone or with a value."""
    found = re.fullmatch(r"(\w+)(: \S+)?", text)
    return found[1] if found else ""


def link_options(app: Any, tree: nodes.document, page: str) -> None:
    """Link an option to its documents where a section of a guide names it first."""
    if not page.startswith("docsite/"):
        return
    labels = app.env.get_domain("std").anonlabels
    linked = set()
    for literal in list(tree.findall(nodes.literal)):
        section, option = enclosing_section(literal), option_in(literal.astext())
        if OPTION + option not in labels or (section, option) in linked or is_within_link(literal):
            continue
        linked.add((section, option))
        document, anchor = labels[OPTION + option]
        address = f"{app.builder.get_relative_uri(page, document)}#{anchor}"
        literal.replace_self(nodes.reference("", "", literal.deepcopy(), refuri=address, internal=True))


def enclosing_section(node: Any) -> int:
    """Return which section a node is in, as a number of its own."""
    while node.parent is not None and not isinstance(node, nodes.section):
        node = node.parent
    return id(node)


def is_within_link(node: Any) -> bool:
    """Whether a node is a part of a link or of a title."""
    while node is not None:
        if isinstance(node, (nodes.reference, nodes.title, addnodes.pending_xref)):
            return True
        node = node.parent
    return False


def setup(app: Any) -> dict[str, bool]:
    """Tell Sphinx."""
    app.connect("source-read", add_lists)
    app.connect("doctree-read", add_anchors)
    app.connect("doctree-read", link_files)
    app.connect("doctree-resolved", link_options)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
