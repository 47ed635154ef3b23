# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``image_tags_info`` with real registries: open, with a password, with tokens, with TLS, and with 20,000 tags."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.integration import run
from tests.integration.hostile import GIVEN, PAIR, PASSWORD, USERNAME, Hostile
from tests.integration.run import Result
from tests.swarm import Endpoint, Registry
from tests.swarm.registry import SecureRegistry
from tests.swarm.secure import ADDRESS, Pki
from tests.swarm.tokens import TokenRegistry

AGES = {"2.4.0": 90, "2.4.1": 30, "2.5.0": 8, "2.5.1": 1, "3.0.0": 30}
"""Tags, and how many days ago the image of each was created."""
MANY = 20_000


def days_ago(days: float) -> str:
    moment = datetime.now(tz=timezone.utc).replace(microsecond=0) - timedelta(days=days)
    return moment.isoformat().replace("+00:00", "Z")


@pytest.fixture(scope="module")
def shop(registry: Registry) -> Registry:
    """The open registry, with images of several ages in ``tags/app`` and ``public/app``."""
    for repository in ("tags/app", "public/app"):
        for tag, days in AGES.items():
            registry.put_image(repository, tag, created=days_ago(days))
    registry.put_image("tags/app", "2.6.0-rc1", created=days_ago(30))
    registry.put_image("tags/app", "2.4.2-alpine", created=days_ago(30))
    registry.put_image("tags/app", "1234567", created=days_ago(30))
    registry.put_image("tags/app", "v2.4.1", created=days_ago(30))
    registry.put_image("tags/app", "2.5.2", created=None)
    registry.put_image("tags/app", "2.5.3", created="0001-01-01T00:00:00Z")
    registry.put_image("tags/app", "2.5.4", created="1970-01-01T00:00:01Z")
    registry.put_index("tags/app", "2.5.5", of="2.5.0", platforms=("unknown/unknown", "linux/arm64", "linux/amd64"))
    return registry


def find(network: Endpoint, registry: Any, repository: str = "tags/app", **params: Any) -> Result:
    """Run the module where the registry is."""
    name = f"{registry.address}/{repository}"
    return run.module("image_tags_info", space=network.space, repository=name, **{"timeout": 20, **params})


def passed_over(result: Result) -> dict[str, str | None]:
    return {each["tag"]: each["passed_over"] for each in result.data["candidates"]}


def test_the_newest_that_is_old_enough(network: Endpoint, shop: Registry) -> None:
    result = find(network, shop, current="2.4.0", semver="2.x", min_age="7d")
    assert not result.failed, result.text
    assert not result.changed
    digest = shop.put_index(
        "tags/app", "2.5.5", of="2.5.0", platforms=("unknown/unknown", "linux/arm64", "linux/amd64")
    )
    assert (result.data["tag"], result.data["newer"], result.data["digest"]) == ("2.5.5", True, digest)
    assert result.data["reference"] == f"{shop.address}/tags/app:2.5.5@{digest}"
    assert passed_over(result) == {
        "3.0.0": "It is not in the range 2.x.",
        "2.6.0-rc1": "It is a pre-release.",
        "2.5.5": None,
    }


def test_ages_that_are_not_known(network: Endpoint, shop: Registry) -> None:
    result = find(network, shop, current="2.4.0", semver="<2.5.5", min_age="7d")
    unknown = "It is not known when it was created, so it does not count as old enough."
    found = passed_over(result)
    assert result.data["tag"] == "2.5.0"
    assert result.data["digest"] == shop.digest("tags/app", "2.5.0")
    assert [found[f"2.5.{patch}"] for patch in range(5)] == [None, "It is younger than min_age.", *[unknown] * 3]


