"""What becomes of each row (pure): made, an update, a duplicate, or an error; the same in a dry run and in earnest."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from crm_core.customers.custom import rules as custom
from crm_core.customers.custom.rules import Definition
from crm_core.customers.duplicates.queries import Candidate
from crm_core.customers.duplicates.rules import Reason
from crm_core.customers.imports.cleaning import CleanRow, Message
from crm_core.customers.imports.kinds import OnDuplicate, UpdateBy, Verdict
from crm_core.customers.imports.queries import AccountHolder
from crm_core.kernel.ids import show
from crm_core.kernel.texts import N_
from crm_core.organization.access import Action, Actor

_REPEATED: Final = 10_000  # different cells of own fields that are worth remembering
_MEDICAL: Final = ("medical_history", "allergies", "contraindications")


@dataclass(frozen=True, slots=True)
class Person:
    """A user whom a list may name as owner or clerk."""

    id: int
    department_id: int | None
    active: bool


@dataclass(frozen=True, slots=True)
class Names:
    """Users and departments as lists name them; None where several have the name. ``homes``: department by user."""

    people: Mapping[str, Person | None]
    departments: Mapping[str, int]
    homes: Mapping[int, int | None]
    own_fields: Sequence[Definition] = ()
    signing_in: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Options:
    """What the user chose; ``area_code`` and ``timezone`` are the house's."""

    update_by: UpdateBy = UpdateBy.NOTHING
    on_duplicate: OnDuplicate = OnDuplicate.SKIP
    area_code: str = ""
    timezone: str = "Asia/Shanghai"
    fill_only: bool = False  # an update fills what is empty and leaves what is there


@dataclass(slots=True)
class Met:
    """What a chunk of rows meets in the database."""

    accounts: Mapping[str, AccountHolder] = field(default_factory=dict)
    candidates: Mapping[int, Sequence[Candidate]] = field(default_factory=dict)  # by row number
    cards: Mapping[int, int] = field(default_factory=dict)  # by row number: the customer who has its ID card
    earlier: dict[int, int] = field(default_factory=dict)  # row number by key


@dataclass(slots=True)
class Decision:
    """``target_id`` is the customer to be updated or the one that the row doubles."""

    row: CleanRow
    verdict: Verdict
    target_id: int | None = None
    score: float | None = None
    reasons: list[Message] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)  # columns: names turned into ids


