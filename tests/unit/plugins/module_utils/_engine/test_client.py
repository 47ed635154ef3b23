# Copyright (c) 2026, The swarmops.rollout contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, Optional, Type

import pytest

from ansible_collections.swarmops.rollout.plugins.module_utils._engine.client import Engine, any_of, present_services
from ansible_collections.swarmops.rollout.plugins.module_utils._engine.transport import Answer
from ansible_collections.swarmops.rollout.plugins.module_utils._errors import (
    AnswerLost,
    ApiError,
    BadAnswer,
    EngineError,
    EngineUnreachable,
    ManagerNotReady,
    NotAllowed,
    NotAManager,
    NotFound,
    OutOfSequence,
    SwarmUnavailable,
)
from tests.unit.plugins.module_utils.fakes import (
    DEADLINE,
    DIGEST,
    NO_LEADER,
    NOT_READY,
    OUT_OF_SEQUENCE,
    SERVICE_ID,
    FakeTransport,
    answer,
    make_service,
)

PING = Answer(200, b"OK", {"api-version": "1.41"})


def make_engine(*answers: Any) -> tuple[Engine, FakeTransport]:
    transport = FakeTransport(*answers)
    return Engine(transport), transport


def connected(*answers: Any) -> tuple[Engine, FakeTransport]:
    engine, transport = make_engine(PING, *answers)
    engine.connect()
    transport.calls.clear()
    return engine, transport


@pytest.mark.parametrize(("count", "is_used"), [(1, True), (200, True), (250, False)])
def test_a_filter_that_a_gateway_may_refuse_is_left_out(count: int, is_used: bool) -> None:
    identifiers = [f"{number:025d}" for number in range(count)]
    assert any_of("id", identifiers) == ({"id": identifiers} if is_used else {})


def test_a_service_is_gone_where_the_engine_says_so_of_it() -> None:
    one, other = make_service(identifier="one"), make_service(identifier="other")
    engine, transport = connected(answer(200, [one]), answer(200, other), answer(404, {"message": "not found"}))
    assert present_services(engine, ["one", "other", "third"]) == {"one": one, "other": other}
    assert [call["path"] for call in transport.calls] == [
        "/v1.41/services",
        "/v1.41/services/other",
        "/v1.41/services/third",
    ]


@pytest.mark.parametrize("version", ["1.41", "1.54", "2.0"])
def test_the_engines_own_version_is_spoken(version: str) -> None:
    engine, transport = make_engine(Answer(200, b"OK", {"api-version": version}), answer(200, []))
    engine.connect()
    engine.services()
    assert [call["path"] for call in transport.calls] == ["/_ping", f"/v{version}/services"]


@pytest.mark.parametrize(
    "given",
    [
        Answer(200, b"<html>", {}),
        Answer(404, b"not found", {}),
        Answer(200, b"", {"api-version": ""}),
        Answer(200, b"OK", {"api-version": "1.41/../x"}),
        Answer(200, b"OK", {"api-version": "."}),
    ],
    ids=["a-web-server", "no-ping", "empty-version", "a-path-for-a-version", "no-digits"],
)
def test_what_is_no_engine(given: Answer) -> None:
    engine, _transport = make_engine(given)
    with pytest.raises(BadAnswer, match=r"is not a Docker engine: its answer to /_ping .* Is docker_host right"):
        engine.connect()


@pytest.mark.parametrize(
    ("state", "hint"),
    [
        ("inactive", "docker swarm init or join"),
        ("pending", "still joining"),
        ("error", "docker info says why"),
        ("locked", "docker swarm unlock"),
        ("active/worker", "docker node promote"),
        ("of tomorrow", "its swarm state is 'of tomorrow'"),
    ],
)
def test_no_manager_is_told_at_once(state: str, hint: str) -> None:
    engine, _transport = make_engine(Answer(200, b"OK", {"api-version": "1.43", "swarm": state}))
    with pytest.raises(NotAManager, match=r"The engine at unix:///run/docker\.sock cannot manage services: ") as caught:
        engine.connect()
    assert hint in str(caught.value)


@pytest.mark.parametrize("headers", [{}, {"swarm": "active/manager"}], ids=["20.10", "from-23-on"])
def test_a_manager_or_an_engine_that_does_not_tell(headers: Dict[str, str]) -> None:
    engine, transport = make_engine(Answer(200, b"OK", {"api-version": "1.41", **headers}))
    engine.connect()
    assert len(transport.calls) == 1


