# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checker of links finds what is broken, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import links

GITHUB = "https://github.com/swarmops/rollout"
OTHER = '<p id="there">x</p>'


def broken(folder: Path, name: str, text: str) -> list[str]:
    (folder / "other.html").write_text(OTHER, encoding="utf-8")
    (folder / "other.md").write_text("# A heading, `code`\n", encoding="utf-8")
    (folder / name).write_text(text, encoding="utf-8")
    return [str(each) for each in links.check([folder / name], folder)]


@pytest.mark.parametrize(
    "target",
    [
        "other.html",
        "other.html#there",
        "#here",
        "https://example.com/whatever#x",
        "mailto:somebody@example.com",
        GITHUB,
        f"{GITHUB}.git",
        f"{GITHUB}/issues/1",
        f"{GITHUB}/releases",
        f"{GITHUB}/blob/main/README.md",
        f"{GITHUB}/blob/main/README.md#install",
        f"{GITHUB}/tree/main/docs/examples",
    ],
)
def test_good_links(tmp_path: Path, target: str) -> None:
    assert broken(tmp_path, "page.html", f'<a id="here" href="{target}">x</a>') == []


@pytest.mark.parametrize(
    ("target", "fault"),
    [
        ("none.html", "is not there"),
        ("other.html#nowhere", "has no #nowhere"),
        ("#nowhere", "has no #nowhere"),
        ("../../../etc/passwd", "is outside"),
        ("http://example.com", "is not https"),
        (f"{GITHUB}/blob/main/NOWHERE.md", "is not there"),
        (f"{GITHUB}/blob/main/README.md#nowhere", "has no #nowhere"),
        (f"{GITHUB}/wiki", "is no page of the forge"),
    ],
)
def test_broken_links(tmp_path: Path, target: str, fault: str) -> None:
    assert broken(tmp_path, "page.html", f'<a href="{target}">x</a>') == [f"page.html: {target}: {fault}"]
    assert broken(tmp_path, "page.html", f'<img src="{target}">') == [f"page.html: {target}: {fault}"]


def test_markdown(tmp_path: Path) -> None:
    text = "[a](other.md#a-heading-code) ![b](none.svg) [c](other.md#no)\n```text\n[d](none)\n```\n"
    assert broken(tmp_path, "page.md", text) == [
        "page.md: none.svg: is not there",
        "page.md: other.md#no: has no #no",
    ]


def test_restructuredtext(tmp_path: Path) -> None:
    text = (
        "A title\n=======\n\n`a <other.md>`__ `b\n<none.rst>`__ :ref:`c <some.label>` `e <#a-title>`__ `f <#b>`__\n\n"
        ".. image:: images/none.svg\n   :alt: d\n"
    )
    assert broken(tmp_path, "page.rst", text) == [
        "page.rst: #b: has no #b",
        "page.rst: images/none.svg: is not there",
        "page.rst: none.rst: is not there",
    ]


def test_error_texts_without_an_anchor(tmp_path: Path) -> None:
    page = tmp_path / "errors.html"
    page.write_text('<dt><code id="a">A</code></dt>\n<dt><code>B <b>b</b></code></dt>\n<dt>C</dt>', encoding="utf-8")
    assert list(map(str, links.without_anchor(page))) == ["errors.html: B b: has no anchor"]


def test_papers_are_found() -> None:
    names = {path.name for path in links.papers()}
    assert {"README.md", "comparison.md", "first_steps.rst", "errors.rst"} <= names
