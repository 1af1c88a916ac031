"""The key file: made once with nobody else's rights, and missed aloud when encrypted data hangs on it."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from callcenter import keys
from callcenter.doctor import Doctor
from callcenter.settings import Settings, load
from crm_core.customers.models import Customer
from crm_core.customers.sealed_queries import any_sealed
from crm_core.db.database import Database
from crm_core.kernel.errors import Rejected, Unavailable
from crm_core.kernel.ids import new_id


def _settings(folder: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("CALLCENTER_DATA_DIR", str(folder))
    monkeypatch.setenv("CALLCENTER_DATABASE_URL", url)
    return load()


async def _with_sealed(db: Database, **sealed: bytes) -> None:
    async with db.uow() as uow:
        index = "blind" if "id_card_sealed" in sealed else None
        now, identifier = db.clock.now(), new_id()
        names = {"account_number": str(identifier), "name": "A", "created_at": now, "updated_at": now}
        uow.session.add(Customer(id=identifier, id_card_index=index, **names, **sealed))


def test_the_first_start_makes_a_key_file_that_only_the_service_can_read(tmp_path: Path) -> None:
    first = keys.ring(tmp_path)
    file = keys.key_file(tmp_path)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert keys.ring(tmp_path).open(first.seal("x", "a"), "a") == "x"
    assert [path.name for path in tmp_path.iterdir()] == ["keys.json"]


def test_processes_that_start_together_get_the_same_keys(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        rings = list(pool.map(lambda _: keys.ring(tmp_path), range(8)))
    assert len({ring.blind("x", "a") for ring in rings}) == 1


def test_a_new_key_is_used_at_once_and_the_old_one_still_opens(tmp_path: Path) -> None:
    before = keys.ring(tmp_path)
    after = keys.add_key(keys.key_file(tmp_path))
    (first,), (_, second) = before.ids, after.ids
    assert after.ids == (first, after.current)
    assert after.open(before.seal("x", "a"), "a") == "x"
    assert after.blind("x", "a") == before.blind("x", "a")
    assert keys.drop_key(keys.key_file(tmp_path), first).ids == (second,)
    with pytest.raises(Rejected):
        keys.drop_key(keys.key_file(tmp_path), second)
    assert stat.S_IMODE(keys.key_file(tmp_path).stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"keys": {"k1": "no"}, "current": "k1", "index": ""}'])
def test_a_damaged_key_file_is_told_and_never_replaced(tmp_path: Path, text: str) -> None:
    keys.key_file(tmp_path).write_text(text)
    with pytest.raises(Unavailable, match="damaged"):
        keys.ring(tmp_path)
    assert keys.key_file(tmp_path).read_text() == text


@pytest.mark.parametrize("field", ["id_card_sealed", "medical_sealed", "contraindications_sealed"])
async def test_a_lost_key_file_is_never_replaced_while_something_is_encrypted(
    db: Database, tmp_path: Path, field: str
) -> None:
    await keys.attach(db, tmp_path)
    await _with_sealed(db, **{field: db.keyring.seal("x", "a")})
    keys.key_file(tmp_path).unlink()
    with pytest.raises(Unavailable, match="missing"):
        await keys.attach(db, tmp_path)
    assert not keys.key_file(tmp_path).exists()


async def test_another_installations_key_file_is_refused(db: Database, tmp_path: Path) -> None:
    await keys.attach(db, tmp_path)
    await _with_sealed(db, id_card_sealed=db.keyring.seal("x", "a"))
    keys.key_file(tmp_path).unlink()
    keys.ring(tmp_path)
    with pytest.raises(Unavailable, match="right key file"):
        await keys.attach(db, tmp_path)


async def test_the_doctor_says_that_the_keys_are_lost(
    db: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = _settings(tmp_path, database_url, monkeypatch)
    await keys.attach(db, tmp_path)
    await _with_sealed(db, id_card_sealed=db.keyring.seal("x", "a"))
    doctor = Doctor(settings, db, db.clock, {})
    assert "keys_lost" not in {finding.code for finding in await doctor()}
    keys.key_file(tmp_path).unlink()
    (lost,) = [finding for finding in await doctor() if finding.code == "keys_lost"]
    assert "keys.json" in lost.detail


async def test_the_doctor_says_that_others_can_read_the_keys(
    db: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keys.attach(db, tmp_path)
    keys.key_file(tmp_path).chmod(0o644)
    found = await Doctor(_settings(tmp_path, database_url, monkeypatch), db, db.clock, {})()
    (opened,) = [finding for finding in found if finding.code == "keys_open"]
    assert "chmod 600" in opened.advice


async def test_sessions_carry_the_keys(db: Database) -> None:
    async with db.uow() as uow:
        assert uow.keyring is db.keyring is uow.session.info["keyring"]
    async with db.read() as session:
        assert session.info["keyring"] is db.keyring
        assert await any_sealed(session) is None
