"""The interface's words for values of ours, and the strings that scripts show; all of them go through the catalogue."""

from __future__ import annotations

from typing import Final

from crm_core.kernel.texts import N_
from crm_core.organization.preferences import Choice
from web import i18n
from web.i18n import gettext
from web.pages import allocation_words, audit_words, duplicate_words, import_words, protection_words
from web.pages.preferred import preferred

WORDS: Final[dict[str, dict[str, str]]] = {
    "direction": {"inbound": N_("Inbound"), "outbound": N_("Outbound"), "internal": N_("Internal")},
    "status": {
        "answered": N_("Answered"),
        "abandoned": N_("Abandoned"),
        "missed": N_("Missed"),
        "busy": N_("Busy"),
        "failed": N_("Failed"),
        "self_served": N_("Self-served"),
        "cancelled": N_("Cancelled"),
        "live": N_("In progress"),
    },
    "call_state": {
        "new": N_("Call coming in"),
        "queued": N_("Waiting in queue"),
        "ringing": N_("Ringing"),
        "talking": N_("Talking"),
        "held": N_("On hold"),
        "ended": N_("Call ended"),
        "lost": N_("Call gone"),
    },
    "agent_state": {
        "available": N_("Available"),
        "ringing": N_("Ringing"),
        "dialing": N_("Dialling"),
        "talking": N_("Talking"),
        "hold": N_("On hold"),
        "wrap_up": N_("Wrap-up"),
        "paused": N_("Paused"),
        "offline": N_("Offline"),
    },
    "pause": {
        "break": N_("Break"),
        "lunch": N_("Lunch"),
        "training": N_("Training"),
        "meeting": N_("Meeting"),
        "backoffice": N_("Back office"),
        "callback": N_("Calling back"),
    },
    "outcome": {
        "answered": N_("Answered"),
        "no_answer": N_("No answer"),
        "busy": N_("Busy"),
        "declined": N_("Declined"),
        "answered_elsewhere": N_("Answered by a colleague"),
        "cancelled": N_("Caller hung up"),
        "failed": N_("Failed"),
        "listened": N_("Listened in"),
    },
    "hide_reason": {
        "answered_elsewhere": N_("Answered by %(by)s"),
        "caller_gone": N_("The caller hung up before anyone answered"),
        "no_answer": N_("Not answered in time"),
        "declined": N_("Declined"),
        "busy": N_("Your phone was busy"),
    },
    "ended_by": {"caller": N_("the caller"), "called": N_("the called side"), "pbx": N_("the PBX")},
    "transferred": {"blind": N_("Blind transfer"), "attended": N_("Attended transfer")},
    "certainty": {"complete": N_("Complete"), "gap": N_("Partly unseen")},
    "recording_state": {
        "recording": N_("Being recorded"),
        "pending": N_("Being read"),
        "ready": N_("Ready"),
        "missing": N_("File missing"),
        "empty": N_("File empty"),
        "damaged": N_("File damaged"),
    },
    "match_reason": {
        "owner_is_you": N_("You look after this customer"),
        "last_spoke": N_("You spoke last"),
        "open_follow_up": N_("A follow-up is open"),
        "chosen_before": N_("Chosen for this number before"),
        "same_household": N_("Same household"),
        "exact": N_("Number matches exactly"),
        "suffix": N_("Number matches without the area code"),
    },
    "progress": {
        "15": N_("Decision-maker reached"),
        "50": N_("Interested"),
        "75": N_("Clear intent"),
        "100": N_("Closed"),
    },
    "disposition": {
        "sale": N_("Sale"),
        "follow_up": N_("Contact again"),
        "information": N_("Question answered"),
        "complaint": N_("Complaint"),
        "no_interest": N_("No interest"),
        "wrong_number": N_("Wrong number"),
        "not_reached": N_("Not reached"),
        "other": N_("Other"),
    },
    "role": {
        "agent": N_("Agent"),
        "service_agent": N_("Service agent"),
        "supervisor": N_("Supervisor"),
        "manager": N_("Department manager"),
        "data_clerk": N_("Data clerk"),
        "warehouse": N_("Warehouse"),
        "finance": N_("Finance"),
        "admin": N_("Administrator"),
    },
    "sex": {"male": N_("Male"), "female": N_("Female")},
    "phone_kind": {
        "mobile": N_("Mobile"),
        "landline": N_("Landline"),
        "office": N_("Office"),
        "home": N_("Home"),
        "fax": N_("Fax"),
    },
    "phone_state": {
        "unverified": N_("Unverified"),
        "valid": N_("Valid"),
        "unreachable": N_("Unreachable"),
        "wrong": N_("Wrong number"),
    },
    "attitude_kind": {
        "product_satisfaction": N_("Content with the product"),
        "service_satisfaction": N_("Content with the service"),
        "preference": N_("Preference"),
        "interest": N_("Interest"),
        "opinion": N_("Opinion"),
    },
    "kind": {"person": N_("Person"), "organization": N_("Organisation")},
    "calendar": {"solar": N_("Solar"), "lunar": N_("Lunar")},
    "marital_state": {
        "single": N_("Single"),
        "married": N_("Married"),
        "divorced": N_("Divorced"),
        "widowed": N_("Widowed"),
    },
    "use_state": {
        "own": N_("Own use"),
        "parents": N_("For parents"),
        "friends": N_("For friends"),
        "colleagues": N_("For colleagues"),
    },
    "record_state": {"new": N_("Entered"), "changed": N_("Changed"), "allocated": N_("Allocated")},
    "purchase_state": {"none": N_("Never bought"), "first": N_("Bought once"), "repeat": N_("Buys again")},
    "retention_state": {
        "in_use": N_("In use"),
        "stopped": N_("Stopped"),
        "lost": N_("Lost"),
        "returned": N_("Came back"),
    },
    "entry_state": {
        "waiting": N_("Waiting"),
        "parked": N_("Laid aside"),
        "done": N_("Entered"),
        "rejected": N_("Refused"),
    },
    "severity": {"ok": N_("In order"), "warning": N_("Look at this"), "error": N_("Must be fixed")},
    "centre_kind": {
        "sales": N_("Sales centre"),
        "profit": N_("Profit centre"),
        "service": N_("Service centre"),
    },
    "subject": {
        "database": N_("Database"),
        "disk": N_("Disk"),
        "pbx": N_("PBX %(name)s"),
        "recordings": N_("Recordings of %(name)s"),
        "sms": N_("SMS"),
        "settings": N_("Set-up"),
        "ports": N_("Network ports"),
        "doctor": N_("Doctor"),
    },
    "job_state": {
        "queued": N_("Waits"),
        "running": N_("Runs"),
        "done": N_("Done"),
        "failed": N_("Failed"),
        "cancelled": N_("Stopped"),
    },
    "job_kind": {
        **import_words.JOB_KINDS,
        **duplicate_words.JOB_KINDS,
        **allocation_words.JOB_KINDS,
        **protection_words.JOB_KINDS,
        "customers.rebuild": N_("Customers are made findable"),
        "customers.bulk": N_("Change of many customers"),
        "rederive": N_("States and grades are derived anew"),
    },
    "verdict": {
        "done": N_("Done"),
        "refused": N_("Refused"),
        "skipped": N_("Left out"),
        "failed": N_("Failed"),
        "changed": N_("Changed"),
        "unchanged": N_("Was so already"),
        **allocation_words.VERDICTS,
    },
    **allocation_words.WORDS,
    **audit_words.WORDS,
    **duplicate_words.WORDS,
    **import_words.WORDS,
    **protection_words.WORDS,
    "link": {"connected": N_("Connected"), "connecting": N_("Connecting"), "disconnected": N_("Not connected")},
}

