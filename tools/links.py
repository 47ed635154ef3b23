# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tools.links SITE``: follows each link that leads to something of the project's own, without a network.

The papers in Markdown and the guides in reStructuredText are read as a forge shows them, the site as a browser does.
A link to the repository's own address is a link to a file of this checkout.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[1]
REPOSITORY = "https://github.com/swarmops/rollout"
PAGES_OF_THE_FORGE = ("", "/issues", "/releases", "/security/advisories/new", "/discussions", ".git")
"""What the forge has at the repository's address beside files; issues and pull requests have numbers, too."""
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
MARKDOWN_LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
UNDERLINED = re.compile(r"^(\S.*)\n(?:=+|-+|~+)$", re.MULTILINE)
RST_LINK = re.compile(r"`[^`<>]+?\s*<([^`<>\s]+)>`_|^\s*\.\. (?:image|figure):: (\S+)$", re.MULTILINE)
ROLE = re.compile(r":[a-z:]+:$")
"""What stands before a link that is none to a forge: a role of Sphinx."""


@dataclass(frozen=True)
class Broken:
    """A link that leads nowhere: the file that it is in, and where it should lead."""

    file: str
    target: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}: {self.target}: {self.reason}"


class Page(HTMLParser):
    """A page of the site: what it links and loads, and its anchors."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the links and the anchors of an element."""
        del tag
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.links.append(value)
            if name in ("id", "name") and value:
                self.anchors.add(value)


@cache
def page_at(path: Path) -> Page:
    """Return a page of the site."""
    return Page(path.read_text(encoding="utf-8"))


def slug(heading: str) -> str:
    """Return the anchor that a forge gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def anchors_in(path: Path) -> set[str]:
    """Return the anchors of a file that a page may lead to."""
    if path.suffix == ".html":
        return page_at(path).anchors
    heading = {".md": HEADING, ".rst": UNDERLINED}.get(path.suffix)
    return set(map(slug, heading.findall(path.read_text(encoding="utf-8")))) if heading else set()


def links_of(path: Path) -> Iterator[str]:
    """Return where a file's links lead."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        yield from page_at(path).links
    elif path.suffix == ".md":
        yield from MARKDOWN_LINK.findall(FENCED.sub("", text))
    else:
        for found in RST_LINK.finditer(text):
            if not ROLE.search(text[: found.start()]):
                yield found[1] or found[2]


def fault_of(target: str, file: Path, root: Path) -> str:
    """Return what is wrong with a link in a file below ``root``; nothing where it leads somewhere, or elsewhere."""
    if target == REPOSITORY or target.startswith((f"{REPOSITORY}/", f"{REPOSITORY}.")):
        return fault_in_repository(target[len(REPOSITORY) :])
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return "" if parts.scheme in ("https", "mailto", "data") else "is not https"
    found = (file.parent / unquote(parts.path)).resolve() if parts.path else file
    if root not in (found, *found.parents):
        return "is outside"
    return fault_at(found, unquote(parts.fragment))


def fault_in_repository(path: str) -> str:
    """Return what is wrong with a path at the repository's own address."""
    shown = re.match(r"/(?:blob|tree|raw|edit)/main/([^#?]+)(?:\?[^#]*)?(?:#(.*))?$", path)
    if shown:
        return fault_at(ROOT / shown[1], shown[2] or "")
    is_known = path.rstrip("/") in PAGES_OF_THE_FORGE or re.match(r"/(?:issues|pull|releases/tag)/", path)
    return "" if is_known else "is no page of the forge"


def fault_at(path: Path, anchor: str) -> str:
    """Return what is wrong with a link to a file or folder, and to a place in it."""
    if not path.exists():
        return "is not there"
    return f"has no #{anchor}" if anchor and anchor not in anchors_in(path) else ""


def check(files: list[Path], root: Path) -> list[Broken]:
    """Return the broken links of files below ``root``."""
    found = []
    for file in files:
        for target in sorted(set(links_of(file))):
            fault = fault_of(target, file, root)
            if fault:
                found.append(Broken(file.relative_to(root).as_posix(), target, fault))
    return found


def without_anchor(page: Path) -> list[Broken]:
    """Return the error texts of a page of the site that nobody can link."""
    terms = re.findall(r"<dt>(<code.*?)</dt>", page.read_text(encoding="utf-8"), re.DOTALL)
    texts = [re.sub(r"<[^>]*>", "", term) for term in terms if " id=" not in term]
    return [Broken(page.name, text, "has no anchor") for text in texts]


def papers() -> list[Path]:
    """Return the papers and guides that a forge shows."""
    folders = (ROOT.glob("*.md"), ROOT.glob("docs/*.md"), ROOT.glob("docs/docsite/rst/*.rst"))
    return sorted(path for folder in folders for path in folder)


def main() -> int:
    """Check all links, say which are broken, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.links", description="Follow the project's own links.")
    parser.add_argument("site", type=Path, help="the folder of the rendered site")
    site = parser.parse_args().site.resolve()
    pages = sorted(site.rglob("*.html"))
    broken = check(papers(), ROOT) + check(pages, site) + without_anchor(site / "docsite" / "errors.html")
    for link in broken:
        print(link, file=sys.stderr)
    print(f"{len(broken)} links of {len(papers())} papers and {len(pages)} pages are broken")
    return 1 if broken or not pages else 0


if __name__ == "__main__":
    sys.exit(main())
