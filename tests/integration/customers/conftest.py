"""What the tests of customers share."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm_core.db.database import Database
from crm_core.organization.models import CentreKind, Role
from tests.factories import actor_of, add_centre, add_department, add_user
from tests.integration.customers.import_desk import Desk


@pytest.fixture
async def desk(db: Database, tmp_path: Path) -> Desk:
    centre = await add_centre(db, "Shanghai", kind=CentreKind.SALES)
    department = await add_department(db, "一部", sales_centre=centre)
    await add_user(db, "wangwei", display_name="王伟", department=department)
    clerk = await add_user(db, "clerk", role=Role.DATA_CLERK, department=department)
    return Desk(db, tmp_path, await actor_of(db, clerk))
