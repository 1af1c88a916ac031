"""Recordings over REST: ranges, right and audit of each access, nothing but opaque ids."""

from __future__ import annotations

import aiohttp
import pytest

from crm_core.audit import queries as audit
from crm_core.kernel import ids
from tests.integration.api.conftest import Client, House
from tests.integration.api.stored import answered, store
from tests.integration.api.test_errors import is_problem

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SOUND = bytes(range(256)) * 4000  # larger than one piece of the answer


async def recorded(house: House, name: str = "a", extension: str = "1000") -> str:
    call = answered(name, extension)
    await store(house, call)
    house.recordings.sounds[f"{name}.wav"] = SOUND
    return f"recordings/{ids.show(call.recordings[0].id)}"


async def test_the_whole_sound_is_sent_by_its_opaque_id(house: House, boss: Client) -> None:
    answer = await boss("GET", f"{await recorded(house)}/audio")
    assert (answer.status, answer.body) == (200, SOUND)
    assert answer.headers["Content-Type"] == "audio/wav"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert "no-cache" in answer.headers["Cache-Control"]
    assert house.recordings.opened == [("main", "a.wav")]
    assert all(file.closed for file in house.recordings.handed_out)


@pytest.mark.parametrize(
    ("wished", "start", "end"),
    [("bytes=0-9", 0, 10), ("bytes=1000-", 1000, len(SOUND)), ("bytes=-7", len(SOUND) - 7, len(SOUND))],
)
async def test_a_range_is_206_with_its_bytes(house: House, boss: Client, wished: str, start: int, end: int) -> None:
    answer = await boss("GET", f"{await recorded(house)}/audio", headers={"Range": wished})
    assert (answer.status, answer.body) == (206, SOUND[start:end])
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(SOUND)}"


async def test_a_range_outside_is_416_and_says_the_size(house: House, boss: Client) -> None:
    answer = await boss("GET", f"{await recorded(house)}/audio", headers={"Range": f"bytes={len(SOUND)}-"})
    assert is_problem(answer, 416, "range_outside")
    assert answer.headers["Content-Range"] == f"bytes */{len(SOUND)}"


async def test_head_tells_size_and_type_without_sound_or_audit(house: House, boss: Client) -> None:
    answer = await boss("HEAD", f"{await recorded(house)}/audio")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Length"] == str(len(SOUND))
    async with house.db.read() as session:
        assert await audit.page(session, action="recording.play") == []


async def test_a_range_holds_only_for_the_version_it_was_asked_of(house: House, boss: Client) -> None:
    path = f"{await recorded(house)}/audio"
    etag = (await boss("HEAD", path)).headers["ETag"]
    same = await boss("GET", path, headers={"Range": "bytes=0-9", "If-Range": etag})
    other = await boss("GET", path, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert (same.status, other.status) == (206, 200)
    assert other.body == SOUND
    known = await boss("GET", path, headers={"If-None-Match": etag})
    assert (known.status, known.body) == (304, b"")


async def test_each_access_is_on_record(house: House) -> None:
    path = await recorded(house)
    for wished in ("bytes=0-9", "bytes=10-19"):
        await house.as_user("agent")("GET", f"{path}/audio", headers={"Range": wished})
    async with house.db.read() as session:
        lines = await audit.page(session, action="recording.play")
    assert [(line.actor_name, line.object_type) for line in lines] == [("agent", "recording")] * 2
    assert {ids.show(line.object_id or 0) for line in lines} == {path.split("/")[1]}


async def test_anothers_recording_is_404_and_is_never_opened(house: House) -> None:
    path = await recorded(house, "b", "1099")
    agent = house.as_user("agent")
    for method, what in (("GET", "audio"), ("HEAD", "audio"), ("GET", "peaks")):
        assert (await agent(method, f"{path}/{what}")).status == 404
    assert is_problem(await agent("GET", f"{path}/audio"), 404, "recording_not_found")
    assert house.recordings.opened == []


@pytest.mark.parametrize(
    "guess", ["../../etc/passwd", "..%2f..%2fetc%2fpasswd", "a.wav", "%00", "0" * 13, "z" * 13, "-1", "1;ls"]
)
async def test_guessed_names_and_paths_are_404_and_open_nothing(house: House, boss: Client, guess: str) -> None:
    await recorded(house)
    assert (await boss("GET", f"recordings/{guess}/audio")).status == 404
    assert house.recordings.opened == []


async def test_a_missing_file_is_said_to_be_missing(house: House, boss: Client) -> None:
    path = await recorded(house)
    house.recordings.sounds.clear()
    for what in ("audio", "peaks"):
        assert is_problem(await boss("GET", f"{path}/{what}"), 404, "recording_missing")
    async with house.db.read() as session:
        assert await audit.page(session, action="recording.play") == []


async def test_the_waveform_comes_with_its_length(house: House, boss: Client) -> None:
    path = await recorded(house)
    assert await boss.get(f"{path}/peaks") == {"seconds": 41.0, "peaks": [0.0, 0.5, 1.0]}


async def test_a_sound_that_ends_too_early_is_cut_off_and_not_passed_off_as_whole(house: House, boss: Client) -> None:
    path = await recorded(house)
    house.recordings.promised = len(SOUND) + 1000
    with pytest.raises(aiohttp.ClientPayloadError):
        await boss("GET", f"{path}/audio")
    house.recordings.promised = None
    assert (await boss("GET", f"{path}/audio")).status == 200
