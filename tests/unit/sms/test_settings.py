"""The SMS accounts: every form of the setting is understood, every mistake is named."""

from __future__ import annotations

import pytest

from sms.settings import ConsoleAccount, SmppAccount, accounts


def test_one_account_and_a_list_are_both_understood() -> None:
    assert accounts({"provider": "console"}) == (ConsoleAccount(provider="console"),)
    smpp = {"provider": "smpp", "host": "127.0.0.1", "system_id": "me", "password": "pw", "source": "1069000"}
    console, bind = accounts([{"provider": "console", "name": "a"}, smpp | {"name": "b"}])
    assert isinstance(bind, SmppAccount)
    assert (bind.window, bind.rate, bind.bind) == (10, 100, "transceiver")
    assert "pw" not in repr(bind)
    assert console.name == "a"


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        ({"provider": "pigeon"}, "pigeon"),
        ({"provider": "smpp", "host": "x", "system_id": "me"}, "password"),
        ({"provider": "console", "colour": "red"}, "colour"),
        ([{"provider": "console"}, {"provider": "console"}], "same name"),
    ],
)
def test_a_mistake_is_named(raw: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        accounts(raw)
