"""The interface's words for data protection: requests, consents, refusals."""

from __future__ import annotations

from typing import Final

from crm_core.kernel.texts import N_

JOB_KINDS: Final = {
    "export": N_("Export"),
    "person_export": N_("All data of one customer"),
    "erase_person": N_("Forget a customer"),
}
WORDS: Final[dict[str, dict[str, str]]] = {
    "audit_kind": {
        "customer": N_("Customer"),
        "export": N_("Export"),
        "person": N_("Personal data"),
        "reveal": N_("Whole value"),
        "consent": N_("Consent"),
        "agreement": N_("Confidentiality agreement"),
        "audit": N_("Audit log"),
        "keys": N_("Encryption keys"),
        "allocation": N_("Allocation"),
        "call": N_("Telephone call"),
        "recording": N_("Recording"),
        "intake": N_("Registration"),
        "field": N_("Own field"),
        "setting": N_("Setting"),
        "user": N_("User"),
        "token": N_("API token"),
        "department": N_("Department"),
        "centre": N_("Centre"),
        "login": N_("Signing in"),
        "logout": N_("Signing out"),
        "sessions": N_("Sessions"),
        "job": N_("Long work"),
        "view": N_("Saved view"),
    },
    "request_kind": {
        "list": N_("Customer list"),
        "person": N_("All data of one customer"),
        "erasure": N_("Forget a customer"),
    },
    "request_state": {
        "waiting": N_("To be allowed"),
        "refused": N_("Refused"),
        "running": N_("Being written"),
        "ready": N_("Ready"),
        "collected": N_("Fetched"),
        "expired": N_("Not fetched in time"),
        "done": N_("Done"),
        "failed": N_("Failed"),
    },
    "channel": {"call": N_("By phone"), "sms": N_("SMS"), "email": N_("E-mail"), "visit": N_("Visit")},
    "purpose": {
        "care": N_("Care"),
        "promotion": N_("Promotion"),
        "service": N_("Service"),
        "research": N_("Survey"),
    },
    "consent_state": {"granted": N_("Allowed"), "withdrawn": N_("Taken back")},
    "consent_way": {
        "spoken": N_("Face to face"),
        "call": N_("In a call"),
        "form": N_("Signed sheet"),
        "sms": N_("By SMS"),
        "web": N_("On a web page"),
        "letter": N_("By letter"),
    },
    "standing": {
        "granted": N_("Allowed"),
        "withdrawn": N_("Taken back"),
        "not_asked": N_("Not asked yet"),
        "not_needed": N_("Needs no consent"),
        "do_not_call": N_("Do not call"),
    },
}
PROBLEMS: Final = {
    "export_invalid": N_("Say what is needed and why."),
    "export_not_found": N_("There is no such request, or you may not see it."),
    "export_decided": N_("This request is decided already."),
    "export_not_yours": N_("Only who asked for this file can fetch it."),
    "export_collected": N_("This file was fetched already; it is handed out once. Ask for a new one."),
    "export_expired": N_("The file waited too long and was deleted. Ask for a new one."),
    "export_not_ready": N_("The file is not written yet."),
    "export_grew": N_("The list has grown since it was asked for; ask again."),
    "second_person": N_("Somebody else has to decide on your own request."),
    "erasure_asked": N_("Somebody has asked for this already; it waits for a second person."),
    "where_invalid": N_("The condition cannot be used."),
    "consent_invalid": N_("A consent needs its proof: the text agreed to, and where the proof is."),
    "agreement_missing": N_("Read and accept the confidentiality agreement first."),
    "day_invalid": N_("This is no day."),
    "reveal_limit": N_("You have seen as many whole values as the house allows for now; ask your supervisor, or wait."),
}
# What is wrong at a field, as the core says it: keys of the catalogue.
REASONS: Final = (
    N_("say which text was agreed to"),
    N_("say where the proof is, or in which call it was said"),
    N_("lies in the future"),
)