STATUS_TONE: Final = {
    "answered": "ok",
    "abandoned": "bad",
    "missed": "bad",
    "busy": "warn",
    "failed": "bad",
    "self_served": "plain",
    "cancelled": "plain",
    "live": "info",
}

_SCRIPT_TEXTS: Final = {
    "incoming": N_("Incoming call"),
    "outgoing": N_("Outgoing call"),
    "internal": N_("Internal call"),
    "hidden_number": N_("Number withheld"),
    "queue_waited": N_("%(queue)s, waited %(time)s"),
    "dialled": N_("Dialled %(number)s"),
    "passed_on_by": N_("Passed on by %(by)s"),
    "picked": N_("%(number)s picked"),
    "nobody_picked": N_("Nobody picked"),
    "saved": N_("Saved."),
    "not_saved": N_("Not saved: %(why)s"),
    "no_network": N_("The server does not answer. What you typed is kept; try again."),
    "dialling": N_("Dialling %(number)s: pick up your phone first."),
    "dial_failed": N_("Not dialled: %(why)s"),
    "hangup_failed": N_("Not hung up: %(why)s"),
    "listening": N_("Your phone rings: pick it up to listen to %(name)s."),
    "listen_failed": N_("Cannot listen: %(why)s"),
    "state_failed": N_("Your state was not changed: %(why)s"),
    "claimed": N_("Yours now: call back."),
    "connected": N_("Live"),
    "connecting": N_("Connecting…"),
    "offline": N_("No live connection. Trying again…"),
    "signed_out": N_("You were signed out. Please log in again."),
    "rights_changed": N_("Your rights were changed. Reload the page."),
    "muted": N_("Notifications are off"),
    "unmuted": N_("Notifications are on"),
    "waiting": N_("%(count)s waiting"),
    "nobody_waiting": N_("Nobody is waiting"),
    "longest": N_("longest %(time)s"),
    "waiting_longest": N_("waiting, longest"),
    "too_long": N_("Talking too long"),
    "wrapup_too_long": N_("Wrap-up too long"),
    "normal_band": N_("Normal %(low)s–%(high)s"),
    "average_talk": N_("Average talk time"),
    "play": N_("Play"),
    "pause_playing": N_("Pause playing"),
    "no_sound": N_("This recording cannot be played: %(why)s"),
    "note_missing": N_("Choose a result or write a note first."),
    "draft_kept": N_("Draft kept"),
    "years": N_("%(count)s years"),
    "earlier_calls": N_("%(count)s earlier calls"),
    "calls_count": N_("%(count)s calls"),
    **allocation_words.SCRIPT_TEXTS,
}

