"""Signing in: passwords with lock-out, sessions, API tokens, push tickets and idempotency keys."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import CursorResult, delete, update
from sqlalchemy.exc import IntegrityError

from crm_core.audit.service import record
from crm_core.db.database import Database
from crm_core.db.uow import UnitOfWork
from crm_core.kernel.errors import Conflict, Rejected, Unauthenticated
from crm_core.kernel.ids import new_id
from crm_core.organization import passwords, queries
from crm_core.organization.access import SYSTEM, Actor
from crm_core.organization.models import ApiToken, IdempotencyKey, PushTicket, UnknownLogin, User, UserSession

SESSION_LIFE = timedelta(hours=12)
TICKET_LIFE = timedelta(seconds=60)
IDEMPOTENCY_LIFE = timedelta(hours=24)
_SEEN_EVERY = timedelta(minutes=5)
_FREE_TRIES = 5
_MAX_LOCK = timedelta(minutes=15)
_FORGET_STRANGERS = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A fresh session; ``token`` goes into the cookie and is kept nowhere."""

    token: str
    csrf_token: str
    actor: Actor
    must_change_password: bool


@dataclass(frozen=True, slots=True)
class SessionActor:
    actor: Actor
    csrf_token: str
    must_change_password: bool


@cache
def _decoy() -> str:
    """Verified when the name is unknown, so that a wrong name takes as long as a wrong password."""
    return passwords.hash_now(secrets.token_urlsafe())


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


async def sign_in(db: Database, name: str, password: str, *, address: str | None, browser: str | None) -> SignedIn:
    """Checks name and password. Raises Unauthenticated (``bad_login``, ``locked``), never saying which was wrong."""
    now = db.clock.now()
    async with db.read() as session:
        user = await queries.user_by_name(session, name)
        tries = user or await queries.unknown_login(session, token_hash(name.lower()))
    if tries is not None and tries.locked_until is not None and tries.locked_until > now:
        seconds = int((tries.locked_until - now).total_seconds()) + 1
        raise Unauthenticated(
            "locked", f"Too many wrong passwords; try again in {seconds} s.", extra={"retry_after": seconds}
        )
    # The slow hash runs outside any transaction: a log-in must not hold the writer.
    good = await passwords.matches(password[: passwords.MAX_LENGTH], user.password_hash if user else _decoy())
    if user is None or not good or not user.active:
        await _refuse(db, user, name)
        raise Unauthenticated("bad_login", "Name or password is wrong.")
    # The only moment at which a hash made with yesterday's parameters can be renewed.
    renewed = await passwords.hashed(password) if passwords.needs_rehash(user.password_hash) else None
    return await _open_session(db, user.id, address, browser, renewed)


async def _refuse(db: Database, user: User | None, name: str) -> None:
    async with db.uow() as uow:
        row = await queries.user_by_id(uow.session, user.id) if user else await _stranger(uow, name)
        row.failed_logins += 1
        if row.failed_logins >= _FREE_TRIES:
            over = min(row.failed_logins - _FREE_TRIES, 10)
            row.locked_until = uow.clock.now() + min(_MAX_LOCK, timedelta(seconds=5 * 2**over))
        detail = {"failed": row.failed_logins} | ({} if user else {"name": name[:40]})
        record(uow, SYSTEM, "login.refused", "user", user.id if user else None, detail)


async def _stranger(uow: UnitOfWork, name: str) -> UnknownLogin:
    now = uow.clock.now()
    await uow.session.execute(delete(UnknownLogin).where(UnknownLogin.last_at < now - _FORGET_STRANGERS))
    row = UnknownLogin(name_hash=token_hash(name.lower()), failed_logins=0, last_at=now)
    known = await queries.unknown_login(uow.session, row.name_hash)
    if known is None:
        uow.session.add(row)
        return row
    known.last_at = now
    return known


