"""Every refusal is problem+json with a stable code; what nobody foresaw tells nothing of its inside."""

from __future__ import annotations

import pytest
import structlog

from crm_core.kernel.errors import Conflict, CrmError, Denied, NotFound, Rejected, Unauthenticated, Unavailable
from tests.integration.api.conftest import Answer, Client, House

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def is_problem(answer: Answer, status: int, code: str) -> bool:
    assert answer.status == status, answer.body
    assert answer.headers["Content-Type"].split(";")[0] == "application/problem+json"
    assert answer.json["code"] == code, answer.json
    assert answer.json["title"]
    assert answer.json["detail"]
    assert answer.json["request_id"] == answer.headers["X-Request-ID"]
    assert isinstance(answer.json["errors"], dict)
    return True


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFound("gone", "It is gone."), 404),
        (Conflict("clash", "They clash."), 409),
        (Rejected("wrong", "It is wrong.", errors={"reason": "too odd"}), 422),
        (Denied("no", "Not for you."), 403),
        (Unauthenticated("who", "Who are you?"), 401),
        (Unavailable("away", "It is away."), 503),
    ],
)
async def test_each_kind_of_error_has_its_status(house: House, error: CrmError, status: int) -> None:
    house.telephony.refusal = error
    answer = await house.as_user("agent")("PUT", "me/state", {"status": "paused"})
    assert is_problem(answer, status, error.code)
    assert answer.json["errors"] == error.errors
    assert ("Retry-After" in answer.headers) == (status == 503)


async def test_an_unforeseen_error_is_logged_and_tells_nothing(house: House) -> None:
    house.telephony.refusal = RuntimeError("the secret is 42")  # type: ignore[assignment]
    with structlog.testing.capture_logs() as logs:
        answer = await house.as_user("agent")("PUT", "me/state", {"status": "paused"})
    assert is_problem(answer, 500, "internal")
    assert b"42" not in answer.body
    (line,) = [line for line in logs if line["event"] == "request_failed"]
    assert line["request_id"] == answer.json["request_id"]


async def test_malformed_json_is_400(boss: Client) -> None:
    headers = {"Content-Type": "application/json"}
    for body in (b"", b"{", b'{"name": "\xff"}', b"[" * 5000, b'{"a": NaN'):
        assert is_problem(await boss("POST", "departments", data=body, headers=headers), 400, "malformed_json")


async def test_another_content_type_is_415(boss: Client) -> None:
    assert is_problem(await boss("POST", "departments", data={"name": "x"}), 415, "wrong_content_type")
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = await boss("POST", "departments", data=b"{}", headers=headers)
    assert answer.status in (400, 415)


async def test_a_huge_body_is_413(boss: Client) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await boss("POST", "departments", data=b'{"name":"' + b"x" * (1 << 20) + b'"}', headers=headers)
    assert is_problem(answer, 413, "too_large")


async def test_an_unknown_field_is_422_and_named(boss: Client) -> None:
    answer = await boss("POST", "departments", {"name": "three", "colour": "red"})
    assert is_problem(answer, 422, "invalid_input")
    assert answer.json["errors"] == {"colour": "unknown field"}


async def test_an_unknown_or_doubled_parameter_is_422_and_named(boss: Client) -> None:
    for path, name in (("users?colour=red", "colour"), ("me?x=1", "x"), ("users?limit=1&limit=2", "limit")):
        answer = await boss("GET", path)
        assert is_problem(answer, 422, "invalid_input")
        assert list(answer.json["errors"]) == [name]


async def test_wrong_values_are_named_and_not_echoed(boss: Client) -> None:
    answer = await boss("POST", "users", {"name": "x", "role": "emperor", "password": 7})
    assert is_problem(answer, 422, "invalid_input")
    assert set(answer.json["errors"]) == {"role", "password"}
    assert b"emperor" not in answer.body


async def test_a_body_that_no_route_expects_is_422(boss: Client) -> None:
    assert is_problem(await boss("POST", "push-ticket", {"topic": "all"}), 422, "invalid_input")
    assert (await boss("POST", "push-ticket", {})).status == 201


async def test_unknown_addresses_and_methods_are_problems_too(boss: Client) -> None:
    assert is_problem(await boss("GET", "nothing"), 404, "no_such_page")
    answer = await boss("DELETE", "me")
    assert is_problem(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET"


async def test_a_weak_password_names_its_field(boss: Client) -> None:
    answer = await boss("POST", "users", {"name": "weak", "role": "agent", "password": "short"})
    assert is_problem(answer, 422, "weak_password")
    assert "password" in answer.json["errors"]


async def test_the_request_id_given_is_kept_when_harmless(boss: Client) -> None:
    kept = await boss("GET", "me", headers={"X-Request-ID": "trace-12345678"})
    assert kept.headers["X-Request-ID"] == "trace-12345678"
    changed = await boss("GET", "me", headers={"X-Request-ID": "a b<script>"})
    assert changed.headers["X-Request-ID"] != "a b<script>"