_SCRIPT_PROBLEMS: Final = (
    "no_extension",
    "pbx_unavailable",
    "call_over",
    "offline",
    "no_answer",
    "not_allowed",
    "call_not_found",
    "too_many_requests",
)
_SCRIPT_WORDS: Final = ("call_state", "agent_state", "pause", "hide_reason", "match_reason", "direction", "disposition")


def script_texts() -> dict[str, object]:
    """Everything that a script may show, in the request's language; handed over as JSON in the page."""
    texts: dict[str, object] = {key: gettext(text) for key, text in _SCRIPT_TEXTS.items()}
    for kind in _SCRIPT_WORDS:
        texts[kind] = {value: gettext(text) for value, text in WORDS[kind].items()} | dict(choices(kind))
    texts["queue"] = dict(preferred().queue_labels)
    texts["problem"] = {code: gettext(_PROBLEMS[code]) for code in _SCRIPT_PROBLEMS}
    return texts


# Refusals of the core by their code: the core speaks English with values in it, readers get one sentence of ours.
_PROBLEMS: Final = {
    "field_invalid": N_("Please correct what is marked."),
    "field_taken": N_("There is a field with this code already."),
    "too_many_fields": N_("There are 200 fields already: use one that is retired again."),
    "classification_invalid": N_("Please correct what is marked."),
    "bad_login": N_("Name or password is wrong."),
    "locked": N_("Too many wrong passwords."),
    "bad_password": N_("The present password is wrong."),
    "weak_password": N_("The password is too short or too easy to guess: at least 10 characters, several words."),
    "name_taken": N_("This user name is taken."),
    "bad_name": N_("Letters, digits, dots, dashes and underscores only, at most 40."),
    "extension_taken": N_("This extension belongs to somebody else."),
    "bad_extension": N_("Letters, digits, dashes and underscores only, at most 20."),
    "own_rights": N_("You cannot take your own rights away; ask another administrator."),
    "department_taken": N_("There is a department of this name already."),
    "centre_taken": N_("There is a centre of this kind and name already."),
    "bulk_who": N_("Pick customers in the list first, or take all of the list."),
    "bulk_field": N_("This field cannot be set for many at once."),
    "receiver_missing": N_("Choose who gets the customers."),
    "bad_columns": N_("There is no such column."),
    "view_name": N_("Give the view a name of at most 80 characters."),
    "too_many_views": N_("You have a hundred saved views; delete one first."),
    "view_not_found": N_("There is no such view."),
    "sort_with_text": N_("What is found comes newest first; take the order away."),
    "possible_duplicate": N_("A customer of this name with this number exists already; search and choose it."),
    "stale": N_("Somebody else has changed this meanwhile; reload the page and repeat the change."),
    "id_card_taken": N_(
        "Another customer has this ID card: find and open that record instead of entering a second one."
    ),
    "medical_denied": N_("Your role may not change medical data."),
    "part_invalid": N_("Please correct the marked fields."),
    "part_not_found": N_("There is no such entry on this customer."),
    "no_organization": N_("Only an organisation has contacts; note a person's family instead."),
    "too_many_parts": N_("A customer has at most a hundred of these."),
    "relation_known": N_("This relation is noted already."),
    "customer_invalid": N_("Please correct the marked fields."),
    "phone_invalid": N_("This is not a phone number."),
    "account_number_taken": N_("This account number was given before and is never given again."),
    "account_number_invalid": N_("This account number cannot be used."),
    "phone_masked": N_("A masked number cannot be changed; type the whole number."),
    "customer_not_found": N_("There is no such customer, or you may not see it."),
    "call_not_found": N_("There is no such call, or you may not see it."),
    "number_not_found": N_("There is no number to dial."),
    "already_claimed": N_("A colleague was quicker."),
    "no_extension": N_("You have no extension; an administrator can give you one."),
    "bad_number": N_("This is not a number that can be dialled."),
    "do_not_call": N_("This customer does not want to be called."),
    "dial_unknown": N_("The PBX did not answer; look at your phone before you dial again."),
    "pbx_unavailable": N_("The PBX cannot be reached."),
    "call_over": N_("The call is over already."),
    "offline": N_("No live connection."),
    "no_answer": N_("The service did not answer in time."),
    "database_unavailable": N_("The database does not answer; nothing was stored. Try again."),
    "not_allowed": N_("Your role does not have this right."),
    "bad_csrf_token": N_("The page is too old; reload it and try again."),
    "bad_origin": N_("The request comes from another site."),
    "too_many_requests": N_("Too many requests; slow down and try again."),
    "bad_date": N_("A date is written like 2026-07-23."),
    "bad_filter": N_("The filter has an unknown value."),
    "reason_missing": N_("Say why you need the full number."),
    "family_invalid": N_("A relative needs a name and a relation."),
    "setting_invalid": N_("Some of the settings are not allowed; they are marked."),
    "progress_unknown": N_("Progress is 15, 50, 75 or 100 per cent."),
    "disposition_unknown": N_("This result is not one of the list."),
    "entry_taken": N_("A colleague enters this sheet already."),
    "entry_finished": N_("This sheet is finished already."),
    "intake_reason_missing": N_("Say why, so that the collector can help."),
    "registration_invalid": N_("Please correct the marked fields."),
    "registration_out_of_reach": N_("You may not hand in sheets for this person or department."),
    "registration_not_found": N_("There is no such registration, or you may not see it."),
    "registration_entry_not_found": N_("There is no such sheet, or you may not see it."),
    "scan_unknown": N_("Scans are PDF, JPEG or PNG."),
    "no_such_page": N_("There is nothing at this address."),
    "not_found": N_("There is nothing at this address, or you may not see it."),
    **protection_words.PROBLEMS,
    "job_over": N_("This work is over already."),
    "job_not_found": N_("There is no such work, or you may not see it."),
    "job_gave_up": N_("Given up after several starts without any progress; the log says why."),
    "asker_gone": N_("Who asked for this may not sign in any more."),
    "file_too_large": N_("The file is too large; divide it."),
    "file_not_found": N_("This file is not kept any more."),
    "file_not_kept": N_("The file could not be stored; make room on the disk and try again."),
    **allocation_words.PROBLEMS,
    **duplicate_words.PROBLEMS,
    **import_words.PROBLEMS,
    "internal": N_("An error of ours; nothing was stored. The log has it under the report number."),
}