NOT_A_MANAGER = (
    "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. Please run this "
    "command on a manager node or promote the current node to a manager."
)
NO_SWARM = (
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm '
    "and try again."
)
LOCKED = (
    'Swarm is encrypted and needs to be unlocked before it can be used. Please use "docker swarm unlock" to unlock it.'
)
EXPIRED = "Swarm certificates have expired. To replace them, leave the swarm and join again."
MIGRATE = "rpc error: code = Unimplemented desc = networks must be migrated to TaskSpec before being changed"
INVALID = "rpc error: code = InvalidArgument desc = ContainerSpec: image reference must be provided"
CLOSING = "rpc error: code = Unavailable desc = connection error: transport is closing"
RAFT = "rpc error: code = Unknown desc = raft: failed to process the request: node losing leader status"
TOO_OLD = "client version 1.30 is too old. Minimum supported API version is 1.44, please upgrade your client"


@pytest.mark.parametrize(
    ("status", "text", "error"),
    [
        pytest.param(404, "service t001 not found", NotFound, id="not-found"),
        pytest.param(500, OUT_OF_SEQUENCE, OutOfSequence, id="out-of-sequence"),
        pytest.param(500, NO_LEADER, SwarmUnavailable, id="no-leader"),
        pytest.param(500, DEADLINE, SwarmUnavailable, id="deadline"),
        pytest.param(503, CLOSING, SwarmUnavailable, id="closing"),
        pytest.param(500, RAFT, SwarmUnavailable, id="raft"),
        pytest.param(503, NOT_READY, ManagerNotReady, id="restarting"),
        pytest.param(503, NOT_A_MANAGER, NotAManager, id="worker"),
        pytest.param(503, NO_SWARM, NotAManager, id="no-swarm"),
        pytest.param(503, LOCKED, NotAManager, id="locked"),
        pytest.param(503, EXPIRED, NotAManager, id="certificates-expired"),
        pytest.param(501, MIGRATE, ApiError, id="legacy-networks"),
        pytest.param(400, INVALID, ApiError, id="invalid-spec"),
        pytest.param(400, TOO_OLD, ApiError, id="version-too-old"),
        pytest.param(304, "", ApiError, id="redirect"),
        pytest.param(502, "upstream is away", AnswerLost, id="gateway"),
        pytest.param(504, OUT_OF_SEQUENCE, AnswerLost, id="gateway-timed-out"),
    ],
)
def test_refusals(status: int, text: str, error: Type[EngineError]) -> None:
    engine, _transport = connected(answer(status, {"message": text}))
    with pytest.raises(EngineError) as caught:
        engine.service("t001")
    assert caught.type is error
    if isinstance(caught.value, ApiError):
        assert caught.value.status == status
        assert caught.value.reason == text or not text
        assert str(caught.value).startswith(f"GET /services/t001: the engine answered {status}: ")
    else:
        assert text.rstrip(".") in str(caught.value)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "no readable reason"),
        (b"<html>Bad Gateway</html>", "no readable reason"),
        (b"\xff\xfe", "no readable reason"),
        (b"[]", "no readable reason"),
        (b"{}", "no readable reason"),
        (b"[" * 100_000, "no readable reason"),
        (b'{"message": ""}', "no reason given"),
        (b'{"message": "two\\nlines \\u001b[31m"}', "two lines"),
        (json.dumps({"message": "x" * 9999}).encode(), "x" * 499 + "…"),
    ],
    ids=["empty", "html", "no-utf-8", "list", "no-message", "deep", "blank", "odd-characters", "long"],
)
def test_the_reason_of_a_refusal(body: bytes, reason: str) -> None:
    engine, _transport = connected(Answer(500, body))
    with pytest.raises(ApiError) as caught:
        engine.nodes()
    assert caught.value.reason == reason


Call = Callable[[Engine], Any]
READS: Dict[str, Call] = {
    "service": lambda engine: engine.service("t001"),
    "services": lambda engine: engine.services(),
    "tasks": lambda engine: engine.tasks({"service": [SERVICE_ID]}),
    "nodes": lambda engine: engine.nodes(),
    "distribution": lambda engine: engine.distribution("whoami:0.7"),
}
BROKEN = [b"", b"{", b'{"ID": "k', b"null", b'"text"', b"\xff", b"[" * 100_000, b'{"a":' * 100_000]


@pytest.mark.parametrize(
    "body", BROKEN, ids=["empty", "brace", "truncated", "null", "text", "no-utf-8", "deep", "deeper"]
)
@pytest.mark.parametrize("call", READS.values(), ids=READS)
def test_broken_answers_to_a_read(call: Call, body: bytes) -> None:
    engine, _transport = connected(Answer(200, body))
    with pytest.raises(BadAnswer, match=r"^GET /.*: the answer is "):
        call(engine)


