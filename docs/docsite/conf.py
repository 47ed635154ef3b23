# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How Sphinx renders the site; `make docs` hands it what antsibull-docs makes of the collection."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from docutils import nodes

sys.path.insert(0, str(Path(__file__).parent))  # where the extension "rendering" is

project = "swarmops.rollout"
copyright = "The swarmops.rollout contributors"
title = html_short_title = html_title = project

extensions = ["sphinx_antsibull_ext", "rendering"]
nitpicky = True
html_theme = "sphinx_ansible_theme"
html_theme_options = {
    "topbar_links": {
        "Repository": "https://github.com/swarmops/rollout",
        "Issues": "https://github.com/swarmops/rollout/issues",
    },
    "display_version": False,
}
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_use_index = False
html_copy_source = False
smartquotes = False
pygments_style = "ansible"
highlight_language = "yaml+jinja"

ANSIBLE = "https://docs.ansible.com/projects/ansible/latest/"
ELSEWHERE = {
    "action_plugins": "plugins/action.html#action-plugins",
    "ansible_configuration_settings": "reference_appendices/config.html#ansible-configuration-settings",
    "common_return_values": "reference_appendices/common_return_values.html#common-return-values",
}
"""Labels of Ansible's own site that the pages name; listed here, so that the site is built without a network."""


def link_elsewhere(_app: Any, _env: Any, node: Any, shown: Any) -> nodes.reference | None:
    """Link a label of Ansible's own site."""
    page = ELSEWHERE.get(node["reftarget"])
    return nodes.reference("", "", shown, refuri=ANSIBLE + page, internal=False) if page else None


def lead_home(_app: Any, _page: str, _template: str, context: dict[str, Any], _tree: Any) -> None:
    """Have the bar at the top lead to the first page; the theme takes an address that is the same on all pages."""
    context["theme_documentation_home_url"] = context["pathto"]("index")


def setup(app: Any) -> None:
    """Tell Sphinx what it would not find, and the theme where home is."""
    app.connect("missing-reference", link_elsewhere)
    app.connect("html-page-context", lead_home)
