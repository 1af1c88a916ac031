"""Settings: the file, the environment above it, and one sentence for each wrong value."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from callcenter.settings import Settings, WrongSettings, load

PBX = {
    "name": "main",
    "host": "127.0.0.1",
    "port": 5038,
    "username": "listen",
    "secret": "s3cret-of-the-pbx",
    "action_username": "act",
    "action_secret": "another",
    "trunks": ["PJSIP/trunk"],
    "recordings_dir": "/var/spool/asterisk/monitor",
    "tls": False,
}


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("CALLCENTER_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_without_anything_the_defaults_of_the_contract_hold(tmp_path: Path) -> None:
    settings = load()
    assert settings.database_url == f"sqlite+aiosqlite:///{tmp_path}/var/callcenter.db"
    assert (settings.web.host, settings.web.port, settings.push.port) == ("127.0.0.1", 8080, 8765)
    assert settings.pbxes == ()
    assert settings.sms == ({"provider": "console"},)
    assert settings.timezone.key == "Asia/Shanghai"


def test_a_pbx_is_read_with_all_fields_of_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLCENTER_PBXES", json.dumps([PBX]))
    (pbx,) = load().pbxes
    assert pbx.config.trunks == ("PJSIP/trunk",)
    assert (pbx.config.action_username, pbx.config.action_secret) == ("act", "another")
    assert pbx.config.recordings_dir == "/var/spool/asterisk/monitor"


def test_the_environment_wins_over_the_file_and_tables_are_never_mixed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "callcenter.toml").write_text(
        'http_port = 9000\npush_port = 9001\n[sms]\nprovider = "http"\npreset = "x"\n'
    )
    monkeypatch.setenv("CALLCENTER_HTTP_PORT", "9100")
    monkeypatch.setenv("CALLCENTER_SMS", '{"provider": "console"}')
    settings = load()
    assert (settings.web.port, settings.push.port) == (9100, 9001)
    assert settings.sms == ({"provider": "console"},)


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLCENTER_DATABASE_URL", "")
    assert load().database_url.startswith("sqlite+aiosqlite:")


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(WrongSettings, match="There is no settings file"):
        load(tmp_path / "other.toml")


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("CALLCENTER_HTTP_PORT", "eighty", "CALLCENTER_HTTP_PORT"),
        ("CALLCENTER_HTTP_PORT", "70000", "less than or equal to 65535"),
        ("CALLCENTER_PBXES", "[}", "must be JSON"),
        ("CALLCENTER_PBXES", json.dumps([{**PBX, "portt": 1}]), "portt: there is no such setting"),
        ("CALLCENTER_PBXES", json.dumps([PBX, PBX]), "used twice"),
        ("CALLCENTER_PBXES", json.dumps([{"name": "main"}]), "needed but missing"),
        ("CALLCENTER_PBXES", json.dumps([{**PBX, "action_secret": None}]), "belong together"),
        ("CALLCENTER_TIMEZONE", "Mars/Olympus", "no time zone"),
        ("CALLCENTER_TIMEZONE", "../../etc/passwd", "no time zone"),
        ("CALLCENTER_DATABASE_URL", "mysql://root:hidden@host/x", "sqlite+aiosqlite:"),
        ("CALLCENTER_LOG_LEVEL", "loud", "CALLCENTER_LOG_LEVEL"),
    ],
)
def test_a_wrong_value_is_told_in_one_sentence_that_names_it(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, says: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(WrongSettings) as told:
        load()
    text = "\n".join(told.value.problems)
    assert says in text
    assert "hidden" not in text, "a password must not be repeated"
    assert PBX["secret"] not in text


def test_every_wrong_setting_gets_its_own_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLCENTER_HTTP_PORT", "x")
    monkeypatch.setenv("CALLCENTER_TIMEZONE", "x")
    with pytest.raises(WrongSettings) as told:
        load()
    assert len(told.value.problems) == 2


def test_a_misspelt_name_in_the_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "callcenter.toml").write_text("htpp_port = 1\n")
    with pytest.raises(WrongSettings, match="htpp_port: there is no such setting"):
        load()


def test_settings_do_not_show_secrets_when_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLCENTER_PBXES", json.dumps([PBX]))
    shown: Settings = load()
    assert PBX["secret"] not in repr(shown)
    assert "another" not in repr(shown)
