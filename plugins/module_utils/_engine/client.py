# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A client of the Engine API, one method per endpoint. Private to this collection."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Collection, Dict, Iterator, List, Optional, Sequence, Type
from urllib.parse import quote as quote_url
from urllib.parse import urlencode

from ansible_collections.swarmops.rollout.plugins.module_utils import _errors as errors
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.transport import Answer

if TYPE_CHECKING:
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine import types
    from ansible_collections.swarmops.rollout.plugins.module_utils._engine.transport import Carrier, Take

SERVER = re.compile(r"Docker/(\S+)")
MANAGER_STATE = "active/manager"
MANAGER_HINTS = {
    "inactive": "it is not in a swarm. Run this on a manager, or make it one with docker swarm init or join",
    "pending": "it is still joining a swarm. Try again when docker node ls answers there",
    "error": "its swarm component has failed. docker info says why",
    "locked": "its swarm is locked. Open it with docker swarm unlock",
    "active/worker": "it is a worker. Run this on a manager, or make it one with docker node promote",
}

# Only their texts tell these errors apart (daemon/cluster/errors.go, swarmkit's manager/controlapi and raft).
NO_MANAGER_TEXTS = (
    "is not a swarm manager",
    "not part of a swarm",
    "swarm is encrypted",
    "swarm certificates have expired",
)
NOT_READY_TEXT = "manager is being prepared"  # from an engine that restarts, along with one of NO_MANAGER_TEXTS
OUT_OF_SEQUENCE_TEXT = "update out of sequence"
UNAVAILABLE_TEXTS = (
    "does not have a leader",
    "context deadline exceeded",
    "context canceled",
    "code = unavailable",
    "raft: ",
    "lost leadership",
    "no elected",
    "node is not the leader",
    "transport is closing",
    "connection error",
)


WANTS_TLS = b"HTTP request to an HTTPS server"  # Go's net/http
UNREADABLE = "no readable reason"
MOST_WARNINGS = 10  # warnings passed on from one answer
NOT_FOUND_STATUS = 404
NOT_ALLOWED_STATUSES = (401, 403, 405)  # an engine itself answers with these for /distribution alone
GATEWAY_STATUSES = (502, 504)  # never an engine's own (api/server/httpstatus), so a gateway's
SERVER_ERRORS = 500  # the lowest HTTP status of a server error
SHORTEST_CALL = 0.1  # seconds
LONGEST_FILTER = 7500  # characters as sent; a proxy before an engine may refuse longer lines (nginx: 8 KiB)