@pytest.mark.parametrize(
    ("call", "wrong"),
    [
        ("service", []),
        ("services", {}),
        ("services", [1]),
        ("tasks", {}),
        ("tasks", [None]),
        ("tasks", [{}]),
        ("nodes", {}),
        ("nodes", [{"ID": "n1"}, {}]),
        ("nodes", [{"ID": 7}]),
        ("distribution", []),
    ],
)
def test_answers_of_a_wrong_kind(call: str, wrong: Any) -> None:
    engine, _transport = connected(answer(200, wrong))
    with pytest.raises(BadAnswer):
        READS[call](engine)


@pytest.mark.parametrize("part", ["ID", "Version", "Spec"])
@pytest.mark.parametrize("spoil", [None, 7, {}], ids=str)
@pytest.mark.parametrize("call", ["service", "services"])
def test_a_service_that_is_not_whole(call: str, part: str, spoil: Any) -> None:
    service = {**make_service(), part: spoil}
    engine, _transport = connected(answer(200, service if call == "service" else [service]))
    with pytest.raises(BadAnswer, match="holds a service without ID, version index or spec"):
        READS[call](engine)


DESCRIPTOR = {"digest": DIGEST}


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"Descriptor": None},
        {"Descriptor": []},
        {"Descriptor": DIGEST},
        {"Descriptor": {}},
        {"Descriptor": {"digest": 7}},
        {"Descriptor": DESCRIPTOR, "Platforms": "linux"},
        {"Descriptor": DESCRIPTOR, "Platforms": 7},
        {"Descriptor": DESCRIPTOR, "Platforms": {"os": "linux"}},
        {"Descriptor": DESCRIPTOR, "Platforms": [{"os": "linux"}, None]},
    ],
    ids=str,
)
def test_a_distribution_that_is_not_whole(wrong: Any) -> None:
    engine, _transport = connected(answer(200, wrong))
    with pytest.raises(BadAnswer, match="holds no usable digest"):
        engine.distribution("whoami:0.7")


@pytest.mark.parametrize("platforms", [None, [], [{}], [{"os": None}]], ids=str)
def test_a_distribution_needs_no_platforms(platforms: Any) -> None:
    whole = {"Descriptor": DESCRIPTOR, "Platforms": platforms}
    engine, _transport = connected(answer(200, whole))
    assert engine.distribution("whoami:0.7") == whole


@pytest.mark.parametrize("body", [*BROKEN, b"[]"])
def test_a_broken_answer_to_a_write_is_a_lost_one(body: bytes) -> None:
    engine, _transport = connected(Answer(200, body))
    with pytest.raises(AnswerLost):
        engine.update_service(make_service(), {})


@pytest.mark.parametrize("error", [AnswerLost("x"), EngineUnreachable("x")])
@pytest.mark.parametrize("call", READS.values(), ids=READS)
def test_errors_of_the_transport_come_through(call: Call, error: EngineError) -> None:
    engine, _transport = connected(error)
    with pytest.raises(type(error)):
        call(engine)


@pytest.mark.parametrize(
    ("call", "path", "params"),
    [
        (lambda engine: engine.service("a/b c?#"), "/v1.41/services/a%2Fb%20c%3F%23", None),
        (lambda engine: engine.services(), "/v1.41/services", None),
        (lambda engine: engine.services({"id": ["x"]}), "/v1.41/services", {"filters": '{"id": ["x"]}'}),
        (lambda engine: engine.tasks({"service": ["x"]}), "/v1.41/tasks", {"filters": '{"service": ["x"]}'}),
        (lambda engine: engine.nodes(), "/v1.41/nodes", None),
    ],
    ids=["service", "services", "services-filtered", "tasks", "nodes"],
)
def test_what_is_asked(call: Call, path: str, params: Optional[Dict[str, str]]) -> None:
    engine, transport = connected(answer(200, make_service() if "services/" in path else []))
    call(engine)
    (asked,) = transport.calls
    assert (asked["method"], asked["path"], asked.get("params")) == ("GET", path, params)


@pytest.mark.parametrize("image", ["whoami:0.7", f"host:5000/a/b:1@{DIGEST}"])
@pytest.mark.parametrize("auth", [None, "e30="])
def test_what_a_registry_is_asked(image: str, auth: Optional[str]) -> None:
    engine, transport = connected(answer(200, {"Descriptor": {"digest": DIGEST}}))
    assert engine.distribution(image, auth) == {"Descriptor": {"digest": DIGEST}}
    (asked,) = transport.calls
    assert asked["path"] == f"/v1.41/distribution/{image}/json"
    assert asked["headers"] == ({"X-Registry-Auth": auth} if auth else {})


@pytest.mark.parametrize("auth", [None, "e30="])
def test_what_an_update_sends(auth: Optional[str]) -> None:
    engine, transport = connected(answer(200, {"Warnings": None}))
    engine.update_service(make_service(), {"Name": "t001", "FieldOfTomorrow": ["ö"]}, auth)
    (asked,) = transport.calls
    assert (asked["method"], asked["path"]) == ("POST", f"/v1.41/services/{SERVICE_ID}/update")
    assert asked["params"] == {"version": "10"}
    assert json.loads(asked["body"]) == {"Name": "t001", "FieldOfTomorrow": ["ö"]}
    assert asked["headers"] == {"Content-Type": "application/json", **({"X-Registry-Auth": auth} if auth else {})}


