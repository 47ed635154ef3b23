# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Select services by what they have in common. Private to this collection."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._image import InvalidReference, Reference

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types

    Labels = Mapping[str, Optional[str]]  # None: the label is there, whatever its value

STACK_LABEL = "com.docker.stack.namespace"


class Exclusion(NamedTuple):
    """What leaves a service out: any of these names (shell patterns), labels and repositories."""

    names: Sequence[str]
    labels: Labels
    repositories: Sequence[Reference]

    @classmethod
    def parse(
        cls,
        names: Optional[List[str]] = None,
        labels: Optional[Dict[str, Any]] = None,
        repository: Optional[List[str]] = None,
    ) -> Exclusion:
        """Check the option `select.exclude`. Raises InvalidInput."""
        if not all(name.strip() for name in names or []):
            raise errors.InvalidInput("select.exclude.names has an empty name, which leaves nothing out.")
        repositories = [_parse_repository(each, "select.exclude.repository") for each in repository or []]
        return cls(names or [], _parse_labels(labels), repositories)

    def takes(self, service: types.Service) -> bool:
        """Whether a service is left out."""
        name, labels = str(service["Spec"].get("Name")), _labels(service)
        return (
            any(fnmatchcase(name, pattern) for pattern in self.names)
            or any(_has(labels, key, value) for key, value in self.labels.items())
            or _repository(service) in [repository.repository for repository in self.repositories]
        )

    def misplaced_labels(self, service: types.Service) -> List[str]:
        """The labels that would leave a service out, but are those of its containers alone."""
        own, inner = _labels(service), _container_labels(service)
        return sorted(
            key for key, value in self.labels.items() if _has(inner, key, value) and not _has(own, key, value)
        )


NOTHING = Exclusion((), {}, ())


class Selector(NamedTuple):
    """What services must have in common: all that is stated. `repository` is the one that they run now.

    Services that `exclude` takes are left out.
    """

    stack: Optional[str]
    labels: Labels
    repository: Optional[Reference]
    exclude: Exclusion = NOTHING

    @classmethod
    def parse(
        cls,
        stack: Optional[str],
        labels: Optional[Dict[str, Any]],
        repository: Optional[str],
        exclude: Optional[Dict[str, Any]] = None,
    ) -> Selector:
        """Check the option `select`. Raises InvalidInput."""
        if not (stack or labels or repository):
            if exclude:
                raise errors.InvalidInput(
                    "select has only exclude: it would match all other services. Give it a stack, labels or a "
                    "repository."
                )
            raise errors.InvalidInput(
                "select is empty: it would match all services. Give it a stack, labels or a repository."
            )
        reference = _parse_repository(repository, "select.repository") if repository else None
        return cls(stack or None, _parse_labels(labels), reference, Exclusion.parse(**(exclude or {})))

    @property
    def required_labels(self) -> List[Tuple[str, Optional[str]]]:
        """The labels that a service must have, including the stack's own."""
        stack = [(STACK_LABEL, self.stack)] if self.stack else []
        return [*self.labels.items(), *stack]

    def takes(self, service: types.Service) -> bool:
        """Whether a service has all that is stated, whether it is left out or not."""
        labels = _labels(service)
        if not all(_has(labels, key, value) for key, value in self.required_labels):
            return False
        return self.repository is None or _repository(service) == self.repository.repository

    def misplaced_labels(self, service: types.Service) -> List[str]:
        """The labels of a service's containers alone, if it would be taken with them on the service itself."""
        own, inner = _labels(service), _container_labels(service)
        missing = [key for key, value in self.labels.items() if not _has(own, key, value)]
        others = {key: value for key, value in self.labels.items() if key not in missing}
        is_meant = all(_has(inner, key, self.labels[key]) for key in missing)
        return sorted(missing) if is_meant and self._replace(labels=others).takes(service) else []

    def __str__(self) -> str:
        labels = [f"label {key}" + ("" if value is None else f"={value}") for key, value in self.labels.items()]
        stack = [f"stack {self.stack}"] if self.stack else []
        repository = [f"repository {self.repository.familiar_repository}"] if self.repository else []
        return ", ".join(stack + labels + repository)


def _parse_repository(text: str, option: str) -> Reference:
    reference = Reference.parse(text)
    if reference.tag or reference.digest:
        raise errors.InvalidInput(f"{option} is {text!r}: a repository has neither a tag nor a digest.")
    return reference


def _parse_labels(labels: Optional[Dict[str, Any]]) -> Labels:
    """Labels with their values as texts, if YAML has read them as something else."""
    texts = {key: str(value).lower() if isinstance(value, bool) else value for key, value in (labels or {}).items()}
    return {key: None if value is None else str(value) for key, value in texts.items()}


def _labels(service: types.Service) -> Dict[str, str]:
    return service["Spec"].get("Labels") or {}


def _container(service: types.Service) -> Dict[str, Any]:
    return (service["Spec"].get("TaskTemplate") or {}).get("ContainerSpec") or {}


def _container_labels(service: types.Service) -> Dict[str, str]:
    return _container(service).get("Labels") or {}


def _has(labels: Mapping[str, str], key: str, value: Optional[str]) -> bool:
    return key in labels and value in (None, labels[key])


def _repository(service: types.Service) -> Optional[str]:
    try:
        return Reference.parse(str(_container(service).get("Image", ""))).repository
    except InvalidReference:
        return None
