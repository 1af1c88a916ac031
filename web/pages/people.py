"""Names for extensions and users, as people say them: one read for a whole page."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.organization import queries
from crm_core.organization.access import Action, Actor


class Names:
    """Display names by (PBX, extension), by user id and by user name."""

    def __init__(self, by_phone: dict[tuple[str, str], str], by_user: dict[int, str], by_name: dict[str, str]) -> None:
        self._by_phone, self._by_user, self._by_name = by_phone, by_user, by_name

    @classmethod
    async def read(cls, session: AsyncSession) -> Names:
        everybody = await queries.everybody(session)
        return cls(
            {one.phone: one.display_name for one in everybody if one.phone is not None},
            {one.user_id: one.display_name or one.name for one in everybody},
            {one.name: one.display_name or one.name for one in everybody},
        )

    def phone(self, pbx: str, extension: str) -> str | None:
        return self._by_phone.get((pbx, extension))

    def user(self, user_id: int, otherwise: str) -> str:
        return self._by_user.get(user_id, otherwise)

    def named(self, name: str | None) -> str | None:
        """The display name for a user name; the name itself when nobody is called so."""
        return None if name is None else self._by_name.get(name) or name


async def agents_within(session: AsyncSession, actor: Actor) -> list[tuple[str, str]]:
    """Extension and name of those whose calls the actor may read, for a filter; empty for who sees only the own."""
    reach = actor.departments(Action.CALL_READ)
    found = await queries.users(session, limit=500, departments=reach)
    return [(user.extension, user.display_name) for user in found if user.extension]
