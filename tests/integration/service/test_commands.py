"""The short commands, on a database of their own."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import soundfile

from callcenter import backup, commands, rebuild
from callcenter.settings import Settings
from crm_core.db.database import Database
from crm_core.kernel import ids
from crm_core.kernel.errors import CrmError, NotFound, Rejected
from crm_core.organization import queries, signing_in
from crm_core.organization.models import Role
from tests.integration.service.centre import Centre, centre, packets

ANSWERED = packets("asterisk22/direct_answered")
NEW = commands.NewUser("wangwei", "agent", "Correct-horse-7battery", "1001", None, "上海销售部", "王伟")


@pytest.fixture
async def place(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Centre]:
    async with centre(tmp_path, sqlite_url) as made:
        yield made


@pytest.fixture
def settings(place: Centre) -> Settings:
    return place.settings()


async def test_a_user_is_added_with_phone_and_department_and_gets_a_token(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await commands.add_user(settings, NEW) == 0
    assert await commands.add_token(settings, "wangwei", "test") == 0
    told = capsys.readouterr()
    (token,) = told.out.split()
    assert "Department 上海销售部 was added" in told.err
    db = Database(settings.database_url)
    actor = await signing_in.token_actor(db, token)
    async with db.read() as session:
        assert (await queries.department_by_name(session, "上海销售部")) is not None
    await db.close()
    assert (actor.name, actor.role, actor.extension) == ("wangwei", Role.AGENT, "1001")


async def test_a_user_needs_a_password_and_a_token_needs_a_user(settings: Settings) -> None:
    with pytest.raises(Rejected, match="password is the first line"):
        await commands.add_user(settings, commands.NewUser("x", "agent", "", None, None, None, ""))
    with pytest.raises(NotFound):
        await commands.add_token(settings, "nobody", "test")


async def test_without_tables_every_command_says_what_to_run(place: Centre, tmp_path: Path) -> None:
    place._url = f"sqlite+aiosqlite:///{tmp_path}/empty.db"
    with pytest.raises(CrmError, match="callcenter db upgrade"):
        await commands.add_token(place.settings(), "x", "y")
    assert await commands.upgrade(place.settings()) == 0
    assert await commands.upgrade(place.settings()) == 0


async def test_the_audit_chain_is_verified(settings: Settings) -> None:
    await commands.add_user(settings, NEW)
    assert await commands.verify_audit(settings) == 0
    db = Database(settings.database_url)
    await db.run_sync(lambda connection: connection.exec_driver_sql("UPDATE audit_log SET actor_name = 'somebody'"))
    await db.close()
    assert await commands.verify_audit(settings) == 1


async def test_missing_empty_and_orphan_recordings_are_found(
    place: Centre, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    await place.start()
    await place.play(ANSWERED)
    await place.written()
    await place.stop()
    assert await commands.audit_recordings(settings) == 1
    (missing,) = [line for line in capsys.readouterr().out.splitlines() if "\t" in line]
    state, pbx, name = missing.split("\t")
    assert (state, pbx) == ("missing", "main")
    soundfile.write(place.sounds / name, [0.0] * 8000, 8000)
    assert await commands.audit_recordings(settings) == 0
    (place.sounds / "orphan.wav").touch()
    (place.sounds / name).write_bytes(b"")
    assert await commands.audit_recordings(settings) == 1
    assert sorted(capsys.readouterr().out.split("\n")[:2]) == [f"empty\tmain\t{name}", "orphan\tmain\torphan.wav"]


async def test_a_recording_becomes_ready_with_its_length(place: Centre) -> None:
    file = next(line for line in b"\r\n".join(ANSWERED).split(b"\r\n") if line.startswith(b"Value: /var/spool"))
    soundfile.write(place.sounds / Path(file.decode()).name, [0.1] * 20_000, 8000)
    await place.start()
    await place.play(ANSWERED)
    await place.written()
    await place.until(lambda: place.service.watch.following == 0)
    ((state, seconds),) = await place.rows("SELECT state, seconds FROM recordings")
    assert (state, seconds) == ("ready", 2.5)


async def test_the_doctor_is_content_with_a_good_set_up_and_exits_1_with_a_bad_one(
    place: Centre, settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The replayed PBX knows no transfers by AMI; a real one does.
    monkeypatch.setattr("callcenter.ami.filters._ACTOR_NEEDS", ("Originate", "Hangup"))
    assert await commands.doctor(settings, as_json=False) == 0, capsys.readouterr().out
    shutil.rmtree(place.sounds)
    await place.pbx.stop()
    assert await commands.doctor(settings, as_json=True) == 1
    told = capsys.readouterr().out
    assert "recordings_missing" in told
    assert "ami_link_down" in told


async def test_a_call_can_be_made_anew_from_its_events(place: Centre, settings: Settings) -> None:
    await place.start()
    await place.play(packets("asterisk22/blind_transfer"))
    await place.written()
    before = await place.rows("SELECT * FROM calls")
    legs = await place.rows("SELECT extension, outcome, talk_seconds FROM call_legs ORDER BY rang_at")
    ((call_id,),) = await place.rows("SELECT id FROM calls")
    db = place.service.db
    await db.run_sync(lambda c: c.exec_driver_sql("UPDATE calls SET talk_seconds = 0, queue = 'x', status = 'missed'"))
    assert await rebuild.rebuild(settings, call=ids.show(call_id), since=None) == 0
    assert await place.rows("SELECT * FROM calls") == before
    assert await place.rows("SELECT extension, outcome, talk_seconds FROM call_legs ORDER BY rang_at") == legs
    assert await rebuild.rebuild(settings, call=None, since="2020-01-01T00:00:00+08:00") == 0
    with pytest.raises(Rejected, match="offset"):
        await rebuild.rebuild(settings, call=None, since="yesterday")


async def test_a_backup_taken_while_running_is_put_back_whole(
    place: Centre, settings: Settings, tmp_path: Path
) -> None:
    await place.start()
    await place.play(ANSWERED)
    await place.written()
    calls = await place.rows("SELECT * FROM calls")
    target = tmp_path / "copy.db"
    assert await backup.backup(settings, str(target)) == 0
    with pytest.raises(Rejected, match="exists already"):
        await backup.backup(settings, str(target))
    with pytest.raises(Rejected, match="stop it first"):
        await backup.restore(settings, str(target))
    await place.play(packets("asterisk22/queue_ringall"))
    await place.written()
    await place.stop()
    assert await backup.restore(settings, str(target)) == 0
    await place.start()
    assert await place.rows("SELECT * FROM calls WHERE caller_number = '13800138000'") == calls
    (tmp_path / "junk").write_bytes(b"no database at all, really not one")
    with pytest.raises(Rejected, match="is no backup"):
        await backup.restore(settings, str(tmp_path / "junk"))
