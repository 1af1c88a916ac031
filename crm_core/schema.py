"""All tables in one metadata: importing this module is how migrations and tests see the whole schema."""

from __future__ import annotations

from crm_core.audit import models as audit_models
from crm_core.calls import models as calls_models
from crm_core.customers import models as customers_models
from crm_core.db import outbox
from crm_core.db.base import Base
from crm_core.organization import models as organization_models

TABLE_MODULES = (outbox, audit_models, organization_models, customers_models, calls_models)
metadata = Base.metadata
