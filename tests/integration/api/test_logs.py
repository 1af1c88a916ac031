"""What people type about people stands in no log, and no refusal repeats it, whatever goes wrong on the way."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from callcenter import logging_setup
from crm_core.customers import service
from tests.integration.api.conftest import House

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NAME, NUMBER, CARD, STREET = "张桂兰", "13912345678", "11010519491231002X", "长宁路八百号"
WRONG_CARD = "110105194912310021"
PERSONAL = (NAME, NUMBER, CARD, STREET, WRONG_CARD)
PERSON = {"name": NAME, "phones": [{"number": NUMBER}], "id_card": CARD, "address": {"street": STREET}}


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What the service would log, down to the last word."""
    root = logging.getLogger()
    before, level, loud = root.handlers[:], root.level, logging.raiseExceptions
    logging_setup.configure("debug", "json")
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    found = io.StringIO()
    handler.setStream(found)
    yield found
    root.handlers[:] = before
    root.setLevel(level)
    logging.raiseExceptions = loud


async def test_no_log_line_and_no_refusal_tells_a_persons_data(
    house: House, logged: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = house.as_user("admin")
    made = await ask("POST", "customers", PERSON)
    assert made.status == 201
    path = f"customers/{made.json['id']}"
    tries = [
        ("POST", "customers", PERSON | {"id_card": WRONG_CARD}, 422),
        ("POST", "customers", PERSON | {"birthday": {"calendar": NAME, "year": NUMBER}}, 422),
        ("POST", "customers", [PERSON], 422),
        ("PATCH", path, {"phones": [{"number": f"x{NUMBER}"}], "name": NAME * 90}, 422),
        ("GET", f"customers?q={quote(NAME)}", None, 200),
        ("GET", f"customers?q={NUMBER}", None, 200),
        ("GET", f"customers?cursor={NUMBER}", None, 422),
        ("GET", f"customers/{NUMBER}00", None, 404),
        ("GET", f"nothing/{quote(NAME)}/{NUMBER}", None, 404),
        ("POST", "customers/search", {"where": {"field": NAME, "op": "eq", "value": NUMBER}}, 422),
        ("POST", "customers/search", {"where": {"field": "phones", "op": "between", "value": [NUMBER, CARD]}}, 422),
        ("POST", "exports", {"reason": NAME, "columns": [NUMBER]}, 422),
        ("POST", "calls", {"number": f"{NUMBER}x{NUMBER}"}, None),
        ("POST", f"{path}/merge", {"into": NUMBER, "fields": {"name": NAME}}, None),
    ]
    for method, place, body, status in tries:
        answer = await ask(method, place, body)
        assert status in (None, answer.status), (place, answer.status, answer.body)
        if answer.status >= 400:
            told = answer.body.decode()
            assert not [word for word in PERSONAL[1:] if word in told], (place, told)
    broken = await ask("POST", "customers", data=f'{{"name": "{NAME}", "phones": [{NUMBER}'.encode())
    assert broken.status in (400, 415, 422)

    async def breaks(*_: object, **__: object) -> None:
        raise RuntimeError(f"cannot call {NUMBER}, card {CARD}")

    monkeypatch.setattr(service, "create", breaks)
    crash = await ask("POST", "customers", PERSON)
    assert crash.status == 500
    page = await ask("GET", f"/customers/{NUMBER}00", headers={"Accept": "text/html"})
    assert page.status == 404
    for answer in (broken, crash):
        assert not [word for word in PERSONAL if word in answer.body.decode()]
    lines = [line for line in logged.getvalue().splitlines() if line]
    assert len(lines) > len(tries)
    assert not [line for line in lines if any(word in line or quote(word) in line for word in PERSONAL)]
