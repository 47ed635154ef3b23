# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, Optional

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._commands.services import (
    find_service,
    find_services,
    select_services,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.types import Service
from ansible_collections.swarmops.rollout.plugins.module_utils._errors import (
    AnswerLost,
    ApiError,
    InvalidInput,
    ServiceNotFound,
)
from ansible_collections.swarmops.rollout.plugins.module_utils._service.selection import Selector
from tests.unit.plugins.module_utils.fakes import SERVICE_ID, FakeSwarm, lost, make_service, refused

OTHER_ID = "kzrv1nlmyeor00000000other"  # the same 12 characters, and no other way to tell them apart
THIRD_ID = "aaaaaaaaaaaa111111111third"


def shop() -> FakeSwarm:
    return FakeSwarm(
        make_service("team/web:1", "shop_web"),
        make_service("team/api:1", "shop_api", THIRD_ID),
    )


Find = Callable[[FakeSwarm, str], Service]
WAYS: Dict[str, Find] = {
    "alone": lambda swarm, name: find_service(swarm.engine, name),
    "among-others": lambda swarm, name: find_services(swarm.engine, [name, THIRD_ID])[0],
}
each_way = pytest.mark.parametrize("find", WAYS.values(), ids=WAYS)


@each_way
@pytest.mark.parametrize("name", ["shop_web", SERVICE_ID, SERVICE_ID[:12]], ids=["name", "id", "short-id"])
def test_found(find: Find, name: str) -> None:
    assert find(shop(), name)["ID"] == SERVICE_ID


@each_way
@pytest.mark.parametrize(
    "name",
    [
        "shop",
        "SHOP_WEB",
        "shop_web ",
        SERVICE_ID[:11],
        SERVICE_ID[:13],
        SERVICE_ID[:1],
        SERVICE_ID + "x",
        "shop_web/../x",
        "shop.web",
        "shop_web?",
        "shop_",
        "shöp",
        "web\n",
    ],
)
def test_not_found(find: Find, name: str) -> None:
    with pytest.raises(ServiceNotFound, match="There is no service "):
        find(shop(), name)


@each_way
@pytest.mark.parametrize("name", ["", " ", "\n"])
def test_an_empty_name(find: Find, name: str) -> None:
    swarm = shop()
    with pytest.raises(InvalidInput, match="is empty"):
        find(swarm, name)


@each_way
def test_a_long_name_that_cannot_be_one_is_refused_at_once(find: Find) -> None:
    begun = time.monotonic()
    with pytest.raises(ServiceNotFound):
        find(shop(), "traefikwhoamiserviceslondon.web")
    assert time.monotonic() - begun < 1


def test_a_short_id_that_two_services_share() -> None:
    swarm = FakeSwarm(make_service(), make_service(name="t002", identifier=OTHER_ID))
    with pytest.raises(ServiceNotFound):
        find_service(swarm.engine, SERVICE_ID[:12])


def test_a_name_goes_before_the_short_id_of_another() -> None:
    swarm = FakeSwarm(make_service(), make_service(name=SERVICE_ID[:12], identifier=THIRD_ID))
    assert find_service(swarm.engine, SERVICE_ID[:12])["ID"] == THIRD_ID
    assert find_services(swarm.engine, [SERVICE_ID[:12], "t001"])[0]["ID"] == THIRD_ID


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("shop_wbe", ["shop_web", "shop_api"]),
        ("web", ["shop_web"]),
        ("WEB", ["shop_web"]),
        ("shop", ["shop_web", "shop_api"]),
        ("zzzzzz", []),
    ],
)
def test_what_comes_near_is_named(name: str, near: List[str]) -> None:
    with pytest.raises(ServiceNotFound) as caught:
        find_service(shop().engine, name)
    assert caught.value.near == near


