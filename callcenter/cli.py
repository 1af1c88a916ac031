"""The command line. Every part is imported by the command that needs it: a short command must be quick."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from callcenter.settings import Settings

WRONG_SETTINGS = 2
FAILED = 1
OK = 0

Command = Callable[["Settings", argparse.Namespace], Awaitable[int]]
_ROLES = ("agent", "service_agent", "supervisor", "manager", "data_clerk", "warehouse", "finance", "admin")


def run(argv: list[str]) -> int:
    """Runs one command; gives the exit code."""
    given = _parser().parse_args(argv)
    try:
        settings = _settings(given)
    except ValueError as error:
        for sentence in str(error).splitlines():
            _say(sentence)
        return WRONG_SETTINGS
    from callcenter.logging_setup import configure

    # A short command's answer is what it prints; the service's log is the service's.
    long = given.command in (_serve, _demo) or settings.log_level == "debug"
    configure(settings.log_level if long else "error", settings.log_format)
    return _loop(given.command(settings, given))


def _settings(given: argparse.Namespace) -> Settings:
    """Raises ValueError with one line a wrong setting."""
    from callcenter import settings

    try:
        return settings.load(given.config)
    except settings.WrongSettings as wrong:
        raise ValueError("\n".join(wrong.problems)) from None


def _loop(work: Awaitable[int]) -> int:
    import uvloop

    from crm_core.kernel.errors import CrmError

    async def guarded() -> int:
        try:
            return await work
        except CrmError as error:
            _say(error.detail)
            for name, sentence in error.errors.items():
                _say(f"  {name}: {sentence}")
            return FAILED

    try:
        return uvloop.run(guarded())
    except KeyboardInterrupt:
        return 130


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="callcenter", description="A call centre's working database.")
    parser.add_argument("--config", metavar="FILE", help="settings file instead of callcenter.toml")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    _add(commands, "serve", "everything in one process", _serve)
    demo = _add(commands, "demo", "try it without a PBX: demo data and recorded traffic", _demo)
    demo.add_argument("--port", type=int, default=8080, help="of the pages (default 8080)")
    demo.add_argument("--customers", type=int, default=400, help="how many (default 400; a million works too)")
    doctor = _add(commands, "doctor", "is the set-up right? exit 0 only when all is well", _doctor)
    doctor.add_argument("--json", action="store_true", help="the findings as JSON")

    db = _group(commands, "db", "the tables")
    _add(db, "upgrade", "make the tables, or bring them up to this version", _upgrade)

    user = _add(_group(commands, "user", "users"), "add", "a new user", _add_user)
    user.add_argument("name")
    user.add_argument("--role", required=True, choices=_ROLES)
    user.add_argument("--extension", help="the user's phone")
    user.add_argument("--pbx", help="the PBX of that phone (default: the first one)")
    user.add_argument("--department", help="made when there is none of that name")
    user.add_argument("--display-name", default="", help="the name that people read")
    user.add_argument("--password-stdin", action="store_true", required=True, help="the password is the first line")

    token = _add(_group(commands, "token", "API tokens"), "add", "a token with the rights of a user", _add_token)
    token.add_argument("name", help="an existing user")
    token.add_argument("--label", default="command line")

    _add(_group(commands, "recordings", "sound files"), "audit", "missing, empty and orphan files", _audit_recordings)
    _add(_group(commands, "audit", "the audit log"), "verify", "is the chain whole?", _verify_audit)
    rotate = _add(_group(commands, "keys", "what encrypts"), "rotate", "a new key; seals everything anew", _rotate)
    rotate.add_argument("--resume", action="store_true", help="go on with one that was interrupted; makes no key")
    rebuild = _add(_group(commands, "calls", "the call log"), "rebuild", "from the stored PBX events", _rebuild)
    rebuild.add_argument("id", nargs="?", help="one call")
    rebuild.add_argument("--since", metavar="TIME", help="all calls begun since, such as 2026-07-01T00:00:00+08:00")
    customers = _group(commands, "customers", "the customer database")
    _add(customers, "rebuild", "search index, keys of duplicates, completeness; while running", _rebuild_customers)
    backup = _add(commands, "backup", "a consistent copy of the embedded database, while running", _backup)
    backup.add_argument("file")
    restore = _add(commands, "restore", "puts a backup back; the service must be stopped", _restore)
    restore.add_argument("file")
    return parser


def _group(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse._SubParsersAction[argparse.ArgumentParser]:
    return commands.add_parser(name, help=text).add_subparsers(required=True, metavar="COMMAND")


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str, command: Command
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text)
    parser.set_defaults(command=command)
    return parser


async def _serve(settings: Settings, _: argparse.Namespace) -> int:
    import gc

    # What is imported stays: looking through it for garbage again and again is a tenth of the start.
    gc.disable()
    from callcenter.service import CannotStart, serve

    gc.enable()
    try:
        await serve(settings)
    except CannotStart as error:
        _say(str(error))
        return FAILED
    return OK


async def _demo(settings: Settings, given: argparse.Namespace) -> int:
    from callcenter.demo.command import demo

    return await demo(settings, port=given.port, customers=given.customers)


async def _doctor(settings: Settings, given: argparse.Namespace) -> int:
    from callcenter.commands import doctor

    return await doctor(settings, as_json=given.json)


async def _upgrade(settings: Settings, _: argparse.Namespace) -> int:
    from callcenter.commands import upgrade

    return await upgrade(settings)


async def _add_user(settings: Settings, given: argparse.Namespace) -> int:
    from callcenter.commands import NewUser, add_user

    password = sys.stdin.readline().rstrip("\r\n")
    new = NewUser(
        name=given.name,
        role=given.role,
        password=password,
        extension=given.extension,
        pbx=given.pbx,
        department=given.department,
        display_name=given.display_name,
    )
    return await add_user(settings, new)


async def _add_token(settings: Settings, given: argparse.Namespace) -> int:
    from callcenter.commands import add_token

    return await add_token(settings, given.name, given.label)


async def _audit_recordings(settings: Settings, _: argparse.Namespace) -> int:
    from callcenter.commands import audit_recordings

    return await audit_recordings(settings)


async def _verify_audit(settings: Settings, _: argparse.Namespace) -> int:
    from callcenter.commands import verify_audit

    return await verify_audit(settings)


async def _rotate(settings: Settings, given: argparse.Namespace) -> int:
    from callcenter.key_commands import rotate

    return await rotate(settings, new_key=not given.resume)


async def _rebuild(settings: Settings, given: argparse.Namespace) -> int:
    from callcenter.rebuild import rebuild

    if bool(given.id) == bool(given.since):
        _say("Name one call, or --since TIME.")
        return WRONG_SETTINGS
    return await rebuild(settings, call=given.id, since=given.since)


async def _rebuild_customers(settings: Settings, _: argparse.Namespace) -> int:
    from callcenter.commands import rebuild_customers

    return await rebuild_customers(settings)


async def _backup(settings: Settings, given: argparse.Namespace) -> int:
    from callcenter.backup import backup

    return await backup(settings, given.file)


async def _restore(settings: Settings, given: argparse.Namespace) -> int:
    from callcenter.backup import restore

    return await restore(settings, given.file)
