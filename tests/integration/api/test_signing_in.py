"""Tokens, session cookies, CSRF, origins, rate limits and the headers that every answer carries."""

from __future__ import annotations

from dataclasses import replace
from http.cookies import SimpleCookie
from ipaddress import ip_network

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer

from crm_core.audit import queries as audit
from crm_core.organization import signing_in
from crm_core.organization.access import SYSTEM
from tests.integration.api.conftest import PASSWORD, Client, House
from tests.integration.api.test_errors import is_problem
from web import auth
from web.app import create_app
from web.context import RateLimits, WebContext, WebSettings

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


async def browser(house: House, name: str) -> tuple[Client, str]:
    """A client with a session cookie, and the session's CSRF token."""
    signed = await signing_in.sign_in(house.db, name, PASSWORD, address=None, browser=None)
    return Client(house.session, house.base, {"Cookie": f"{auth.COOKIE}={signed.token}"}), signed.csrf_token


async def test_without_credentials_everything_but_the_open_routes_is_401(house: House) -> None:
    nobody = house.nobody()
    assert is_problem(await nobody("GET", "me"), 401, "unauthenticated")
    for path in ("/healthz", "/readyz", "/metrics", "openapi.json"):
        assert (await nobody("GET", path)).status == 200


async def test_bad_tokens_are_401_and_say_how(house: House) -> None:
    for header in ("Bearer nonsense", "Bearer ", "Basic Zm9vOmJhcg==", "Bearer cc_" + "x" * 2000):
        answer = await Client(house.session, house.base, {"Authorization": header})("GET", "me")
        assert is_problem(answer, 401, "bad_token")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_a_revoked_token_ends_at_once(house: House, boss: Client) -> None:
    users = await boss.get("users?q=agent&limit=1")
    made = await boss("POST", f"users/{users['items'][0]['id']}/tokens", {"label": "script"})
    assert made.status == 201
    client = Client(house.session, house.base, {"Authorization": f"Bearer {made.json['token']}"})
    assert (await client("GET", "me")).status == 200
    assert (await boss("DELETE", f"tokens/{made.json['id']}")).status == 204
    assert is_problem(await client("GET", "me"), 401, "bad_token")
    listed = await boss.get(f"users/{users['items'][0]['id']}/tokens")
    assert made.json["token"] not in str(listed)


async def test_a_session_reads_without_and_writes_only_with_its_csrf_token(house: House) -> None:
    client, csrf = await browser(house, "agent")
    _, other_csrf = await browser(house, "supervisor")
    assert (await client.get("me"))["name"] == "agent"
    assert is_problem(await client("POST", "push-ticket"), 403, "bad_csrf_token")
    for wrong in (other_csrf, "", "ü"):
        headers = {"X-CSRF-Token": wrong}
        assert is_problem(await client("POST", "push-ticket", headers=headers), 403, "bad_csrf_token")
    assert (await client("POST", "push-ticket", headers={"X-CSRF-Token": csrf})).status == 201


async def test_another_site_cannot_write_even_with_the_token(house: House) -> None:
    client, csrf = await browser(house, "agent")
    foreign: list[dict[str, str]] = [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ]
    for headers in foreign:
        answer = await client("POST", "push-ticket", headers={**headers, "X-CSRF-Token": csrf})
        assert is_problem(answer, 403, "bad_origin")
    own = {"Origin": house.base, "X-CSRF-Token": csrf}
    assert (await client("POST", "push-ticket", headers=own)).status == 201


async def test_an_ended_session_is_like_none(house: House) -> None:
    client, _ = await browser(house, "agent")
    async with house.db.uow() as uow:
        user_id = house.actors["agent"].user_id
        assert user_id is not None
        await signing_in.end_sessions(uow, user_id, by=SYSTEM)
    assert is_problem(await client("GET", "me"), 401, "signed_out")


async def test_who_must_change_the_password_can_do_nothing_else(house: House, boss: Client) -> None:
    (row,) = (await boss.get("users?q=agent&limit=1"))["items"]
    assert (await boss("POST", f"users/{row['id']}/password", {"password": PASSWORD})).status == 200
    client, csrf = await browser(house, "agent")
    assert is_problem(await client("GET", "users"), 403, "password_change_required")
    assert (await client.get("me"))["must_change_password"] is True
    page = await client("GET", "/calls", headers={"Accept": "text/html"})
    assert (page.status, page.headers.get("Location")) == (303, "/password")
    body = {"old_password": PASSWORD, "new_password": "blue-lamp-9-bridge"}
    assert (await client("PUT", "me/password", body, headers={"X-CSRF-Token": csrf})).status == 200
    assert is_problem(await client("GET", "users"), 403, "not_allowed")


async def test_the_session_cookie_is_closed_to_scripts_and_other_sites(house: House) -> None:
    async def log_in(request: web.Request) -> web.Response:
        response = web.Response()
        auth.give_cookie(request, response, await auth.sign_in(request, "agent", PASSWORD))
        return response

    for public_url, secure in ((None, False), ("https://crm.example.com", True)):
        settings = WebSettings(public_url=public_url)
        app = create_app(_with(house.context, settings))
        app.router.add_post("/test-log-in", log_in)
        async with TestServer(app) as server:
            answer = await house.session.post(server.make_url("/test-log-in"))
        morsel = SimpleCookie(answer.headers["Set-Cookie"])[auth.COOKIE]
        assert (morsel["httponly"], morsel["samesite"], bool(morsel["secure"])) == (True, "Lax", secure)
        assert morsel["path"] == "/"