# Said by web.errors by status; they stand here so that the catalogue has them.
_ERROR_TITLES: Final = (
    N_("The request cannot be read"),
    N_("Not signed in"),
    N_("Not allowed"),
    N_("Not found"),
    N_("Method not allowed"),
    N_("Took too long"),
    N_("Conflict"),
    N_("Condition not met"),
    N_("Too large"),
    N_("Wrong content type"),
    N_("No such range"),
    N_("Invalid input"),
    N_("Too many requests"),
    N_("Something broke here"),
    N_("Not available now"),
    N_("Error"),
)


def _own(kind: str) -> tuple[Choice, ...]:
    """The entries of a list that administrators made their own."""
    return {"pause": preferred().pause_reasons, "disposition": preferred().dispositions}.get(kind, ())


def choices(kind: str) -> list[tuple[str, str]]:
    """Code and word of what may be chosen now; empty for what is not chosen from a list of the house."""
    return [(one.code, word(kind, one.code)) for one in _own(kind)]


def word(kind: str, value: object) -> str:
    """The reader's word for a value of ours: ``word("status", "missed")``; an unknown value is shown as it is."""
    text = str(value)
    if kind == "queue":
        return preferred().queue_label(text)
    own = next((one.label(i18n.language()) for one in _own(kind) if one.code == text), "")
    return own or gettext(WORDS.get(kind, {}).get(text, text))


def problem_text(code: str, otherwise: str) -> str:
    """The sentence for a refusal; one without an entry is shown as the core says it."""
    return gettext(_PROBLEMS.get(code, otherwise))
