"""What a role may reach: the scopes include each other, and nobody reaches beyond."""

from __future__ import annotations

import pytest

from crm_core.kernel.errors import Denied
from crm_core.organization.access import MASKS, RIGHTS, Action, Actor, Mask, Scope
from crm_core.organization.models import Department, Role, User
from crm_core.organization.queries import build_actor


def _actor(role: Role, department: int | None = 1) -> Actor:
    tree = [
        Department(id=1, name="one", sales_centre_id=10),
        Department(id=2, name="below one", parent_id=1, sales_centre_id=11),
        Department(id=3, name="same centre", sales_centre_id=10),
        Department(id=4, name="elsewhere", sales_centre_id=12),
    ]
    user = User(id=7, name="u", role=role, department_id=department, pbx="main", language="zh", rights_version=1)
    return build_actor(user, tree)


@pytest.mark.parametrize(
    ("role", "owner", "department", "reached"),
    [
        (Role.AGENT, 7, 1, True),
        (Role.AGENT, 8, 1, False),
        (Role.AGENT, None, 1, False),
        (Role.SUPERVISOR, 8, 1, True),
        (Role.SUPERVISOR, 8, 2, True),
        (Role.SUPERVISOR, 8, 3, False),
        (Role.MANAGER, 8, 3, True),
        (Role.MANAGER, 8, 4, False),
        (Role.MANAGER, 8, None, False),
        (Role.ADMIN, None, None, True),
    ],
)
def test_a_right_reaches_just_its_scope(role: Role, owner: int | None, department: int | None, reached: bool) -> None:
    assert _actor(role).reaches(Action.CALL_READ, owner_id=owner, department_id=department) is reached


def test_without_a_department_only_the_own_is_reached() -> None:
    boss = _actor(Role.SUPERVISOR, None)
    assert boss.departments(Action.CALL_READ) == frozenset()
    assert not boss.reaches(Action.CALL_READ, owner_id=8, department_id=None)


def test_every_role_is_in_the_tables_and_only_the_admin_has_all() -> None:
    assert set(RIGHTS) == set(MASKS) == set(Role)
    assert [role for role, rights in RIGHTS.items() if set(rights) == set(Action)] == [Role.ADMIN]
    assert all(scope > Scope.NONE for rights in RIGHTS.values() for scope in rights.values())


def test_a_missing_right_is_denied_with_its_name() -> None:
    with pytest.raises(Denied, match=r"user\.manage"):
        _actor(Role.AGENT).require(Action.USER_MANAGE)


def test_agents_see_masked_numbers_and_managers_do_not() -> None:
    assert _actor(Role.AGENT).masks(Mask.PHONE)
    assert not _actor(Role.MANAGER).masks(Mask.PHONE)