def test_no_more_than_three_are_named() -> None:
    services = [make_service(name=f"web{number}", identifier=f"{number}" * 25) for number in range(9)]
    with pytest.raises(ServiceNotFound) as caught:
        find_service(FakeSwarm(*services).engine, "web")
    assert len(caught.value.near) == 3


def test_other_failures_come_through() -> None:
    swarm = shop()
    swarm.on_read.extend([refused(500, "it burns"), lost()])
    with pytest.raises(ApiError, match="it burns"):
        find_service(swarm.engine, "shop_web")
    with pytest.raises(AnswerLost):
        find_service(swarm.engine, "shop_web")


def test_many_are_given_in_order() -> None:
    found = find_services(shop().engine, ["shop_web", THIRD_ID])
    assert [service["Spec"]["Name"] for service in found] == ["shop_web", "shop_api"]


@pytest.mark.parametrize(
    ("names", "filters"),
    [
        (["shop_web", "shop_api"], [{"name": ["shop_web", "shop_api"]}]),
        (["shop_web", THIRD_ID], [{"name": ["shop_web", THIRD_ID]}, {}]),
    ],
)
def test_only_the_named_are_listed_where_names_find_all(names: List[str], filters: List[Dict[str, Any]]) -> None:
    swarm = FakeSwarm(*shop().services.values(), make_service("team/web:1", "shop_web-canary", "b" * 25))
    assert [service["Spec"]["Name"] for service in find_services(swarm.engine, names)] == ["shop_web", "shop_api"]
    assert swarm.filters == filters


def test_names_that_make_a_long_filter_are_looked_for_among_all() -> None:
    names = [f"service-{number:055d}" for number in range(120)]
    swarm = FakeSwarm(*(make_service(name=name, identifier=f"{name[-4:]:0>25}") for name in names))
    assert [service["Spec"]["Name"] for service in find_services(swarm.engine, names)] == names
    assert swarm.filters == [{}]


@pytest.mark.parametrize("twin", ["shop_web", SERVICE_ID, SERVICE_ID[:12]])
def test_a_service_listed_twice(twin: str) -> None:
    with pytest.raises(InvalidInput, match="'shop_web' is listed twice"):
        find_services(shop().engine, ["shop_web", twin])


@pytest.mark.parametrize(
    ("labels", "asked", "taken"),
    [
        ({"tier": "front"}, ["tier=front"], ["shop_api", "shop_web"]),
        ({"tier": "back"}, ["tier=back"], []),
        ({"a=b": "c"}, [], ["shop_web"]),
        ({"empty": ""}, ["empty="], ["shop_api"]),
        ({"empty": None}, ["empty"], ["shop_api", "shop_web"]),
        ({"a=b": None}, [], ["shop_web"]),
    ],
)
def test_what_the_engine_is_asked_for(labels: Dict[str, Any], asked: List[str], taken: List[str]) -> None:
    swarm = shop()
    web, api = swarm.services.values()
    web["Spec"]["Labels"].update({"tier": "front", "a=b": "c", "empty": "not"})
    api["Spec"]["Labels"].update({"tier": "front", "empty": ""})
    selected = select_services(swarm.engine, Selector.parse("shop", labels, None), allow_none=True)
    assert names(selected.services) == taken
    stack = "com.docker.stack.namespace=shop"
    again = [] if taken else [{"label": [stack]}]
    assert swarm.filters == [{"label": [*asked, stack]}, *again]


def names(services: List[Service]) -> List[str]:
    return [service["Spec"]["Name"] for service in services]


def selecting(swarm: FakeSwarm, stack: Optional[str] = "shop", *, allow_none: bool = False, **select: Any) -> Any:
    """The names that are selected, the names that are left out, and the warning."""
    selector = Selector.parse(stack, select.get("labels"), select.get("repository"), select.get("exclude"))
    selected = select_services(swarm.engine, selector, allow_none)
    return names(selected.services), names(selected.excluded), selected.warning


