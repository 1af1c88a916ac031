"""The interface's words for imports: stages, verdicts, and the codes of their refusals."""

from __future__ import annotations

from typing import Final

from crm_core.kernel.texts import N_

JOB_KINDS: Final = {
    "customers.import": N_("Import of customers"),
    "customers.import_undo": N_("Import taken back"),
}
WORDS: Final[dict[str, dict[str, str]]] = {
    "import_stage": {
        "uploaded": N_("Columns to be looked at"),
        "check": N_("Check"),
        "run": N_("Import"),
        "undo": N_("Take back"),
    },
    "import_verdict": {
        "create": N_("New"),
        "update": N_("Update"),
        "unchanged": N_("Nothing new"),
        "duplicate": N_("Duplicate"),
        "error": N_("Wrong"),
    },
    "import_undone": {"undone": N_("Taken back"), "kept": N_("Kept")},
}
# What keeps a customer from being taken back, by where it is stored.
USED: Final[dict[str, str]] = {
    "customer_notes": N_("Notes"),
    "calls": N_("Calls"),
    "family_members": N_("Family"),
    "owner_changes": N_("Transferred"),
}
PROBLEMS: Final[dict[str, str]] = {
    "import_file_unreadable": N_("This file cannot be read; save the list once more as .xlsx or .csv."),
    "import_file_too_large": N_(
        "The file is damaged or far too large unpacked; delete empty rows and columns, or split it."
    ),
    "import_file_too_long": N_("The list has too many rows; split it."),
    "import_file_too_wide": N_("The list has too many columns; delete the empty ones to the right."),
    "import_mapping_invalid": N_("Please correct what the columns mean; one of them has to hold the name."),
    "import_busy": N_("This import is being worked on; wait for its end or stop it."),
    "import_done": N_("This file has been imported already; upload it again for another run."),
    "import_not_run": N_("Nothing has been imported yet that could be taken back."),
    "import_not_found": N_("There is no such import, or you may not see it."),
    "preset_not_found": N_("There is no such remembered mapping."),
    "preset_invalid": N_("The mapping cannot be remembered so; it needs a short name."),
}
