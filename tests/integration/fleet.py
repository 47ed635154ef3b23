# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many services without tasks in one swarm: stacks that begin alike, shared repositories, labels of all kinds."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.integration.run import Result, module
from tests.swarm import Endpoint, Proxy, services
from tests.swarm.proxy import Request

STACK_LABEL = "com.docker.stack.namespace"
SIZE = 200
IN_STACK = 60
VALUES = (
    "two words",
    " around ",
    "a,b",
    "a=b",
    "=",
    "",
    'it\'s "quoted"',
    '{"json": ["x"]}',
    "%20&x=1#y",
    "back\\slash",
    "ünï → ✓",
    "*",
    "two\nlines",
    "007",
    "true",
)
"""Values of a label, a service each."""

Rule = Callable[[services.Spec], bool]


@dataclass(frozen=True)
class Fleet:
    """The services, by name; all names and stacks begin with ``prefix``."""

    engine: Endpoint
    prefix: str
    specs: Mapping[str, services.Spec]

    @property
    def names(self) -> list[str]:
        """All names, in order."""
        return sorted(self.specs)

    @property
    def stack(self) -> str:
        """The stack of :data:`IN_STACK` services."""
        return f"{self.prefix}shop"

    def held(self) -> dict[str, Any]:
        """Return the services as the engine has them now, by name."""
        listed = self.engine.get("/services")
        return {each["Spec"]["Name"]: each for each in listed if each["Spec"]["Name"] in self.specs}

    def images(self, names: Iterable[str]) -> list[str]:
        """Return the images that the engine has for these services now."""
        held = self.held()
        return [str(held[name]["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"]) for name in names]

    def select(self, name: str) -> tuple[dict[str, Any], list[str]]:
        """Return a row of :data:`SELECTORS`: the option ``select``, and the names that it takes."""
        select, takes = SELECTORS[name]
        filled = json.loads(json.dumps(select).replace("PREFIX", self.prefix))
        return filled, [each for each in self.names if takes(self.specs[each])]


@contextmanager
def fleet(engine: Endpoint, prefix: str, size: int = SIZE) -> Iterator[Fleet]:
    """Create the services; they are removed at the end."""
    prefix = f"{prefix}{os.getpid()}-"
    made = [_spec(prefix, number) for number in range(size)]
    try:
        for spec in made:
            services.post(engine, spec)
        yield Fleet(engine, prefix, {spec["Name"]: spec for spec in made})
    finally:
        services.remove(engine, prefix)


def _spec(prefix: str, number: int) -> services.Spec:
    """Return a spec: 60 services of the stack ``shop``, 20 of each that begins alike, the rest of none."""
    stacks = ["shop"] * IN_STACK + ["shop-eu"] * 20 + ["shop2"] * 20 + ["sho"] * 20
    stack = f"{prefix}{stacks[number]}" if number < len(stacks) else ""
    repository = ("whoami", "127.0.0.1:1/team/app", "team/app")[number % 3]
    labels = {"tier": ("front", "back")[number % 2], "value": VALUES[number % len(VALUES)]}
    labels.update({STACK_LABEL: stack} if stack else {})
    if number % 10 == 0:
        del labels["value"]
    # Created from the last to the first, since that is not the order of their names.
    name = f"{stack}_{999 - number}" if stack else f"{prefix}{999 - number}"
    return services.simple(name, f"{repository}:1", replicas=0, Labels=labels)


def _labelled(**wanted: str) -> Rule:
    return lambda spec: all(spec["Labels"].get(key) == value for key, value in wanted.items())


def _in(stack: str) -> Rule:
    return lambda spec: str(spec["Labels"].get(STACK_LABEL, "")).endswith(f"-{stack}")


def _of(repository: str) -> Rule:
    return lambda spec: bool(spec["TaskTemplate"]["ContainerSpec"]["Image"] == f"{repository}:1")


def _all(*rules: Rule) -> Rule:
    return lambda spec: all(rule(spec) for rule in rules)


def _any(*rules: Rule) -> Rule:
    return lambda spec: any(rule(spec) for rule in rules)


def _not(rule: Rule) -> Rule:
    return lambda spec: not rule(spec)


def _has(label: str) -> Rule:
    return lambda spec: label in spec["Labels"]


def _ends(*ends: str) -> Rule:
    return lambda spec: bool(spec["Name"].endswith(ends))