def test_the_selected_come_by_name() -> None:
    assert selecting(shop()) == (["shop_api", "shop_web"], [], "")


def test_none_selected_is_an_error_unless_allowed() -> None:
    swarm = shop()
    select: Dict[str, Any] = {"labels": {"a": "b", "c": None}, "repository": "team/web"}
    assert selecting(swarm, "none", allow_none=True, **select) == ([], [], "")
    with pytest.raises(InvalidInput, match=r"No service has stack none, label a=b, label c, repository team/web\."):
        selecting(swarm, "none", **select)


def test_who_is_left_out_is_told() -> None:
    swarm = shop()
    assert selecting(swarm, exclude={"names": ["*_api"]}) == (["shop_web"], ["shop_api"], "")
    assert swarm.filters == [{"label": ["com.docker.stack.namespace=shop"]}]
    only_matching = {"repository": "team/web", "exclude": {"names": ["*"], "labels": None}}
    assert selecting(swarm, None, allow_none=True, **only_matching) == ([], ["shop_web"], "")


def test_leaving_all_out_is_an_error_unless_allowed() -> None:
    everybody: Dict[str, Any] = {"exclude": {"names": ["shop_*"]}}
    assert selecting(shop(), allow_none=True, **everybody) == ([], ["shop_api", "shop_web"], "")
    with pytest.raises(InvalidInput) as caught:
        selecting(shop(), **everybody)
    assert str(caught.value) == (
        "select.exclude leaves out each service that has stack shop (shop_api, shop_web). Set allow_none=true if that "
        "is not an error."
    )


DEPLOY = "In a compose file the labels of a service stand under deploy."


def inside(swarm: FakeSwarm, **labels: str) -> FakeSwarm:
    """The same services, with labels on the containers of all of them."""
    for service in swarm.services.values():
        service["Spec"]["TaskTemplate"]["ContainerSpec"]["Labels"] = labels
    return swarm


def test_labels_of_containers_are_told_where_nothing_is_selected() -> None:
    swarm = inside(shop(), tier="front")
    said = (
        "The containers of shop_api, shop_web have the label tier, and the services do not, so they were not selected. "
        f"{DEPLOY}"
    )
    for stack, value in (("shop", "front"), ("shop", None), (None, "front")):
        select: Dict[str, Any] = {"labels": {"tier": value}}
        assert selecting(swarm, stack, allow_none=True, **select) == ([], [], said)
        with pytest.raises(InvalidInput) as caught:
            selecting(swarm, stack, **select)
        assert str(caught.value).endswith(f"Set allow_none=true if that is not an error. {said}")
    assert selecting(swarm, "other", allow_none=True, labels={"tier": "front"}) == ([], [], "")


def test_nobody_looks_at_containers_where_a_service_has_the_label() -> None:
    swarm = inside(shop(), tier="front")
    swarm.service["Spec"]["Labels"]["tier"] = "front"
    assert selecting(swarm, labels={"tier": "front"}) == (["shop_web"], [], "")
    assert len(swarm.filters) == 1


def test_labels_of_containers_that_leave_nobody_out_are_told() -> None:
    swarm = inside(shop(), frozen="yes", other="")
    swarm.service["Spec"]["Labels"]["frozen"] = "yes"
    said = (
        f"The containers of shop_api have the label frozen, and the service does not, so it was not left out. {DEPLOY}"
    )
    assert selecting(swarm, exclude={"labels": {"frozen": None}}) == (["shop_api"], ["shop_web"], said)


def test_a_message_names_five_services_at_most() -> None:
    services = [make_service(name=f"web{number}", identifier=f"{number}" * 25) for number in range(9)]
    swarm = inside(FakeSwarm(*services), tier="front")
    _services, _excluded, warning = selecting(swarm, allow_none=True, labels={"tier": None})
    assert warning.startswith("The containers of web0, web1, web2, web3, web4 and 4 more have the label tier,")
