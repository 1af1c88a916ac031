"""The kinds of long work of data protection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo

from crm_core.customers.protection.elsewhere import Elsewhere
from crm_core.customers.protection.erasing import EraseJob
from crm_core.customers.protection.exporting import ExportJob, Files
from crm_core.customers.protection.person import PersonJob
from crm_core.customers.protection.service import ERASE_JOB, EXPORT_JOB, PERSON_JOB
from crm_core.jobs.runner import Handler


def handlers(files: Files, zone: tzinfo, elsewhere: Sequence[Elsewhere] = ()) -> Mapping[str, Handler]:
    """By kind; ``elsewhere`` are the tiers above that keep facts about a person too (calls)."""
    return {
        EXPORT_JOB: ExportJob(files, zone),
        PERSON_JOB: PersonJob(files, zone, elsewhere),
        ERASE_JOB: EraseJob(files, elsewhere),
    }