SHOP: Any = {"stack": "PREFIXshop"}
EXCLUSIONS: dict[str, tuple[Any, Rule]] = {
    "a name": ({"names": ["PREFIXshop_999"]}, _ends("_999")),
    "a pattern": (
        {"names": ["*_98?", "*_9[0-4]5"]},
        _any(*(_ends(f"_98{digit}") for digit in range(10)), _ends("_945")),
    ),
    "no whole name": ({"names": ["shop", "_99?", "PREFIXSHOP_999", "*_999x"]}, _ends("none")),
    "a label": ({"labels": {"tier": "back"}}, _labelled(tier="back")),
    "a label of any value": ({"labels": {"value": None}}, _has("value")),
    "one of two labels": (
        {"labels": {"tier": "back", "value": "007"}},
        _any(_labelled(tier="back"), _labelled(value="007")),
    ),
    "a boolean label": ({"labels": {"value": True}}, _labelled(value="true")),
    "repositories": (
        {"repository": ["docker.io/library/whoami", "team/ap", "127.0.0.1:1/team/app"]},
        _any(_of("whoami"), _of("127.0.0.1:1/team/app")),
    ),
    "either": (
        {"names": ["*_99*"], "labels": {"value": "*"}, "repository": ["team/app"]},
        _any(*(_ends(f"_99{digit}") for digit in range(10)), _labelled(value="*"), _of("team/app")),
    ),
    "nothing": ({"names": [], "labels": {}, "repository": []}, _ends("none")),
}
"""What is left out of the stack ``shop``, and by what rule."""
SELECTORS: dict[str, tuple[Any, Rule]] = {
    "stack": (SHOP, _in("shop")),
    "stack that begins alike": ({"stack": "PREFIXshop-eu"}, _in("shop-eu")),
    "stack that others begin with": ({"stack": "PREFIXsho"}, _in("sho")),
    "stack as a label": ({"labels": {STACK_LABEL: "PREFIXshop2"}}, _in("shop2")),
    "stack and label": ({**SHOP, "labels": {"tier": "back"}}, _all(_in("shop"), _labelled(tier="back"))),
    "stack and repository": ({**SHOP, "repository": "team/app"}, _all(_in("shop"), _of("team/app"))),
    "registry": ({**SHOP, "repository": "127.0.0.1:1/team/app"}, _all(_in("shop"), _of("127.0.0.1:1/team/app"))),
    "long form": ({**SHOP, "repository": "docker.io/library/whoami"}, _all(_in("shop"), _of("whoami"))),
    "two labels": (
        {"labels": {"tier": "front", "value": "007", STACK_LABEL: "PREFIXshop"}},
        _all(_in("shop"), _labelled(tier="front", value="007")),
    ),
    "all three": (
        {**SHOP, "labels": {"tier": "front"}, "repository": "whoami"},
        _all(_in("shop"), _labelled(tier="front"), _of("whoami")),
    ),
    **{
        f"label {value!r}": ({**SHOP, "labels": {"value": value}}, _all(_in("shop"), _labelled(value=value)))
        for value in VALUES
    },
    "label of any value": ({**SHOP, "labels": {"value": None}}, _all(_in("shop"), _has("value"))),
    "label of any value and another": (
        {"labels": {"value": None, "tier": "back", STACK_LABEL: "PREFIXshop"}},
        _all(_in("shop"), _has("value"), _labelled(tier="back")),
    ),
    **{
        f"exclude {name}": ({**SHOP, "exclude": exclude}, _all(_in("shop"), _not(rule)))
        for name, (exclude, rule) in EXCLUSIONS.items()
    },
    "boolean label": ({**SHOP, "labels": {"value": True}}, _all(_in("shop"), _labelled(value="true"))),
}
"""What is selected, and by what rule a service is to be taken."""


def names_of(result: Result) -> list[str]:
    """Return the names in a result's list of services."""
    assert not result.failed, result.text
    return [entry["name"] for entry in result.data["services"]]


def excluded_from(ships: Fleet, names: Iterable[str]) -> list[str]:
    """Return the services of the stack ``shop`` that are not among these names."""
    return sorted(set(ships.select("stack")[1]) - set(names))


def outcomes(result: Result) -> list[str]:
    """Return the outcomes in a result's list of services."""
    return [entry["outcome"] for entry in result.data["services"]]


def run(host: str, plugin: str = "swarm_service_image", /, **params: Any) -> Result:
    """Run a module through a socket."""
    return module(plugin, docker_host=host, **params)


def written(proxy: Proxy, held: Mapping[str, Any], query: str = "") -> list[str]:
    """Return the services that were written to through a proxy, in this order, those whose request has ``query``."""
    names = {each["ID"]: name for name, each in held.items()}
    return [names[post.path.split("/")[3]] for post in proxy.posts if query in post.path]


def reads(proxy: Proxy, path: str) -> list[Request]:
    """Return the GET requests of a path, its query and version apart."""
    return [each for each in proxy.requests if each.method == "GET" and each.path.split("?")[0].endswith(path)]
