"""Which code does which kind of job; assembled here because only the service knows all of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo

from callcenter.files import KeptFiles
from crm_core.calls.personal import CallsOfPerson
from crm_core.calls.work_queries import LastTalks
from crm_core.customers import bulk, rebuilding
from crm_core.customers.allocation import jobs as allocation
from crm_core.customers.classification import jobs as classification
from crm_core.customers.duplicates import jobs as duplicates
from crm_core.customers.imports import jobs as imports
from crm_core.customers.protection import jobs as protection
from crm_core.jobs.runner import Handler


def handlers(files: KeptFiles, zone: tzinfo) -> Mapping[str, Handler]:
    """By kind. The names of kinds are for ever: jobs that wait in a database bear them."""
    return {
        **bulk.HANDLERS,
        **allocation.handlers(contacts=[LastTalks()]),
        **classification.HANDLERS,
        **duplicates.HANDLERS,
        **imports.handlers(files),
        **protection.handlers(files, zone, [CallsOfPerson()]),
        **rebuilding.handlers([LastTalks()]),
    }