def test_nothing_is_newer(network: Endpoint, shop: Registry) -> None:
    result = find(network, shop, "tags/app:3.0.0", semver="*", check=True)
    assert (result.data["tag"], result.data["newer"], result.data["candidates"]) == (None, False, [])


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"current": "2.4.0-alpine", "semver": "2.x"}, "2.4.2-alpine"),
        ({"current": "v2.4.0", "semver": "<=2.4.1"}, "v2.4.1"),
        ({"current": "2.4.0", "semver": "<=2.4.1"}, "2.4.1"),
        ({"current": "2.4.1", "semver": "<=2.4.1"}, None),
        ({"semver": "2.x", "prerelease": True}, "2.6.0-rc1"),
        ({"pattern": r"(\d{7})", "order": "numeric"}, "1234567"),
    ],
)
def test_rules(network: Endpoint, shop: Registry, params: dict[str, Any], expected: str | None) -> None:
    assert find(network, shop, **params).data["tag"] == expected


def test_a_repository_that_is_not_there(network: Endpoint, shop: Registry) -> None:
    result = find(network, shop, "tags/nothing", semver="2.x")
    assert result.failed
    assert (
        f"The registry {shop.address} has no repository {shop.address}/tags/nothing (404: NAME_UNKNOWN"
        in result.message
    )


def test_no_registry(network: Endpoint) -> None:
    result = run.module("image_tags_info", space=network.space, repository="127.0.0.1:5999/app", semver="2.x")
    assert result.failed
    assert result.message == "The registry 127.0.0.1:5999 cannot be reached, or breaks off: Connection refused."


# Credentials


def docker_config(folder: Path, address: str, **entry: str) -> dict[str, Any]:
    """Write a config file, and return the options that read it."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"auths": {address: entry}}), encoding="utf-8")
    return {"registry_auth": "docker_config", "docker_config": str(folder)}


WRONG = {"registry_username": USERNAME, "registry_password": "wr0ng"}


@pytest.fixture(scope="module")
def with_password(network: Endpoint, shop: Registry) -> Iterator[Registry]:
    """A registry with a password over the same images."""
    with Registry(network, port=5020, username=USERNAME, password=PASSWORD).over(shop) as started:
        yield started


@pytest.fixture(scope="module")
def with_tokens(network: Endpoint, shop: Registry) -> Iterator[TokenRegistry]:
    """A registry with tokens over the same images."""
    with TokenRegistry(network, port=5022, username=USERNAME, password=PASSWORD).over(shop) as started:
        yield started


def test_a_password(network: Endpoint, with_password: Registry, tmp_path: Path) -> None:
    for params in (GIVEN, docker_config(tmp_path, with_password.address, auth=PAIR)):
        result = find(network, with_password, semver="<2.5", **params)
        assert result.data.get("tag") == "2.4.1", result.text
        assert PASSWORD not in result.text


@pytest.mark.parametrize(
    ("params", "says"), [({}, "It was asked without credentials"), (WRONG, "It was asked with credentials")]
)
def test_a_password_that_is_missing_or_wrong(
    network: Endpoint, with_password: Registry, params: dict[str, Any], says: str
) -> None:
    result = find(network, with_password, semver="2.x", **params)
    assert result.failed
    assert f"does not let {with_password.address}/tags/app be read (401: UNAUTHORIZED" in result.message
    assert says in result.message
    assert "wr0ng" not in result.message


def test_tokens(network: Endpoint, with_tokens: TokenRegistry, tmp_path: Path) -> None:
    before = len(with_tokens.visits)
    for params in (
        GIVEN,
        docker_config(tmp_path / "password", with_tokens.address, auth=PAIR),
        docker_config(tmp_path / "identity", with_tokens.address, identitytoken=with_tokens.identity),
    ):
        result = find(network, with_tokens, semver="<2.5", **params)
        assert result.data.get("tag") == "2.4.1", result.text
        assert not [secret for secret in (PASSWORD, with_tokens.identity, *with_tokens.tokens) if secret in result.text]
    scope = "repository:tags/app:pull"
    assert with_tokens.visits[before:] == [["GET", scope, USERNAME]] * 2 + [["POST", scope, "identity"]]


def test_a_token_for_nobody(network: Endpoint, with_tokens: TokenRegistry) -> None:
    assert find(network, with_tokens, "public/app", semver="2.x").data["tag"] == "2.5.1"
    result = find(network, with_tokens, semver="2.x")
    assert result.failed
    assert "(401: UNAUTHORIZED authentication required). It was asked without credentials" in result.message


def test_a_token_is_refused(network: Endpoint, with_tokens: TokenRegistry) -> None:
    result = find(network, with_tokens, semver="2.x", **WRONG)
    assert result.failed
    assert f"{with_tokens.realm}, the registry's token service, returned no token (401: UNAUTHORIZED who are you)." in (
        result.message
    )


# TLS


@pytest.fixture(scope="module")
def far(network: Endpoint) -> str:
    """An address in the network that is not the loopback's."""
    network.space.run("ip", "address", "replace", f"{ADDRESS}/32", "dev", "lo")
    return ADDRESS


