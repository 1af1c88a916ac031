"""All tables in one metadata: importing this module is how migrations and tests see the whole schema."""

from __future__ import annotations

from crm_core.audit import models as audit_models
from crm_core.calls import models as calls_models
from crm_core.customers import change_models as customer_change_models
from crm_core.customers import detail_models as customer_detail_models
from crm_core.customers import merge_models as customer_merge_models
from crm_core.customers import models as customers_models
from crm_core.customers.allocation import models as allocation_models
from crm_core.customers.classification import models as classification_models
from crm_core.customers.custom import models as custom_models
from crm_core.customers.duplicates import models as duplicates_models
from crm_core.customers.imports import models as imports_models
from crm_core.customers.intake import models as intake_models
from crm_core.customers.protection import models as protection_models
from crm_core.customers.search import models as search_models
from crm_core.db import outbox
from crm_core.db.base import Base
from crm_core.jobs import models as jobs_models
from crm_core.organization import models as organization_models

TABLE_MODULES = (
    outbox,
    audit_models,
    organization_models,
    jobs_models,
    customers_models,
    customer_merge_models,
    customer_change_models,
    classification_models,
    custom_models,
    duplicates_models,
    allocation_models,
    customer_detail_models,
    calls_models,
    imports_models,
    intake_models,
    protection_models,
    search_models,
)
metadata = Base.metadata