async def _open_session(
    db: Database, user_id: int, address: str | None, browser: str | None, renewed: str | None
) -> SignedIn:
    async with db.uow() as uow:
        user = await queries.user_by_id(uow.session, user_id)
        user.password_hash = renewed or user.password_hash
        user.failed_logins, user.locked_until = 0, None
        token, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        now = uow.clock.now()
        uow.session.add(
            UserSession(
                token_hash=token_hash(token),
                user_id=user.id,
                csrf_token=csrf,
                created_at=now,
                last_seen_at=now,
                expires_at=now + SESSION_LIFE,
                address=address,
                browser=(browser or "")[:200],
            )
        )
        actor = await queries.actor_of(uow.session, user)
        record(uow, actor, "login", "user", user.id)
        await uow.session.execute(delete(UserSession).where(UserSession.expires_at < now))
        return SignedIn(token, csrf, actor, user.must_change_password)


async def session_actor(db: Database, token: str) -> SessionActor:
    """Whose session it is. Raises Unauthenticated when it is over."""
    now = db.clock.now()
    async with db.read() as session:
        row = await queries.session_by_hash(session, token_hash(token), now)
        if row is None or not row.user.active:
            raise Unauthenticated("signed_out", "You are signed out; sign in again.")
        actor = await queries.actor_of(session, row.user)
    if now - row.last_seen_at > _SEEN_EVERY:
        async with db.uow() as uow:
            seen = update(UserSession).where(UserSession.token_hash == row.token_hash)
            await uow.session.execute(seen.values(last_seen_at=now, expires_at=now + SESSION_LIFE))
    return SessionActor(actor, row.csrf_token, row.user.must_change_password)


async def sign_out(uow: UnitOfWork, token: str, *, by: Actor) -> None:
    await uow.session.execute(delete(UserSession).where(UserSession.token_hash == token_hash(token)))
    record(uow, by, "logout", "user", by.user_id)


async def end_sessions(uow: UnitOfWork, user_id: int, *, by: Actor, keep: str | None = None) -> None:
    """Ends all browser sessions of a user, but the one with the token ``keep``."""
    ended = delete(UserSession).where(UserSession.user_id == user_id)
    if keep is not None:
        ended = ended.where(UserSession.token_hash != token_hash(keep))
    await uow.session.execute(ended)
    record(uow, by, "sessions.ended", "user", user_id)


async def change_own_password(uow: UnitOfWork, actor: Actor, old: str, new: str) -> None:
    """Raises Rejected when the old one is wrong or the new one weak."""
    if actor.user_id is None:
        raise Rejected("no_user", "Only a user has a password.")
    user = await queries.user_by_id(uow.session, actor.user_id)
    if not await passwords.matches(old, user.password_hash):
        raise Rejected("bad_password", "The present password is wrong.", errors={"old_password": "wrong"})
    passwords.check_new(new, user.name)
    user.password_hash, user.must_change_password = await passwords.hashed(new), False
    record(uow, actor, "user.password_changed", "user", user.id)


