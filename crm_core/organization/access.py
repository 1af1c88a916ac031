"""Who may do what, on whose objects, and which fields they see masked: the one place that decides."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from crm_core.kernel.errors import Denied
from crm_core.organization.models import Role


class Scope(IntEnum):
    """Whose objects a right reaches; each includes the ones before."""

    NONE = 0
    OWN = 1
    DEPARTMENT = 2
    CENTRE = 3
    ALL = 4


class Action(StrEnum):
    CUSTOMER_READ = "customer.read"
    CUSTOMER_WRITE = "customer.write"
    CUSTOMER_REVEAL = "customer.reveal"
    CUSTOMER_ASSIGN = "customer.assign"
    CUSTOMER_MEDICAL_READ = "customer.medical_read"
    CUSTOMER_MEDICAL_WRITE = "customer.medical_write"
    CUSTOMER_EXPORT = "customer.export"
    CUSTOMER_ERASE = "customer.erase"
    CUSTOMER_IMPORT = "customer.import"
    CUSTOMER_ALLOCATE = "customer.allocate"
    INTAKE_HAND_IN = "intake.hand_in"
    INTAKE_ENTER = "intake.enter"
    CALL_READ = "call.read"
    CALL_DIAL = "call.dial"
    CALL_NOTE = "call.note"
    CALL_EXPLAIN = "call.explain"
    CALL_LISTEN_IN = "call.listen_in"
    MISSED_CLAIM = "missed.claim"
    RECORDING_PLAY = "recording.play"
    BOARD_WATCH = "board.watch"
    REPORT_TALK_TIME = "report.talk_time"
    REPORT_CUSTOMERS = "report.customers"
    USER_MANAGE = "user.manage"
    PBX_MANAGE = "pbx.manage"
    AUDIT_READ = "audit.read"
    SETTING_WRITE = "setting.write"
    CUSTOMER_MERGE = "customer.merge"
    CUSTOMER_ACCEPT_DUPLICATE = "customer.accept_duplicate"
    DUPLICATE_SEARCH = "duplicate.search"


class Mask(StrEnum):
    PHONE = "phone"
    ID_CARD = "id_card"


_A = Action
_ALL_ACTIONS = dict.fromkeys(Action, Scope.ALL)

RIGHTS: dict[Role, dict[Action, Scope]] = {
    Role.AGENT: {
        _A.CUSTOMER_READ: Scope.OWN,
        _A.CUSTOMER_WRITE: Scope.OWN,
        _A.CUSTOMER_MEDICAL_READ: Scope.OWN,
        _A.CUSTOMER_MEDICAL_WRITE: Scope.OWN,
        _A.CALL_READ: Scope.OWN,
        _A.CALL_DIAL: Scope.OWN,
        _A.CALL_NOTE: Scope.OWN,
        _A.MISSED_CLAIM: Scope.DEPARTMENT,
        _A.RECORDING_PLAY: Scope.OWN,
        _A.INTAKE_HAND_IN: Scope.OWN,
    },
    Role.SERVICE_AGENT: {
        _A.CUSTOMER_READ: Scope.DEPARTMENT,
        _A.CUSTOMER_WRITE: Scope.DEPARTMENT,
        _A.CUSTOMER_MEDICAL_READ: Scope.DEPARTMENT,
        _A.CUSTOMER_MEDICAL_WRITE: Scope.DEPARTMENT,
        _A.CUSTOMER_REVEAL: Scope.DEPARTMENT,
        _A.CALL_READ: Scope.OWN,
        _A.CALL_DIAL: Scope.OWN,
        _A.CALL_NOTE: Scope.OWN,
        _A.MISSED_CLAIM: Scope.DEPARTMENT,
        _A.RECORDING_PLAY: Scope.OWN,
        _A.INTAKE_HAND_IN: Scope.OWN,
    },
    Role.SUPERVISOR: {
        _A.CUSTOMER_READ: Scope.DEPARTMENT,
        _A.CUSTOMER_WRITE: Scope.DEPARTMENT,
        _A.CUSTOMER_MEDICAL_READ: Scope.DEPARTMENT,
        _A.CUSTOMER_REVEAL: Scope.DEPARTMENT,
        _A.CALL_READ: Scope.DEPARTMENT,
        _A.CALL_DIAL: Scope.OWN,
        _A.CALL_NOTE: Scope.DEPARTMENT,
        _A.CALL_EXPLAIN: Scope.DEPARTMENT,
        _A.CALL_LISTEN_IN: Scope.DEPARTMENT,
        _A.MISSED_CLAIM: Scope.DEPARTMENT,
        _A.RECORDING_PLAY: Scope.DEPARTMENT,
        _A.BOARD_WATCH: Scope.DEPARTMENT,
        _A.REPORT_TALK_TIME: Scope.DEPARTMENT,
        _A.REPORT_CUSTOMERS: Scope.DEPARTMENT,
        _A.INTAKE_HAND_IN: Scope.DEPARTMENT,
        _A.CUSTOMER_MERGE: Scope.DEPARTMENT,
        _A.CUSTOMER_ACCEPT_DUPLICATE: Scope.DEPARTMENT,
    },
    Role.MANAGER: {
        _A.CUSTOMER_READ: Scope.CENTRE,
        _A.CUSTOMER_WRITE: Scope.CENTRE,
        _A.CUSTOMER_MEDICAL_READ: Scope.CENTRE,
        _A.CUSTOMER_MEDICAL_WRITE: Scope.CENTRE,
        _A.CUSTOMER_REVEAL: Scope.CENTRE,
        _A.CUSTOMER_ASSIGN: Scope.CENTRE,
        _A.CUSTOMER_EXPORT: Scope.CENTRE,
        _A.CUSTOMER_ERASE: Scope.CENTRE,
        _A.CUSTOMER_IMPORT: Scope.CENTRE,
        _A.CUSTOMER_ALLOCATE: Scope.CENTRE,
        _A.CALL_READ: Scope.CENTRE,
        _A.CALL_DIAL: Scope.OWN,
        _A.CALL_NOTE: Scope.CENTRE,
        _A.CALL_EXPLAIN: Scope.CENTRE,
        _A.CALL_LISTEN_IN: Scope.CENTRE,
        _A.MISSED_CLAIM: Scope.CENTRE,
        _A.RECORDING_PLAY: Scope.CENTRE,
        _A.BOARD_WATCH: Scope.CENTRE,
        _A.REPORT_TALK_TIME: Scope.CENTRE,
        _A.REPORT_CUSTOMERS: Scope.CENTRE,
        _A.INTAKE_HAND_IN: Scope.CENTRE,
        _A.CUSTOMER_MERGE: Scope.CENTRE,
        _A.CUSTOMER_ACCEPT_DUPLICATE: Scope.CENTRE,
        _A.DUPLICATE_SEARCH: Scope.CENTRE,
    },
    Role.DATA_CLERK: {
        _A.CUSTOMER_READ: Scope.CENTRE,
        _A.CUSTOMER_WRITE: Scope.CENTRE,
        _A.CUSTOMER_MEDICAL_READ: Scope.CENTRE,
        _A.CUSTOMER_MEDICAL_WRITE: Scope.CENTRE,
        _A.CUSTOMER_IMPORT: Scope.CENTRE,
        _A.INTAKE_HAND_IN: Scope.CENTRE,
        _A.INTAKE_ENTER: Scope.CENTRE,
        _A.CUSTOMER_MERGE: Scope.CENTRE,
        _A.CUSTOMER_ACCEPT_DUPLICATE: Scope.CENTRE,
        _A.DUPLICATE_SEARCH: Scope.CENTRE,
    },
    Role.WAREHOUSE: {_A.CUSTOMER_READ: Scope.CENTRE, _A.CUSTOMER_REVEAL: Scope.CENTRE},
    Role.FINANCE: {_A.CUSTOMER_READ: Scope.CENTRE, _A.CUSTOMER_REVEAL: Scope.CENTRE},
    Role.ADMIN: _ALL_ACTIONS,
}

# Whose daily work is with customers: to them customers are allocated.
CUSTOMER_WORKERS = frozenset(role for role, rights in RIGHTS.items() if rights.get(_A.CALL_DIAL) is Scope.OWN)

# What a role sees as 138****8000; a reveal with a reason lifts it for one object.
MASKS: dict[Role, frozenset[Mask]] = {
    Role.AGENT: frozenset({Mask.PHONE, Mask.ID_CARD}),
    Role.SERVICE_AGENT: frozenset({Mask.PHONE, Mask.ID_CARD}),
    Role.SUPERVISOR: frozenset({Mask.ID_CARD}),
    Role.MANAGER: frozenset(),
    Role.DATA_CLERK: frozenset(),
    Role.WAREHOUSE: frozenset({Mask.PHONE, Mask.ID_CARD}),
    Role.FINANCE: frozenset({Mask.PHONE, Mask.ID_CARD}),
    Role.ADMIN: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a signed-in user with the reach that follows from role, department and centres."""

    user_id: int | None
    name: str
    role: Role
    extension: str | None = None
    pbx: str = "main"
    department_id: int | None = None
    department_ids: frozenset[int] = frozenset()  # own department and those below it
    centre_department_ids: frozenset[int] = frozenset()  # all departments of the own centres
    language: str = "zh"
    rights_version: int = 1
    display_name: str = ""

    def scope(self, action: Action) -> Scope:
        return RIGHTS[self.role].get(action, Scope.NONE)

    def may(self, action: Action) -> bool:
        return self.scope(action) is not Scope.NONE

    def require(self, action: Action) -> Scope:
        """The scope of the right. Raises Denied when there is none."""
        scope = self.scope(action)
        if scope is Scope.NONE:
            raise Denied("not_allowed", f"Your role ({self.role}) does not have the right {action}.")
        return scope

    def masks(self, mask: Mask) -> bool:
        return mask in MASKS[self.role]

    def reaches(self, action: Action, *, owner_id: int | None, department_id: int | None) -> bool:
        """Whether the right reaches an object of this owner in this department."""
        scope = self.scope(action)
        if scope is Scope.ALL:
            return True
        if scope >= Scope.OWN and owner_id is not None and owner_id == self.user_id:
            return True
        if scope >= Scope.CENTRE:
            return department_id in self.centre_department_ids
        return scope >= Scope.DEPARTMENT and department_id in self.department_ids

    def departments(self, action: Action) -> frozenset[int] | None:
        """The departments a list may show for this right: None is all, empty is only what the user owns."""
        scope = self.scope(action)
        if scope is Scope.ALL:
            return None
        if scope is Scope.CENTRE:
            return self.centre_department_ids
        return self.department_ids if scope is Scope.DEPARTMENT else frozenset()


SYSTEM = Actor(user_id=None, name="system", role=Role.ADMIN, display_name="system")
