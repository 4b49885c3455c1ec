"""What SQLite and PostgreSQL both can and each spells in its own way: inserting a row unless it is there, or in its place."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias

from sqlalchemy import Insert, Table
from sqlalchemy.dialects import postgresql, sqlite

ByDialect: TypeAlias = Mapping[str, Insert]
"""One statement, by the name of the dialect: take that of ``connection.dialect.name``."""


def unless_there(table: Table) -> ByDialect:
    """Insert a row; one whose key is there stays as it is."""
    return MappingProxyType(
        {
            "sqlite": sqlite.insert(table).on_conflict_do_nothing(),
            "postgresql": postgresql.insert(table).on_conflict_do_nothing(),
        }
    )


def in_its_place(table: Table, key: Sequence[str], changed: Sequence[str]) -> ByDialect:
    """Insert a row, or change these columns of the one that has its ``key``."""
    small, large = sqlite.insert(table), postgresql.insert(table)
    return MappingProxyType(
        {
            "sqlite": small.on_conflict_do_update(index_elements=key, set_={name: small.excluded[name] for name in changed}),
            "postgresql": large.on_conflict_do_update(index_elements=key, set_={name: large.excluded[name] for name in changed}),
        }
    )
