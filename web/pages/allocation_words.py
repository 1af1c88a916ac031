"""The interface's words for allocation: states, methods, and the codes of its refusals."""

from __future__ import annotations

from typing import Final

from crm_core.kernel.texts import N_

WORDS: Final[dict[str, dict[str, str]]] = {
    "allocation_state": {
        "waiting": N_("Waits for approval"),
        "approved": N_("Approved, to be carried out"),
        "running": N_("Being carried out"),
        "done": N_("Carried out"),
        "refused": N_("Refused"),
        "withdrawn": N_("Withdrawn"),
    },
    "allocation_method": {
        "round_robin": N_("In turn"),
        "weighted": N_("By weight"),
        "matching": N_("By region and type"),
        "least_open": N_("To who has least"),
    },
    "allocation_verdict": {"given": N_("Given"), "refused": N_("Not given")},
    "move_reason": {
        "": N_("–"),
        "cap_reached": N_("The cap on open customers is reached"),
        "quota_used": N_("The quota of the period is used up"),
        "nobody_matches": N_("Nobody takes this region and type"),
        "nobody_has_room": N_("Nobody has room"),
        "has_owner": N_("Has an owner already: transfer instead"),
        "not_found": N_("Not there, or out of your reach"),
        "same_owner": N_("Belongs to this person already"),
        "moved_meanwhile": N_("Somebody else was first"),
        "archived": N_("Archived, out of allocation"),
        "no_owner": N_("Nobody has him: ask for an allocation"),
        "self_allocation": N_("Nobody allocates customers to himself."),
    },
    "owner_change": {
        "edit": N_("Changed on the card"),
        "transfer": N_("Transferred"),
        "allocation": N_("Allocated"),
        "reclaim": N_("Back to the pool"),
        "given_on": N_("Transferred or changed on the card"),
    },
    "application_kind": {"quota": N_("New customers"), "cap": N_("Customers at once")},
    "application_state": {
        "waiting": N_("Waits for a decision"),
        "granted": N_("Granted"),
        "refused": N_("Refused"),
        "withdrawn": N_("Withdrawn"),
    },
    "reclaim_rule": {"not_contacted": N_("Not contacted"), "not_bought": N_("Not bought")},
    "spared": {"open_order": N_("An order is open"), "open_task": N_("A task is open")},
    "unfit_reason": {
        "wrong_numbers": N_("All numbers are wrong or dead"),
        "never_reached": N_("Never reached"),
        "few_purchases": N_("Buys little"),
        "no_loyalty": N_("Not loyal"),
        "bad_reputation": N_("Bad reputation"),
        "cost": N_("Costs more than he brings"),
        "other": N_("Other"),
    },
    "unfit_state": {
        "proposed": N_("Waits for a decision"),
        "kept": N_("Kept"),
        "archived": N_("Archived"),
    },
    "evenness": {"even": N_("even"), "fairly_even": N_("fairly even"), "uneven": N_("uneven")},
    "period": {"day": N_("a day"), "week": N_("a week"), "month": N_("a month")},
}

# Of the rows of a job.
VERDICTS: Final = {
    "given": N_("Given"),
    "announced": N_("Announced"),
    "reclaimed": N_("Back to the pool"),
    "spared": N_("Spared"),
}

JOB_KINDS: Final = {
    "customers.transfer": N_("Transfer of customers"),
    "customers.allocate": N_("Allocation of customers"),
    "customers.reclaim": N_("Back to the pool"),
    "customers.hand_over": N_("Hand-over of all customers of one person"),
    "customers.unfit": N_("Search for customers not for the base"),
}

SCRIPT_TEXTS: Final = {
    "notice_customers_received": N_("%(count)s customers were given to you."),
    "notice_reveals_refused": N_("%(user)s wanted to see more whole values than allowed: “Who takes how much”."),
    "notice_reclaim_announced": N_("%(count)s of your customers go back to the pool soon: look at “Given to me”."),
}

PROBLEMS: Final = {
    "nothing_to_hand_over": N_("This person looks after nobody within your reach."),
    "archived": N_("This customer is archived, out of allocation; a manager can bring him back."),
    "customer_archived": N_("This customer is archived already."),
    "unfit_note_missing": N_("Say what speaks against this customer."),
    "unfit_decision": N_("Pick customers (at most 500) and say why."),
    "unfit_search_runs": N_("This search is under way already."),
    "cap_reached": N_("The cap on open customers of this person is reached; he can apply for more."),
    "no_owner": N_("Nobody has this customer: ask for an allocation, which the data department carries out."),
    "moved_meanwhile": N_("Somebody else has given the customer to another person meanwhile; look who has him now."),
    "same_owner": N_("The customer belongs to this person already."),
    "move_reason_missing": N_("Say why the customers change hands."),
    "receiver_inactive": N_("This person may not sign in any more."),
    "owner_out_of_reach": N_("You may not give customers to this person."),
    "self_allocation": N_("Nobody allocates customers to himself."),
    "one_department": N_("One allocation is for people of one department."),
    "allocation_invalid": N_("Please correct the marked fields."),
    "data_department_only": N_("Only the data department carries allocations out; it finds this one in its list."),
    "allocation_not_approved": N_("The manager of these people has not approved this yet."),
    "allocation_over": N_("This allocation is not open any more."),
    "allocation_not_found": N_("There is no such allocation, or you may not see it."),
    "allocation_policy_invalid": N_("Some of the rules are not allowed; they are marked."),
    "application_invalid": N_("Say how many more and why; what is granted holds until a day within a year."),
    "application_waits": N_("Your last application of this kind is not decided yet."),
    "application_over": N_("This application is decided already."),
    "application_not_found": N_("There is no such application, or you may not see it."),
    "own_application": N_("Somebody else has to decide about your own application."),
    "own_limits": N_("Somebody else has to set your own limits."),
    "not_your_application": N_("Only who asked can take an application back; you can refuse it."),
    "limits_invalid": N_("A limit is a number from 0, or empty for the house's."),
    "no_reclaim_rule": N_("No rule says when a customer goes back to the pool; set one first."),
    "reclaim_runs": N_("This work is under way already."),
    "too_many_customers": N_("Too many customers at once; cut the list further."),
    "where_invalid": N_("The filter has an unknown value."),
}
