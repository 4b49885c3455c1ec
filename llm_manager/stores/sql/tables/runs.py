"""Runs, a row for each request of one, and the calls that may have been charged for nothing."""

from typing import Final

from sqlalchemy import BigInteger, Column, Double, Index, Integer, LargeBinary, String, Table, Text, UniqueConstraint, text

from llm_manager.stores.sql.tables.schema import SCHEMA

_Number: Final = BigInteger().with_variant(Integer, "sqlite")

RUNS: Final = Table(
    "runs",
    SCHEMA,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("target", Text, index=True),
    Column("fingerprint", String(64), nullable=False),
    Column("plan", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("owner", Text),
    Column("model", Text),
    Column("stopped", Text),
    Column("wish", String),
    Column("counts", Text, nullable=False),
    Column("standing", Text, nullable=False),
    Column("forked_from", String),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
)
"""``epoch`` is one more each time somebody takes the run: who took it earlier can write no more."""

RUN_ROWS: Final = Table(
    "run_rows",
    SCHEMA,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("run", BigInteger, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("place", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("asked_at", Double),
    Column("ended_at", Double),
    Column("error", String),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("cost_micro", BigInteger),
    Column("worst_micro", BigInteger),
    Column("output", Text),
    UniqueConstraint("run", "key", name="run_rows_by_key"),
)

OPEN: Final = text("run_rows.state IN ('asked', 'waiting')")
"""Rows that have not ended; said in these very words, SQLite finds them by their index."""

_OPEN_HERE: Final = text("state IN ('asked', 'waiting')")
Index("run_rows_in_order", RUN_ROWS.c.run, RUN_ROWS.c.number)
Index("run_rows_open", RUN_ROWS.c.run, RUN_ROWS.c.state, sqlite_where=_OPEN_HERE, postgresql_where=_OPEN_HERE)

RUN_DOUBTS: Final = Table(
    "run_doubts",
    SCHEMA,
    Column("number", _Number, primary_key=True, autoincrement=True),
    Column("run", BigInteger, nullable=False, index=True),
    Column("key", LargeBinary, nullable=False),
    Column("place", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("asked_at", Double, nullable=False),
    Column("worst_micro", BigInteger),
    Column("calls", Integer, nullable=False),
)