class Decider:
    """Decides row by row, in the file's order."""

    def __init__(self, options: Options, names: Names, actor: Actor) -> None:
        self._options = options
        self._names = names
        self._actor = actor
        self._own = {one.code: one for one in names.own_fields}
        self._own_known: dict[tuple[str, str], Any] = {}
        self._required = [one for one in names.own_fields if one.active and one.required]

    def decide(self, row: CleanRow, met: Met) -> Decision:
        decision = Decision(row, Verdict.CREATE, values=dict(row.values))
        errors = [*row.errors, *self._resolve(decision, met)]
        if errors:
            decision.verdict, decision.reasons = Verdict.ERROR, errors
            return decision
        decision.reasons = list(row.warnings)
        self._place(decision, met)
        if decision.verdict in (Verdict.CREATE, Verdict.UPDATE):
            self._check_reach(decision)
            if met.cards.get(row.number, decision.target_id) != decision.target_id:
                self._fail(decision, "id_card", N_("Another customer has this ID card."))
        if decision.verdict is Verdict.CREATE:
            self._check_required(decision)
        if decision.verdict in (Verdict.CREATE, Verdict.UPDATE):
            for key in row.keys:
                met.earlier.setdefault(key, row.number)
        return decision

    def _place(self, decision: Decision, met: Met) -> None:
        """Whether the row is somebody new."""
        row = decision.row
        first = min((met.earlier[key] for key in row.keys if key in met.earlier), default=row.number)
        if first < row.number and not (
            self._options.on_duplicate is OnDuplicate.CREATE and not {"id_card", "account_number"} & row.values.keys()
        ):
            decision.verdict = Verdict.DUPLICATE
            decision.reasons.append(("", N_("The same person stands in row %(row)s."), {"row": str(first)}))
            return
        candidates = met.candidates.get(row.number, ())
        target = self._named(decision, met, candidates)
        if decision.verdict is Verdict.ERROR:
            return
        if target is not None:
            decision.verdict, decision.target_id = Verdict.UPDATE, target
        elif candidates:
            self._double(decision, candidates[0])

    def _named(self, decision: Decision, met: Met, candidates: Sequence[Candidate]) -> int | None:
        """The customer that the row names by the chosen key. An account number that is not his is an error."""
        by, number = self._options.update_by, decision.values.get("account_number")
        holder = met.accounts.get(number) if number else None
        if by is UpdateBy.ACCOUNT_NUMBER and holder is not None and holder.customer_id is not None:
            return self._reached(decision, holder)
        wanted = {
            UpdateBy.ID_CARD: {Reason.ID_CARD},
            UpdateBy.PHONE_AND_NAME: {Reason.PHONE, Reason.NAME},
        }.get(by)
        found = [one for one in candidates if wanted and wanted <= set(one.reasons)]
        target = found[0].customer_id if len(found) == 1 and found[0].reachable else None
        if len(found) > 1:
            self._fail(decision, "", N_("Several customers fit this row: %(customers)s."), customers=_listed(found))
        elif holder is not None and (target is None or holder.customer_id != target):
            self._fail(
                decision, "account_number", N_("The account number %(value)s was given before."), value=str(number)
            )
        return target

    def _reached(self, decision: Decision, holder: AccountHolder) -> int | None:
        where = {"owner_id": holder.owner_id, "department_id": holder.department_id}
        if self._actor.reaches(Action.CUSTOMER_IMPORT, **where):
            return holder.customer_id
        self._fail(decision, "account_number", N_("This customer belongs to others; you may not change him."))
        return None

    def _double(self, decision: Decision, best: Candidate) -> None:
        """Somebody alike is stored already, and no key says that it is he."""
        choice = self._options.on_duplicate
        decision.target_id, decision.score = best.customer_id, best.score
        said = {"name": best.name, "account": best.account_number} if best.reachable else {}
        sentence = (
            N_("Stored already as %(name)s (%(account)s).") if said else N_("Stored already, with others than yours.")
        )
        if choice is OnDuplicate.CREATE and Reason.ID_CARD not in best.reasons:
            decision.verdict, decision.target_id = Verdict.CREATE, None
        elif choice is OnDuplicate.UPDATE and best.reachable:
            decision.verdict = Verdict.UPDATE
        else:
            decision.verdict = Verdict.DUPLICATE
        said |= {"score": str(round(best.score * 100)), "why": " ".join(best.reasons)}
        if best.reachable:
            said["customer"] = show(best.customer_id)
        decision.reasons.append(("", sentence, said))

    def _resolve(self, decision: Decision, met: Met) -> list[Message]:
        """Names become ids. What nobody bears is an error, but for the one who recommended: that may be anybody."""
        values, errors = decision.values, list[Message]()
        for name, column in (("owner", "owner_id"), ("entered_by", "entered_by_id")):
            if (given := values.pop(name, None)) is not None:
                person = self._names.people.get(given.casefold())
                if person is None or (name == "owner" and not person.active):
                    errors.append((name, N_("There is no user “%(value)s”, or several."), {"value": given}))
                else:
                    values[column] = person.id
        if (given := values.pop("department", None)) is not None:
            if given not in self._names.departments:
                errors.append(("department", N_("There is no department “%(value)s”."), {"value": given}))
            values["department_id"] = self._names.departments.get(given)
        if (given := values.pop("referred_by", None)) is not None:
            holder = met.accounts.get(given)
            if holder is not None and holder.customer_id is not None:
                values["referred_by_id"] = holder.customer_id
            else:
                note = f"介绍人: {given}"
                values["remarks"] = f"{values['remarks']}\n{note}" if values.get("remarks") else note
        return errors + self._own_values(values)

    def _own_values(self, values: dict[str, Any]) -> list[Message]:
        """The texts of own fields as their values."""
        errors, found = list[Message](), dict[str, Any]()
        for code, text in values.get("custom", {}).items():
            try:
                found[code] = self._own_value(code, text)
            except ValueError as fault:
                said = {"value": text[:60], "fault": str(fault)}
                errors.append((f"custom.{code}", N_("“%(value)s” does not fit this field: %(fault)s."), said))
        if found:
            values["custom"] = found
        return errors

    def _own_value(self, code: str, text: str) -> Any:
        """Raises ValueError that says what is wrong."""
        known = self._own_known.get((code, text))
        if known is None:
            if code not in self._own:
                raise ValueError("unknown field")
            field = self._own[code]
            known = custom.value_of(field, custom.from_text(field, text), self._names.signing_in)
            if len(self._own_known) < _REPEATED:
                self._own_known[code, text] = known
        return known

    def _check_required(self, decision: Decision) -> None:
        """Own fields without which nobody is entered."""
        given = decision.values.get("custom", {})
        missing = [one for one in self._required if given.get(one.code) in (None, "", [])]
        if missing:
            decision.verdict = Verdict.ERROR
            decision.reasons = [(one.name, N_("This must not be empty."), {}) for one in missing]

    def _check_reach(self, decision: Decision) -> None:
        """Owner and department fit together and lie within the reach of who imports."""
        values, actor = decision.values, self._actor
        if decision.verdict is Verdict.UPDATE:
            if {"owner_id", "department_id"} & values.keys() and not actor.may(Action.CUSTOMER_ASSIGN):
                values.pop("owner_id", None)
                values.pop("department_id", None)
                decision.reasons.append(("owner", N_("The owner stays: you may not give customers away."), {}))
        else:
            owner = values.get("owner_id")
            if owner is not None:
                values["department_id"] = self._names.homes.get(owner)
            values.setdefault("department_id", actor.department_id)
        owner_id, department_id = values.get("owner_id"), values.get("department_id", actor.department_id)
        if not actor.reaches(Action.CUSTOMER_IMPORT, owner_id=owner_id, department_id=department_id):
            self._fail(decision, "owner", N_("You may not give customers to this person or department."))
        elif any(name in values for name in _MEDICAL) and not actor.reaches(
            Action.CUSTOMER_MEDICAL_WRITE, owner_id=owner_id, department_id=department_id
        ):
            self._fail(decision, "medical_history", N_("Your role may not write medical data."))

    def _fail(self, decision: Decision, name: str, sentence: str, **values: str) -> None:
        decision.verdict, decision.target_id, decision.score = Verdict.ERROR, None, None
        decision.reasons = [(name, sentence, values)]


def _listed(found: Sequence[Candidate]) -> str:
    return ", ".join(one.account_number for one in found if one.reachable)
