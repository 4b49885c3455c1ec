"""Threats 10 and 19: no statement is made of data, whatever is kept comes back as it was, and none of it is ever run."""

import ast
from pathlib import Path
from typing import Any, Final

import pytest
from returns.result import Success
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Double,
    Integer,
    LargeBinary,
    PickleType,
    SmallInteger,
    String,
    Table,
    Text,
    inspect,
    select,
)

from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import Settled
from llm_manager.stores.sql.database import Database
from llm_manager.stores.sql.tables import SCHEMA

PACKAGE: Final = Path(__file__).parents[2] / "llm_manager"

TAKING_SQL: Final = {"text", "execute", "executemany", "executescript", "exec_driver_sql", "literal_column", "DDL", "scalar", "scalars"}
"""Functions whose first argument may be SQL as text."""

CONSTANTS: Final = {
    ("stores/sql/sqlite.py", "_set"): "names and values of pragmas, from a table in that file",
    ("stores/sql/preparing.py", ""): "the name of our own schema, a constant",
}
"""Where a statement has pieces, and why none of them is data."""

HOSTILE: Final = (
    "'; DROP TABLE runs; --",
    '" OR 1=1 --',
    "\\'); DELETE FROM usage; /*",
    "%s %(x)s :x $1 ? {0} {x!r}",
    "$$; SELECT pg_sleep(10); $$",
    "\u202e\U0001f4a3\u2028\t\r\n\x1b[31m",
    "__import__('os').system('id')",
    "!!python/object/apply:os.system [id]",
    "x" * 4000,
)


def pieced(tree: ast.Module) -> list[tuple[str, str]]:
    """Every statement that is put together: the function that it is in, and itself."""
    found: list[tuple[str, str]] = []

    def walk(node: ast.AST, within: str) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            within = node.name
        if isinstance(node, ast.Call) and node.args:
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            made = isinstance(node.args[0], ast.JoinedStr | ast.BinOp) or (
                isinstance(node.args[0], ast.Call) and getattr(node.args[0].func, "attr", "") in ("format", "join")
            )
            if name in TAKING_SQL and made:
                found.append((within, ast.unparse(node)))
        for child in ast.iter_child_nodes(node):
            walk(child, within)

    walk(tree, "")
    return found


def test_no_statement_is_put_together_of_data() -> None:
    """Identifiers are fixed and values are bound."""
    found = {
        (path.relative_to(PACKAGE).as_posix(), within)
        for path in sorted((PACKAGE / "stores").rglob("*.py"))
        for within, _ in pieced(ast.parse(path.read_text("utf-8")))
    }
    assert found == set(CONSTANTS)


def test_the_search_would_find_one() -> None:
    """In each form."""
    for line in ('c.execute(f"select {x}")', 'text("select " + x)', 'c.execute("select {}".format(x))', 'exec_driver_sql("%s" % x)'):
        assert pieced(ast.parse(line)), line


def value_for(column: Column[Any], hostile: str) -> Any:
    """A value that the column takes, hostile where it is text."""
    if isinstance(column.type, String):  # Text is one too
        return hostile[: column.type.length]
    if isinstance(column.type, Boolean):
        return True
    if isinstance(column.type, Integer):
        return 7
    if isinstance(column.type, Double):
        return 7.5
    return hostile.encode()


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_any_text_goes_through_every_column_unchanged(database: Database, hostile: str) -> None:
    """And every table is there afterwards, with that one row."""

    def kept(connection: Connection) -> Settled[None, LLMError]:
        for table in SCHEMA.sorted_tables:
            connection.execute(table.insert(), {column.key: value_for(column, hostile) for column in table.columns})
        return Success(None)

    def found(connection: Connection) -> Settled[dict[str, Any], LLMError]:
        return Success({table.name: connection.execute(select(table)).mappings().all() for table in SCHEMA.sorted_tables})

    assert database.write_now(kept) == Success(None)
    rows = database.read_now(found).unwrap()
    for table in SCHEMA.sorted_tables:
        (row,) = rows[table.name]
        assert {column.name: row[column] for column in table.columns} == {
            column.name: value_for(column, hostile) for column in table.columns
        }
    there = database.read_now(lambda connection: Success(set(inspect(connection).get_table_names()))).unwrap()
    assert there >= {table.name for table in SCHEMA.sorted_tables}


@pytest.mark.parametrize("table", SCHEMA.sorted_tables, ids=lambda table: table.name)
def test_what_is_kept_is_text_numbers_and_bytes(table: Table) -> None:
    """No column holds what would be run when it is read."""
    plain = (String, Text, Integer, BigInteger, SmallInteger, Double, Boolean, LargeBinary)
    assert all(isinstance(column.type, plain) and not isinstance(column.type, PickleType) for column in table.columns)
