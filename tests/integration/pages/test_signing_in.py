"""The log-in page, the reader's language and theme."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.api.conftest import PASSWORD, House
from tests.integration.pages.conftest import Browser

Visit = Callable[[str], Any]


async def test_who_is_not_signed_in_is_led_to_the_log_in_and_back(house: House) -> None:
    browser = Browser(house)
    answer = await browser.get("/calls?status=missed")
    assert answer.headers["Location"] == "/login?next=%2Fcalls%3Fstatus%3Dmissed"
    fields = {"name": "admin", "password": PASSWORD, "next": "/calls?status=missed"}
    signed = await browser.post("/login", fields)
    assert (signed.status, signed.headers["Location"]) == (303, "/calls?status=missed")
    assert "HttpOnly" in signed.headers["Set-Cookie"]
    assert "SameSite=Lax" in signed.headers["Set-Cookie"]


async def test_a_wrong_password_is_said_without_saying_what_was_wrong(house: House) -> None:
    browser = Browser(house)
    answers = [
        await browser.post("/login", {"name": name, "password": "wrong-wrong-wrong"}) for name in ("admin", "nobody")
    ]
    assert [answer.status for answer in answers] == [401, 401]
    assert all("用户名或密码不对" in answer.body.decode() for answer in answers)


async def test_a_lock_out_says_how_long(house: House) -> None:
    browser = Browser(house)
    for _ in range(5):
        await browser.post("/login", {"name": "agent", "password": "wrong-wrong-wrong"})
    page = (await browser.post("/login", {"name": "agent", "password": PASSWORD})).body.decode()
    assert "账号已锁定" in page
    assert "请 1 分钟后再试" in page


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
async def test_a_log_in_leads_to_no_other_site(house: House, target: str) -> None:
    answer = await Browser(house).post("/login", {"name": "admin", "password": PASSWORD, "next": target})
    assert answer.headers["Location"] == "/"
    chosen = await Browser(house).post("/preferences", {"theme": "dark", "next": target})
    assert chosen.headers["Location"] == "/"


async def test_the_language_is_chinese_until_another_is_chosen_and_stays_with_the_user(
    house: House, visit: Visit
) -> None:
    assert 'lang="zh-CN"' in await Browser(house).page("/login")
    assert "Log in" in await Browser(house, {"language": "en"}).page("/login")
    browser: Browser = await visit("agent")
    assert "通话记录" in await browser.page("/calls")
    await browser.post("/preferences", {"language": "en", "next": "/calls"})
    assert "Call log" in await browser.page("/calls")


async def test_the_theme_is_kept_in_a_cookie(house: House, visit: Visit) -> None:
    browser: Browser = await visit("agent")
    chosen = await browser.post("/preferences", {"theme": "dark", "next": "/desk"})
    assert "theme=dark" in chosen.headers["Set-Cookie"]
    browser.cookies["theme"] = "dark"
    assert 'data-bs-theme="dark"' in await browser.page("/desk")


async def test_the_own_password_is_changed(house: House, visit: Visit) -> None:
    browser: Browser = await visit("agent")
    wrong = await browser.post("/password", {"old_password": "no", "new_password": "blue-lamp-9-bridge"})
    assert wrong.status == 422
    assert "当前密码不对" in wrong.body.decode()
    right = await browser.post("/password", {"old_password": PASSWORD, "new_password": "blue-lamp-9-bridge"})
    assert right.status == 303
    assert (await browser.get("/calls")).status == 200


async def test_log_out_ends_the_session(house: House, visit: Visit) -> None:
    browser: Browser = await visit("agent")
    assert (await browser.post("/logout")).headers["Location"] == "/login"
    assert (await browser.get("/desk")).status == 303


async def test_static_files_are_kept_for_ever_by_their_hash_only(house: House) -> None:
    browser = Browser(house)
    page = await browser.page("/login")
    versioned = page.split('href="/static/css/app.css')[1].split('"')[0]
    kept = await browser.get(f"/static/css/app.css{versioned}")
    assert (kept.status, kept.headers["Cache-Control"]) == (200, "public, max-age=31536000, immutable")
    plain = await browser.get("/static/js/live.js")
    assert (plain.status, plain.headers["Cache-Control"]) == (200, "no-cache")
    assert (await browser.get("/static/../app.py")).status == 404
