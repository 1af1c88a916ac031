"""The interface's words for duplicates: what speaks for and against one person, and the codes of its refusals."""

from __future__ import annotations

from typing import Final

from crm_core.kernel.texts import N_

JOB_KINDS: Final = {"find_duplicates": N_("Search for duplicates")}
WORDS: Final[dict[str, dict[str, str]]] = {
    "duplicate_reason": {
        "id_card": N_("Same ID card"),
        "phone": N_("Same phone"),
        "name": N_("Same name"),
        "name_sounds_alike": N_("Names sound alike"),
        "name_mistyped": N_("Name perhaps mistyped"),
        "birthday": N_("Same birthday"),
        "birthday_alike": N_("Birthday perhaps mistyped"),
        "address": N_("Same address"),
        "other_id_card": N_("Different ID cards"),
        "other_name": N_("Different names"),
        "other_sex": N_("Different sex"),
        "other_birthday": N_("Different birthdays"),
        "other_kind": N_("Person and organisation"),
    },
    "pair_state": {
        "open": N_("To decide"),
        "not_duplicate": N_("Not duplicates"),
        "merged": N_("Merged"),
    },
}
# What an undo may name beside the fields of the comparison.
KEPT: Final = {
    "phones": N_("Phones"),
    "custom": N_("Own fields"),
    "do_not_call": N_("Do not call"),
    "medical_sealed": N_("Medical history"),
    "contraindications_sealed": N_("Contraindications"),
    "family_members": N_("Family"),
    "customer_notes": N_("Notes"),
    "person_details": N_("Details"),
    "organization_details": N_("Details"),
}
PROBLEMS: Final = {
    "already_merged": N_("One of the two was merged already; read it again."),
    "merge_other_kind": N_("A person and an organisation cannot be merged."),
    "merge_same": N_("A customer cannot be merged with himself; choose another."),
    "merge_invalid": N_("These fields cannot be chosen."),
    "merge_undone": N_("This merge was undone already."),
    "merge_undo_order": N_("The survivor was merged further since; undo that later merge first."),
    "pair_merged": N_("These two were merged; undo the merge first."),
    "pair_not_found": N_("There is no such pair, or you may not see it."),
    "merge_not_found": N_("There is no such merge, or you may not see it."),
}
