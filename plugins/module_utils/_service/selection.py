# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Select services by what they have in common. Private to this collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, NamedTuple, Optional, Tuple

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._image import InvalidReference, Reference

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types

STACK_LABEL = "com.docker.stack.namespace"


class Selector(NamedTuple):
    """What services must have in common: all that is stated. `repository` is the one that they run now."""

    stack: Optional[str]
    labels: Dict[str, str]
    repository: Optional[Reference]

    @classmethod
    def parse(cls, stack: Optional[str], labels: Optional[Dict[str, Any]], repository: Optional[str]) -> Selector:
        """Check the option `select`. Raises InvalidInput."""
        if not (stack or labels or repository):
            raise errors.InvalidInput(
                "select is empty: it would match all services. Give it a stack, labels or a repository."
            )
        reference = Reference.parse(repository) if repository else None
        if reference is not None and (reference.tag or reference.digest):
            raise errors.InvalidInput(
                f"select.repository is {repository!r}: a repository has neither a tag nor a digest."
            )
        if labels and None in labels.values():
            raise errors.InvalidInput("select.labels has a label without a value; an empty one is written as ''.")
        return cls(stack or None, {key: _label(value) for key, value in (labels or {}).items()}, reference)

    @property
    def required_labels(self) -> List[Tuple[str, str]]:
        """The labels that a service must have, including the stack's own."""
        stack = [(STACK_LABEL, self.stack)] if self.stack else []
        return [*self.labels.items(), *stack]

    def takes(self, service: types.Service) -> bool:
        """Whether a service has all that is stated."""
        labels = service["Spec"].get("Labels") or {}
        if any(labels.get(key) != value for key, value in self.required_labels):
            return False
        return self.repository is None or _repository(service) == self.repository.repository

    def __str__(self) -> str:
        labels = [f"label {key}={value}" for key, value in self.labels.items()]
        stack = [f"stack {self.stack}"] if self.stack else []
        repository = [f"repository {self.repository.familiar_repository}"] if self.repository else []
        return ", ".join(stack + labels + repository)


def _label(value: Any) -> str:
    """The text of a label's value, if YAML has read it as something else."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _repository(service: types.Service) -> Optional[str]:
    container = (service["Spec"].get("TaskTemplate") or {}).get("ContainerSpec") or {}
    try:
        return Reference.parse(str(container.get("Image", ""))).repository
    except InvalidReference:
        return None