class Engine:
    """A manager's engine, called in its own API version.

    Every method raises EngineError: EngineUnreachable, AnswerLost, BadAnswer, ApiError or one of its subclasses. The
    transport bounds the time of each call.
    """

    def __init__(self, transport: Carrier) -> None:
        self._transport = transport
        self._prefix = ""
        self._version = ""  # of the engine, from its header Server
        self.date = ""  # the engine's clock at its last answer, from the header Date
        self.writes = 0  # requests sent that may have changed something

    @property
    def call_timeout(self) -> float:
        """The limit of one call, in seconds."""
        return self._transport.timeout

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Limit each call made inside to so many seconds, if that is less than the usual limit of a call."""
        self._transport.limit = max(SHORTEST_CALL, min(seconds, self._transport.timeout))
        try:
            yield
        finally:
            self._transport.limit = self._transport.timeout

    @property
    def keeps_secrets(self) -> bool:
        """Whether credentials may be sent to this engine's address."""
        return self._transport.address.keeps_secrets

    @property
    def is_encrypted(self) -> bool:
        """Whether the connection to this engine is encrypted by TLS, checked or not."""
        return self._transport.address.tls is not None

    def connect(self) -> None:
        """Read the engine's API version. Engines from version 23 on also say at once whether they are managers."""
        answer = self._transport.call("GET", "/_ping")
        version = answer.headers.get("api-version", "")
        if WANTS_TLS in answer.body:
            raise errors.BadAnswer(
                f"The engine at {self._transport.address.text} wants TLS: set tls=true, or write https:// in "
                "docker_host."
            )
        if answer.status in NOT_ALLOWED_STATUSES and not version:
            raise errors.NotAllowed("GET /_ping", answer.status, _reason(answer))
        if not version.replace(".", "").isdigit():
            raise errors.BadAnswer(
                f"What answers at {self._transport.address.text} is not a Docker engine: "
                f"its answer to /_ping (status {answer.status}) names no API version. Is docker_host right?"
            )
        self._prefix = f"/v{version}"
        server = SERVER.match(answer.headers.get("server", ""))
        self._version = server.group(1) if server else ""
        state = answer.headers.get("swarm", MANAGER_STATE)
        if state != MANAGER_STATE:
            raise self._no_manager(MANAGER_HINTS.get(state, f"its swarm state is {errors.quote(state)!r}"))

    def version(self) -> str:
        """The engine's version, asked for separately if a gateway has replaced the header Server."""
        return self._version or str(self._get("/version", dict).get("Version", ""))

    def info(self) -> Dict[str, Any]:
        """The engine's description of itself, including its clock and the ID of its node."""
        told: Dict[str, Any] = self._get("/info", dict)
        return told

    def service(self, name_or_id: str) -> types.Service:
        """Read one service by what the engine accepts: ID, name, or a prefix of an ID. Raises NotFound."""
        path = f"/services/{quote_url(name_or_id, safe='')}"
        return _checked_service(path, self._get(path, dict))

    def services(self, filters: Optional[types.Filters] = None) -> List[types.Service]:
        """Read all services that match the filters."""
        return [_checked_service("/services", service) for service in self._list("/services", filters)]

    def tasks(self, filters: types.Filters) -> List[types.Task]:
        """Read all tasks that match the filters."""
        return self._list_with_ids("/tasks", filters)

    def task_log(self, identifier: str, lines: int, take: Take) -> None:
        """Hand on what a task wrote last, as a stream, part by part as it comes. The engine counts the lines."""
        path = f"/tasks/{quote_url(identifier, safe='')}/logs"
        params = {"stdout": "1", "stderr": "1", "tail": str(lines)}
        if not self._prefix:
            self.connect()
        answer = self._transport.stream(self._prefix + path, params, take)
        if answer.status != 200:
            raise self._refusal(f"GET {path}", answer)

    def nodes(self) -> List[types.Node]:
        """Read all nodes."""
        return self._list_with_ids("/nodes", None)

    def update_service(
        self, service: types.Service, spec: types.ServiceSpec, registry_auth: Optional[str] = None
    ) -> List[str]:
        """Write a spec at the version index of `service`. Returns the engine's warnings. Raises OutOfSequence."""
        return self._post_update(service, spec, {}, registry_auth)

    def roll_back_service(self, service: types.Service) -> List[str]:
        """Have the engine restore the service's PreviousSpec. Returns its warnings. Raises OutOfSequence."""
        return self._post_update(service, service["Spec"], {"rollback": "previous"}, None)

    def distribution(self, image: str, registry_auth: Optional[str] = None) -> types.Distribution:
        """Ask the image's registry for its digest and platforms."""
        headers = {"X-Registry-Auth": registry_auth} if registry_auth else {}
        call = f"/distribution/{quote_url(image, safe='/:@')}/json"
        distribution = self._decode("GET " + call, self._call("GET", call, headers=headers), dict)
        descriptor, platforms = distribution.get("Descriptor"), distribution.get("Platforms") or []
        is_whole = isinstance(descriptor, dict) and isinstance(descriptor.get("digest"), str)
        is_whole = is_whole and isinstance(platforms, list)
        if not is_whole or not all(isinstance(platform, dict) for platform in platforms):
            raise errors.BadAnswer(f"GET {call}: the answer holds no usable digest.")
        checked: types.Distribution = distribution
        return checked

    def events(self, filters: types.Filters) -> Iterator[bytes]:
        """Yield each event as it happens, as a line of JSON, until the connection ends or breaks."""
        return self._transport.lines(self._prefix + "/events", _params(filters))

    def _post_update(
        self, service: types.Service, spec: types.ServiceSpec, params: Dict[str, str], registry_auth: Optional[str]
    ) -> List[str]:
        call = f"/services/{service['ID']}/update"
        headers = {"Content-Type": "application/json"}
        if registry_auth:
            headers["X-Registry-Auth"] = registry_auth
        params = dict(params, version=str(service["Version"]["Index"]))
        body = json.dumps(spec).encode()
        self.writes += 1
        try:
            answer = self._call("POST", call, params=params, body=body, headers=headers)
            warnings = self._decode("POST " + call, answer, dict).get("Warnings")
        except errors.BadAnswer as error:
            raise errors.AnswerLost(str(error)) from None
        except errors.ApiError as error:
            if error.status >= SERVER_ERRORS and error.reason == UNREADABLE:  # not the engine's own words: a gateway's
                raise errors.AnswerLost(str(error)) from None
            raise
        return [errors.quote(str(warning)) for warning in list(warnings or [])[:MOST_WARNINGS]]

    def _list(self, path: str, filters: Optional[types.Filters]) -> List[Any]:
        params = _params(filters) if filters else None
        found: List[Any] = self._get(path, list, params)
        if not all(isinstance(item, dict) for item in found):
            raise errors.BadAnswer(f"GET {path}: the engine's answer is not a list of objects.")
        return found

    def _list_with_ids(self, path: str, filters: Optional[types.Filters]) -> List[Any]:
        found = self._list(path, filters)
        if not all(isinstance(item.get("ID"), str) for item in found):
            raise errors.BadAnswer(f"GET {path}: the answer holds an object without ID.")
        return found

    def _get(self, path: str, kind: Type[Any], params: Optional[Dict[str, str]] = None) -> Any:
        return self._decode("GET " + path, self._call("GET", path, params=params), kind)

    def _call(self, method: str, path: str, **request: Any) -> Answer:
        if not self._prefix:
            self.connect()
        answer = self._transport.call(method, self._prefix + path, **request)
        self.date = answer.headers.get("date", "")
        if answer.status != 200:
            raise self._refusal(f"{method} {path}", answer)
        return answer

    def _refusal(self, call: str, answer: Answer) -> errors.EngineError:
        reason = _reason(answer)
        text = reason.lower()
        if answer.status in GATEWAY_STATUSES:
            return errors.AnswerLost(f"{call}: a gateway in front of the engine answered {answer.status}: {reason}.")
        if NOT_READY_TEXT not in text and any(known in text for known in NO_MANAGER_TEXTS):
            return self._no_manager(reason)
        return _kind_of_refusal(call, answer.status, reason)(call, answer.status, reason)

    def _no_manager(self, why: str) -> errors.NotAManager:
        return errors.NotAManager(
            f"The engine at {self._transport.address.text} cannot manage services: {errors.quote(why).rstrip('.')}."
        )

    @staticmethod
    def _decode(call: str, answer: Answer, kind: Type[Any]) -> Any:
        try:
            value = json.loads(answer.body.decode("utf-8"))
        except (ValueError, RecursionError):
            raise errors.BadAnswer(f"{call}: the answer is not JSON, though an engine's would be.") from None
        if not isinstance(value, kind):
            raise errors.BadAnswer(f"{call}: the answer is JSON, but not the {kind.__name__} that an engine returns.")
        return value


