"""The demonstration's company: centres, departments and the people who sign in."""

from __future__ import annotations

from dataclasses import dataclass

from callcenter.demo.customers import Owner
from crm_core.db.uow import UnitOfWork
from crm_core.kernel.ids import derived_id
from crm_core.organization import passwords, service
from crm_core.organization.access import SYSTEM
from crm_core.organization.models import CentreKind, Role, User


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who can sign in to the demonstration."""

    name: str
    display_name: str
    role: Role
    extension: str | None
    department: str | None


QUEUE_NAMES = {"sales": "销售热线", "service": "会员服务"}
_SHANGHAI, _HANGZHOU = "上海销售部", "杭州销售部"
ACCOUNTS = (
    Account("wangwei", "王伟", Role.AGENT, "1001", _SHANGHAI),
    Account("lina", "李娜", Role.AGENT, "1002", _SHANGHAI),
    Account("zhangmin", "张敏", Role.AGENT, "1003", _SHANGHAI),
    Account("liuyang", "刘洋", Role.AGENT, "1004", _HANGZHOU),
    Account("chenjing", "陈静", Role.AGENT, "1005", _HANGZHOU),
    Account("zhaolei", "赵磊", Role.AGENT, "1006", _HANGZHOU),
    Account("hejing", "何静", Role.SERVICE_AGENT, None, _SHANGHAI),
    Account("sunli", "孙丽", Role.SUPERVISOR, "1008", _SHANGHAI),
    Account("zhoujianguo", "周建国", Role.MANAGER, "1009", _SHANGHAI),
    Account("wuting", "吴婷", Role.DATA_CLERK, None, _SHANGHAI),
    Account("admin", "管理员", Role.ADMIN, None, None),
)


def user_id(account: Account) -> int:
    """The same at each demonstration."""
    return derived_id("demo user", account.name)


async def found(uow: UnitOfWork, password: str) -> list[Owner]:
    """Makes the company; everybody has the same ``password``. Gives the agents who look after customers."""
    departments = await _departments(uow)
    password_hash = await passwords.hashed(password)
    owners: list[Owner] = []
    for account in ACCOUNTS:
        own_id = user_id(account)
        department_id = departments.get(account.department or "")
        uow.session.add(
            User(
                id=own_id,
                name=account.name,
                display_name=account.display_name,
                role=account.role,
                password_hash=password_hash,
                extension=account.extension,
                department_id=department_id,
                created_at=uow.clock.now(),
            )
        )
        if account.role is Role.AGENT and account.extension and department_id:
            owners.append(Owner(own_id, account.display_name, account.extension, department_id))
    await uow.session.flush()
    await service.change_preferences(uow, {"queue_labels": QUEUE_NAMES}, by=SYSTEM)
    return owners


async def _departments(uow: UnitOfWork) -> dict[str, int]:
    profit = await service.add_centre(uow, kind=CentreKind.PROFIT, name="华东利润中心", by=SYSTEM)
    caring = await service.add_centre(uow, kind=CentreKind.SERVICE, name="华东服务中心", by=SYSTEM)
    made: dict[str, int] = {}
    for centre_name, name in (("上海销售中心", _SHANGHAI), ("杭州销售中心", _HANGZHOU)):
        centre = await service.add_centre(uow, kind=CentreKind.SALES, name=centre_name, by=SYSTEM)
        department = await service.add_department(
            uow,
            name=name,
            by=SYSTEM,
            sales_centre_id=centre.id,
            profit_centre_id=profit.id,
            service_centre_id=caring.id,
        )
        made[name] = department.id
    return made