@pytest.fixture(scope="module")
def encrypted(
    network: Endpoint, shop: Registry, far: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Registry]:
    """A registry with TLS and a password, elsewhere."""
    pki = Pki(tmp_path_factory.mktemp("pki"))
    user = {"username": USERNAME, "password": PASSWORD}
    with SecureRegistry(network, port=5024, host=far, tls=pki.server, **user).over(shop) as started:
        yield started


def test_tls(network: Endpoint, encrypted: Registry) -> None:
    authority = str((encrypted.tls or Path()) / "ca.pem")
    assert find(network, encrypted, semver="<2.5", ca_path=authority, **GIVEN).data.get("tag") == "2.4.1"
    untrusted = find(network, encrypted, semver="2.x", **GIVEN)
    assert untrusted.failed
    assert f"The registry {encrypted.address} is not trusted: " in untrusted.message
    assert "Set ca_path to the authority that signed its certificate." in untrusted.message


def test_no_password_goes_where_the_certificate_is_not_checked(network: Endpoint, encrypted: Registry) -> None:
    result = find(network, encrypted, semver="2.x", validate_certs=False, **GIVEN)
    assert result.failed
    assert f"The credentials for {encrypted.address} would go to a registry whose certificate is not checked" in (
        result.message
    )
    anonymous = find(network, encrypted, semver="2.x", validate_certs=False)
    assert "It was asked without credentials" in anonymous.message


def test_a_registry_elsewhere_without_tls(network: Endpoint, shop: Registry, far: str) -> None:
    with Registry(network, port=5026, host=far).over(shop) as plain:
        refused = find(network, plain, semver="2.x")
        assert refused.failed
        assert f"The registry {plain.address} cannot be reached, or breaks off: " in refused.message
        assert find(network, plain, semver="<2.5", validate_certs=False).data["tag"] == "2.4.1"


# Twenty thousand tags


@pytest.fixture(scope="module")
def many(registry: Registry) -> Registry:
    """A repository of 20,000 tags, the newest of them in the middle of the alphabet."""
    registry.put_image("tags/many", "5.0", created=days_ago(30))
    registry.link_tags("tags/many", (f"{n % 5}.{n // 5 % 100}.{n // 500}" for n in range(MANY)), of="5.0")
    return registry


def test_twenty_thousand_tags(network: Endpoint, many: Registry) -> None:
    result = find(network, many, "tags/many", current="4.99.38", semver="*")
    assert result.data["tag"] == "5.0"
    assert passed_over(result) == {"5.0": None}
    nearest = find(network, many, "tags/many", current="4.99.38", semver="4.x")
    assert (nearest.data["tag"], len(nearest.data["candidates"])) == ("4.99.39", 2)


@pytest.mark.usefixtures("many")
def test_twenty_thousand_tags_on_many_pages(network: Endpoint, hostile: Hostile) -> None:
    result = find(network, hostile, "pages/tags/many", current="4.99.38", semver="4.x")
    assert (result.data.get("tag"), len(result.data["candidates"])) == ("4.99.39", 2), result.text
    assert len([path for path, _host, _user in hostile.visits("pages") if path.endswith("/list")]) == MANY // 1000 + 1


@pytest.fixture(scope="module")
def hostile(network: Endpoint, registry: Registry) -> Iterator[Hostile]:
    """A registry that gives out another one's list in pages."""
    with Hostile(network, 5028, registry.address) as started:
        yield started