async def issue_token(
    uow: UnitOfWork, user_id: int, label: str, *, by: Actor, expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """A new API token with the user's rights; its text is shown this once. Raises NotFound."""
    user = await queries.user_by_id(uow.session, user_id)
    text = f"cc_{secrets.token_urlsafe(32)}"
    row = ApiToken(
        id=new_id(),
        token_hash=token_hash(text),
        user_id=user.id,
        label=label[:80],
        created_at=uow.clock.now(),
        expires_at=expires_at,
    )
    uow.session.add(row)
    record(uow, by, "token.issued", "user", user.id, {"label": label[:80]})
    return row, text


async def revoke_token(uow: UnitOfWork, token_id: int, *, by: Actor) -> None:
    """Raises NotFound."""
    row = await queries.token_by_id(uow.session, token_id)
    row.revoked_at = row.revoked_at or uow.clock.now()
    record(uow, by, "token.revoked", "user", row.user_id, {"label": row.label})


async def token_actor(db: Database, token: str) -> Actor:
    """Whose token it is. Raises Unauthenticated."""
    now = db.clock.now()
    async with db.read() as session:
        row = await queries.token_by_hash(session, token_hash(token), now)
        if row is None or not row.user.active:
            raise Unauthenticated("bad_token", "The token is unknown, expired or revoked.")
        actor = await queries.actor_of(session, row.user)
    if row.last_used_at is None or now - row.last_used_at > _SEEN_EVERY:
        async with db.uow() as uow:
            await uow.session.execute(update(ApiToken).where(ApiToken.id == row.id).values(last_used_at=now))
    return actor


async def issue_ticket(uow: UnitOfWork, actor: Actor) -> str:
    """Lets one websocket of this user in, once, within 60 s."""
    if actor.user_id is None:
        raise Rejected("no_user", "Only a signed-in user gets live messages.")
    ticket, now = secrets.token_urlsafe(24), uow.clock.now()
    uow.session.add(PushTicket(ticket_hash=token_hash(ticket), user_id=actor.user_id, expires_at=now + TICKET_LIFE))
    await uow.session.execute(delete(PushTicket).where(PushTicket.expires_at < now - TICKET_LIFE))
    return ticket


async def redeem_ticket(uow: UnitOfWork, ticket: str) -> Actor:
    """Whose ticket it is; using it is what ends it. Raises Unauthenticated."""
    now, hashed = uow.clock.now(), token_hash(ticket)
    used = await uow.session.execute(
        update(PushTicket)
        .where(PushTicket.ticket_hash == hashed, PushTicket.used_at.is_(None), PushTicket.expires_at > now)
        .values(used_at=now)
    )
    row = await queries.ticket_by_hash(uow.session, hashed)
    if not isinstance(used, CursorResult) or used.rowcount != 1 or row is None or not row.user.active:
        raise Unauthenticated("bad_ticket", "The ticket is unknown, used or older than a minute; ask for a new one.")
    return await queries.actor_of(uow.session, row.user)


def request_hash(route: str, body: bytes) -> str:
    return hashlib.sha256(route.encode() + b"\0" + body).hexdigest()


async def begin_idempotent(db: Database, actor: Actor, key: str, hashed: str) -> tuple[int, dict[str, Any]] | None:
    """Takes the key for this request; answers the stored answer when it was done before.

    Raises Conflict when the key stands for another request, or the first one is still under way.
    """
    if actor.user_id is None or not 1 <= len(key) <= 120:
        raise Rejected("bad_idempotency_key", "Idempotency-Key needs 1 to 120 characters.")
    try:
        async with db.uow() as uow:
            now = uow.clock.now()
            await uow.session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < now - IDEMPOTENCY_LIFE))
            uow.session.add(IdempotencyKey(user_id=actor.user_id, key=key, request_hash=hashed, created_at=now))
        return None
    except IntegrityError:
        async with db.read() as session:
            row = await queries.idempotency_key(session, actor.user_id, key)
    if row is not None and not hmac.compare_digest(row.request_hash, hashed):
        raise Conflict("idempotency_mismatch", "This Idempotency-Key was used for another request; take a new one.")
    if row is None or row.status is None or row.body is None:
        raise Conflict("in_progress", "The first request with this Idempotency-Key is still under way.")
    return row.status, row.body


async def finish_idempotent(uow: UnitOfWork, actor: Actor, key: str, status: int, body: dict[str, Any]) -> None:
    done = update(IdempotencyKey).where(IdempotencyKey.user_id == actor.user_id, IdempotencyKey.key == key)
    await uow.session.execute(done.values(status=status, body=body))


async def abandon_idempotent(uow: UnitOfWork, actor: Actor, key: str) -> None:
    """The request failed before it did anything: the key may be used again."""
    await uow.session.execute(
        delete(IdempotencyKey).where(IdempotencyKey.user_id == actor.user_id, IdempotencyKey.key == key)
    )