def test_what_a_rollback_sends() -> None:
    service = make_service()
    engine, transport = connected(answer(200, {}))
    engine.roll_back_service(service)
    (asked,) = transport.calls
    assert asked["params"] == {"version": "10", "rollback": "previous"}
    assert json.loads(asked["body"]) == service["Spec"]
    assert "X-Registry-Auth" not in asked["headers"]


@pytest.mark.parametrize(
    ("given", "warnings"),
    [
        ({}, []),
        ({"Warnings": None}, []),
        ({"Warnings": []}, []),
        ({"Warnings": ["unable to pin image\n x to digest"]}, ["unable to pin image x to digest"]),
    ],
)
def test_warnings_of_the_engine(given: Dict[str, Any], warnings: List[str]) -> None:
    engine, _transport = connected(answer(200, given))
    assert engine.update_service(make_service(), {}) == warnings


def test_writes_are_counted_and_reads_are_not() -> None:
    engine, _transport = connected(answer(200, []), answer(200, {}), AnswerLost("x"))
    engine.services()
    assert engine.writes == 0
    engine.update_service(make_service(), {})
    with pytest.raises(AnswerLost):
        engine.roll_back_service(make_service())
    assert engine.writes == 2


def test_the_engines_clock_is_that_of_its_last_answer() -> None:
    engine, _transport = connected(answer(200, [], date="Thu, 01 Jan 2026 10:00:00 GMT"))
    assert engine.date == ""
    engine.services()
    assert engine.date == "Thu, 01 Jan 2026 10:00:00 GMT"


@pytest.mark.parametrize(("host", "kept"), [("unix:///run/docker.sock", True), ("tcp://m1:2375", False)])
def test_whether_secrets_may_be_sent(host: str, kept: bool) -> None:
    assert Engine(FakeTransport(host=host)).keeps_secrets is kept


def test_the_limit_of_a_call_is_the_transports() -> None:
    assert connected()[0].call_timeout == 60.0


@pytest.mark.parametrize("status", [401, 403, 405])
@pytest.mark.parametrize(
    ("path", "needed"),
    [("/nodes", "NODES=1"), ("/services/web", "SERVICES=1"), ("/distribution/app:1/json", "DISTRIBUTION=1")],
)
def test_a_call_that_is_not_allowed(status: int, path: str, needed: str) -> None:
    engine, _transport = make_engine(PING, Answer(status, b"<html>Forbidden</html>"))
    calls: Dict[str, Callable[[], Any]] = {
        "/nodes": engine.nodes,
        "/services/web": lambda: engine.service("web"),
        "/distribution/app:1/json": lambda: engine.distribution("app:1"),
    }
    with pytest.raises(NotAllowed, match=rf"^GET {path} is not allowed \({status}: .* allow it .* \({needed} for"):
        calls[path]()


def test_a_ping_that_is_not_allowed() -> None:
    engine, _transport = make_engine(Answer(403, b"<html>Forbidden</html>"))
    with pytest.raises(NotAllowed, match=r"^GET /_ping is not allowed .*\(PING=1 for"):
        engine.connect()


def test_what_is_not_allowed_is_told_without_secrets() -> None:
    error = NotAllowed("POST /services/x/update", 403, "no hunter2 here").scrubbed(["hunter2"])
    assert isinstance(error, NotAllowed)
    assert str(error).startswith("POST /services/x/update is not allowed (403: no *** here). ")
    assert "(POST=1 and SERVICES=1 for docker-socket-proxy)" in str(error)


def test_the_log_of_a_task_is_handed_on() -> None:
    engine, transport = connected(Answer(200, b"a line"))
    taken: List[bytes] = []
    engine.task_log("t/1", 20, taken.append)
    assert taken == [b"a line"]
    [call] = transport.calls
    assert call["path"] == "/v1.41/tasks/t%2F1/logs"
    assert call["params"] == {"stdout": "1", "stderr": "1", "tail": "20"}


@pytest.mark.parametrize(
    ("status", "error"), [(404, NotFound), (403, NotAllowed), (500, ApiError), (503, ApiError), (504, AnswerLost)]
)
def test_a_log_that_is_refused(status: int, error: Type[EngineError]) -> None:
    engine, _transport = connected(answer(status, {"message": "no"}))
    taken: List[bytes] = []
    with pytest.raises(error, match="GET /tasks/t1/logs"):
        engine.task_log("t1", 20, taken.append)
    assert taken == []