def present_services(engine: Engine, identifiers: Collection[str]) -> Dict[str, types.Service]:
    """The services with these IDs that still exist, by ID. Raises EngineError.

    One that is missing in the engine's list is read by itself: a service is gone only if the engine says so of it.
    """
    found = {service["ID"]: service for service in engine.services(any_of("id", list(identifiers)))}
    present = {identifier: found[identifier] for identifier in identifiers if identifier in found}
    for identifier in identifiers:
        if identifier not in found:
            with suppress(errors.NotFound):
                present[identifier] = engine.service(identifier)
    return present


def any_of(key: str, values: Sequence[str]) -> types.Filters:
    """A filter for any of these values; an empty one, which matches everything, if it would be too long."""
    filters = {key: list(values)}
    return filters if len(urlencode(_params(filters))) <= LONGEST_FILTER else {}


def _params(filters: types.Filters) -> Dict[str, str]:
    return {"filters": json.dumps(filters)}


def _checked_service(path: str, service: Any) -> types.Service:
    """The service, checked for the parts that all other code relies on. Raises BadAnswer."""
    spec, version = service.get("Spec"), service.get("Version")
    is_whole = (
        isinstance(service.get("ID"), str)
        and isinstance(version, dict)
        and isinstance(version.get("Index"), int)
        and isinstance(spec, dict)
        and isinstance(spec.get("TaskTemplate"), dict)
    )
    if not is_whole:
        raise errors.BadAnswer(f"GET {path}: the answer holds a service without ID, version index or spec.")
    checked: types.Service = service
    return checked


def _kind_of_refusal(call: str, status: int, reason: str) -> Type[errors.ApiError]:
    """The error class of a refusal. A registry's own refusals come through /distribution, as text."""
    text = reason.lower()
    is_registrys = "/distribution/" in call and reason != UNREADABLE
    kinds = (
        (errors.ManagerNotReady, NOT_READY_TEXT in text),
        (errors.NotAllowed, status in NOT_ALLOWED_STATUSES and not is_registrys),
        (errors.OutOfSequence, OUT_OF_SEQUENCE_TEXT in text),
        (errors.SwarmUnavailable, any(known in text for known in UNAVAILABLE_TEXTS)),
        (errors.NotFound, status == NOT_FOUND_STATUS),
    )
    return next((kind for kind, is_that in kinds if is_that), errors.ApiError)


def _reason(answer: Answer) -> str:
    """The engine's explanation of a refusal."""
    try:
        return str(json.loads(answer.body.decode("utf-8"))["message"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return UNREADABLE
