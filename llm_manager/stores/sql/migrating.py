"""Which version a database is of, and how it becomes the newest."""

from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select

from llm_manager.stores.sql.migrations import Versions
from llm_manager.stores.sql.tables import SCHEMA

VERSION_TABLE: Final = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))

Standing: TypeAlias = Literal["empty", "older", "current", "newer", "foreign"]
"""How a database compares with what is known here; one that is ``foreign`` has tables, but not ours."""


def standing_of(connection: Connection, versions: Versions) -> Standing:
    """Look at the version that a database says it is of."""
    version = version_of(connection)
    if version == versions.newest:
        return "current"
    if version is None:
        return "foreign" if inspect(connection).get_table_names() else "empty"
    return "older" if version in versions.known else "newer"


def version_of(connection: Connection) -> str | None:
    """The version that it was brought to, if ever it was."""
    if not connection.dialect.has_table(connection, VERSION_TABLE.name):
        return None
    found = connection.execute(select(VERSION_TABLE.c.version_num)).scalar()
    return None if found is None else str(found)


def make_tables(connection: Connection, versions: Versions) -> None:
    """Fill an empty database."""
    SCHEMA.create_all(connection)
    VERSION_TABLE.create(connection)
    connection.execute(VERSION_TABLE.insert(), {"version_num": versions.newest})


def bring_up(connection: Connection, versions: Versions, version: str | None = None) -> None:
    """Apply what is missing up to ``version``, or to the newest, in the transaction of the connection."""
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory(str(versions.folder))

    def missing(present: Any, _: MigrationContext) -> Any:
        return scripts._upgrade_revs(version or versions.newest, present)

    context = MigrationContext.configure(connection, opts={"fn": missing})
    with Operations.context(context):
        context.run_migrations()
