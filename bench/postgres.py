"""The base of the measurements on a real PostgreSQL: a cluster of its own, kept stopped in .cache between two runs."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from bench.base import Base, kept_folder, make, read_base
from callcenter import keys
from crm_core.db.database import Database
from tests.postgres import binaries, free_port

# As on a small server of a call centre; a throw-away copy needs no syncing.
_OPTIONS = (
    "-c fsync=off -c full_page_writes=off -c synchronous_commit=off -c shared_buffers=1GB -c work_mem=16MB"
    " -c maintenance_work_mem=512MB -c max_wal_size=8GB -c max_connections=60"
)


@asynccontextmanager
async def base(customers: int, agents: int) -> AsyncIterator[tuple[str, Base]]:
    """(URL, what is in it); the first use makes it, which takes minutes for a million customers. To be read only."""
    kept = kept_folder("postgresql", customers, agents)
    fresh = not (kept / "base.json").exists()
    if fresh:
        shutil.rmtree(kept)
        kept.mkdir()
    port = free_port()
    url = f"postgresql+asyncpg://postgres@127.0.0.1:{port}/bench"
    await asyncio.to_thread(_start, kept, port, fresh=fresh)
    try:
        if fresh:
            await _fill(url, kept, customers, agents)
        yield url, read_base(kept, kept)
    finally:
        await asyncio.to_thread(_run, kept, "pg_ctl", "-D", str(kept / "cluster" / "data"), "-m", "fast", "stop")


@asynccontextmanager
async def copied(url: str, name: str) -> AsyncIterator[str]:
    """URL of a copy of the base, which may be written to and is thrown away."""
    plain = url.replace("+asyncpg", "").rsplit("/", 1)[0] + "/postgres"
    await _executed(plain, f'DROP DATABASE IF EXISTS "{name}"', f'CREATE DATABASE "{name}" TEMPLATE bench')
    try:
        yield url.rsplit("/", 1)[0] + f"/{name}"
    finally:
        await _executed(plain, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


async def _executed(plain: str, *statements: str) -> None:
    connection = await asyncpg.connect(plain)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def _fill(url: str, kept: Path, customers: int, agents: int) -> None:
    plain = url.replace("+asyncpg", "")
    connection = await asyncpg.connect(plain.rsplit("/", 1)[0] + "/postgres")
    await connection.execute("CREATE DATABASE bench")
    await connection.close()
    db = Database(url, keyring=keys.ring(kept))
    await make(db, kept, customers, agents)
    await db.close()
    connection = await asyncpg.connect(plain)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


def _start(kept: Path, port: int, *, fresh: bool) -> None:
    cluster = kept / "cluster"
    if fresh:
        cluster.mkdir()
        if os.geteuid() == 0:
            shutil.chown(cluster, "postgres", "postgres")
        _run(kept, "initdb", "-D", str(cluster / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8",
             "--locale=C.UTF-8", "-N")  # fmt: skip
    (cluster / "data" / "postmaster.pid").unlink(missing_ok=True)  # of a run that was cut off
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {cluster} {_OPTIONS}"
    _run(kept, "pg_ctl", "-D", str(cluster / "data"), "-o", options, "-l", str(cluster / "log"), "-w", "start")


def _run(kept: Path, program: str, *arguments: str) -> None:
    # PostgreSQL refuses to run as root; Debian's package brings a user for it.
    as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*as_user, str(binaries() / program), *arguments],
        check=False,
        cwd=kept / "cluster",
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(kept / "cluster")},
        stdout=subprocess.DEVNULL,  # a pipe would stay open in the server and never end
        stderr=subprocess.STDOUT,
    )
    if done.returncode:
        raise RuntimeError(f"{program} failed ({done.returncode}); see {kept / 'cluster' / 'log'}")