def _with(context: WebContext, settings: WebSettings) -> WebContext:
    return replace(context, settings=settings)


async def test_a_log_in_ends_the_session_that_the_browser_had(house: House) -> None:
    client, _ = await browser(house, "agent")

    async def log_in(request: web.Request) -> web.Response:
        await auth.sign_in(request, "agent", PASSWORD)
        return web.Response()

    app = create_app(house.context)
    app.router.add_get("/test-log-in", log_in)
    async with TestServer(app) as server:
        assert (await house.session.get(server.make_url("/test-log-in"), headers=client.headers)).status == 200
    assert (await client("GET", "me")).status == 401


async def test_who_asks_far_too_often_is_told_to_wait(house: House) -> None:
    limits = RateLimits(user_rate=0.01, user_burst=3, address_rate=0.01, address_burst=2)
    async with TestServer(create_app(_with(house.context, WebSettings(limits=limits)))) as server:
        base = str(server.make_url("")).rstrip("/")
        agent = Client(house.session, base, house.as_user("agent").headers)
        assert [(await agent("GET", "me")).status for _ in range(3)] == [200] * 3
        refused = await agent("GET", "me")
        assert is_problem(refused, 429, "too_many_requests")
        assert int(refused.headers["Retry-After"]) > 0
        boss = Client(house.session, base, house.as_user("admin").headers)
        assert (await boss("GET", "me")).status == 200
        bad = Client(house.session, base, {"Authorization": "Bearer guess"})
        assert [(await bad("GET", "me")).status for _ in range(3)] == [401, 401, 429]
        assert (await bad("GET", "/healthz")).status == 200


async def test_every_answer_carries_the_security_headers(house: House) -> None:
    for path in ("/healthz", "/nowhere", "me"):
        answer = await house.nobody()("GET", path)
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert "connect-src 'self' ws://127.0.0.1:8765;" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "no-store"


async def test_the_host_header_cannot_write_into_the_policy(house: House) -> None:
    answer = await house.nobody()("GET", "/healthz", headers={"Host": "x; script-src *"})
    assert "script-src *" not in answer.headers.get("Content-Security-Policy", "")


async def test_the_audit_says_where_an_act_came_from(house: House, boss: Client) -> None:
    answer = await boss("POST", "departments", {"name": "audited"})
    async with house.db.read() as session:
        (line,) = await audit.page(session, action="department.added", limit=1)
    assert (line.actor_name, line.address, line.request_id) == ("admin", "127.0.0.1", answer.headers["X-Request-ID"])


async def test_only_a_trusted_proxy_may_say_who_asks(house: House) -> None:
    headers = {"X-Forwarded-For": "203.0.113.9", **house.as_user("admin").headers}
    for proxies, expected in (((), "127.0.0.1"), ((ip_network("127.0.0.0/8"),), "203.0.113.9")):
        settings = WebSettings(trusted_proxies=proxies)
        async with TestServer(create_app(_with(house.context, settings))) as server:
            url = server.make_url("/api/v1/departments")
            body = {"name": f"by {expected}"}
            assert (await house.session.post(url, json=body, headers=headers)).status == 201
        async with house.db.read() as session:
            (line,) = await audit.page(session, action="department.added", limit=1)
        assert line.address == expected


async def test_the_log_holds_no_personal_data(house: House) -> None:
    with structlog.testing.capture_logs() as logs:
        await house.as_user("admin").get("customers?q=13800138000")
    (line,) = [line for line in logs if line["event"] == "request"]
    assert (line["route"], line["status"]) == ("/api/v1/customers", 200)
    assert line["user_id"] == house.actors["admin"].user_id
    assert "13800138000" not in str(logs)


async def test_a_form_proves_itself_with_its_hidden_field(house: House) -> None:
    client, csrf = await browser(house, "agent")
    html = {"Accept": "text/html"}
    assert (await client("POST", "/logout", data={"x": "y"}, headers=html)).status == 403
    assert (await client("POST", "/logout", data={"csrf_token": "wrong"}, headers=html)).status == 403
    assert (await client("POST", "/logout", data={"csrf_token": csrf}, headers=html)).status == 303
    assert is_problem(await client("GET", "me"), 401, "signed_out")


@pytest.mark.parametrize(
    ("target", "safe"),
    [
        ("/calls?status=missed", "/calls?status=missed"),
        (None, "/"),
        ("", "/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("/a\\..\\b", "/"),
        ("javascript:alert(1)", "/"),
        ("/\t/evil.example", "/"),
        ("/x\r\nSet-Cookie: a=b", "/"),
    ],
)
async def test_a_log_in_leads_only_to_pages_of_ours(target: str | None, safe: str, database_url: str) -> None:
    assert auth.safe_next(target) == safe


async def test_a_page_asks_to_sign_in_and_comes_back(house: House) -> None:
    async def page(request: web.Request) -> web.Response:
        auth.actor_of(request)
        return web.Response()

    app = create_app(house.context)
    app.router.add_get("/test-page", page)
    async with TestServer(app) as server:
        url = server.make_url("/test-page?a=1&b=2")
        html = {"Accept": "text/html"}
        answer = await house.session.get(url, headers=html, allow_redirects=False)
        assert answer.status == 303
        assert answer.headers["Location"] == "/login?next=%2Ftest-page%3Fa%3D1%26b%3D2"
        part = await house.session.get(url, headers={**html, "HX-Request": "true"}, allow_redirects=False)
        assert (part.status, part.headers["HX-Redirect"]) == (200, "/login")
