"""What imports cannot show, read from the syntax trees."""

from __future__ import annotations

import ast

from sqlalchemy.orm import configure_mappers

from crm_core.db.base import Base
from crm_core.schema import metadata
from tests.architecture.sources import PRODUCT, Place, dotted, files, modules, none_of

SETTINGS_MODULES = ("callcenter/settings.py", "sms/settings.py")
# Where the time comes into the house; everybody else is given a Clock.
CLOCKS = ("crm_core/kernel/clock.py", "crm_core/kernel/ids.py")
# A stand-in for a PBX has its own clock, as a PBX has, and an invented company is written wholesale.
DEMONSTRATION = "callcenter/demo/"
_NOW = {
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "date.today",
    "datetime.date.today",
    "time.time",
    "time.time_ns",
    "time.localtime",
    "time.gmtime",
}
_ENVIRONMENT = {"os.environ", "os.environb", "os.getenv", "environ", "getenv"}
_EMPTY_NAMES = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc"}


def _names(*folders: str) -> list[tuple[Place, str]]:
    return [
        (Place(file, node.lineno, name), name)
        for file, tree in modules(*folders)
        for node in ast.walk(tree)
        if isinstance(node, ast.Name | ast.Attribute) and (name := dotted(node))
    ]


def _calls(*folders: str) -> list[tuple[Place, str]]:
    return [
        (Place(file, node.lineno, name), name)
        for file, tree in modules(*folders)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and (name := dotted(node.func))
    ]


def test_only_the_unit_of_work_commits() -> None:
    found = [
        p for p, name in _calls(*PRODUCT) if name.rsplit(".", 1)[-1] == "commit" and p.file != "crm_core/db/uow.py"
    ]
    none_of(found)


def test_reads_are_written_in_queries_and_reports_alone() -> None:
    def is_place_for_reads(file: str) -> bool:
        return file.endswith(("/queries.py", "_queries.py")) or file.startswith("crm_core/reports/")

    selects = {"select", "sqlalchemy.select", "sa.select"}
    found = [p for p, name in _calls(*PRODUCT) if name in selects and not is_place_for_reads(p.file)]
    none_of(found)


def test_web_sms_and_service_write_no_sql() -> None:
    """They ask the core's queries and services; of SQLAlchemy they know the session's type and what a URL is."""
    allowed = {"AsyncSession", "make_url"}
    found = [
        Place(file, node.lineno, f"{node.module}: {alias.name}")
        for file, tree in modules("callcenter", "web", "sms")
        if not file.startswith(DEMONSTRATION)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sqlalchemy"
        for alias in node.names
        if alias.name not in allowed
    ]
    none_of(found)


def test_the_environment_is_read_in_the_settings_alone() -> None:
    found = [p for p, name in _names(*PRODUCT) if name in _ENVIRONMENT and p.file not in SETTINGS_MODULES]
    none_of(found)


def test_the_time_comes_from_the_injected_clock() -> None:
    found = [
        p
        for p, name in _names(*PRODUCT)
        if name in _NOW and p.file not in CLOCKS and not p.file.startswith(DEMONSTRATION)
    ]
    none_of(found)


def test_only_the_organization_decides_by_role() -> None:
    """Everybody else asks for a right (Actor.may, require, reaches): rights are decided in one place."""
    found = [
        Place(file, node.lineno, "compares a role")
        for file, tree in modules(*PRODUCT)
        if not file.startswith(("crm_core/organization/", DEMONSTRATION))
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        and any(
            dotted(side).endswith(".role") or dotted(side).startswith("Role.")
            for side in [node.left, *node.comparators]
        )
    ]
    none_of(found)


def test_tables_are_declared_in_models_alone() -> None:
    found = [
        Place(file, node.lineno, node.name)
        for file, tree in modules(*PRODUCT)
        if not file.endswith(("/models.py", "_models.py")) and file != "crm_core/db/outbox.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and any(_is_tablename(statement) for statement in node.body)
    ]
    none_of(found)


def _is_tablename(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Assign) and any(dotted(target) == "__tablename__" for target in statement.targets)


def test_no_relationship_loads_by_itself() -> None:
    """What a page needs is loaded on purpose in queries.py; a forgotten load fails instead of asking per row."""
    assert metadata.tables
    configure_mappers()
    lazy = [
        f"{mapper.class_.__name__}.{relation.key}"
        for mapper in Base.registry.mappers
        for relation in mapper.relationships
        if relation.lazy != "raise"
    ]
    none_of(lazy)


def test_every_package_says_what_it_is() -> None:
    packages = {file.rsplit("/", 1)[0] for file in files() if file.endswith(".py") and file.startswith(PRODUCT)}
    parsed = dict(modules(*PRODUCT))
    without_docstring = [
        package
        for package in sorted(packages)
        if package != "crm_core/migrations/versions"  # alembic's folder of revisions, no package
        and not ((tree := parsed.get(f"{package}/__init__.py")) and ast.get_docstring(tree))
    ]
    none_of(without_docstring)


def test_every_module_says_what_it_is() -> None:
    silent = [
        file
        for file, tree in modules(*PRODUCT, "bench", "scripts")
        if tree.body and not ast.get_docstring(tree) and not file.startswith("crm_core/migrations/versions/")
    ]
    none_of(silent)


def test_modules_are_named_after_what_they_do() -> None:
    empty_names = [
        file
        for file in files()
        if file.endswith(".py") and not _EMPTY_NAMES.isdisjoint(file.removesuffix(".py").split("/"))
    ]
    none_of(empty_names)
