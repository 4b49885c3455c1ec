"""The usage log: one row for each attempt that ended, and for each answer that was remembered or shared."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, String, Table

from llm_manager.stores.sql.tables.schema import SCHEMA

USAGE_WRITERS: Final = Table(
    "usage_writers",
    SCHEMA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("began", Double, nullable=False),
    sqlite_autoincrement=True,
)
"""Who has written to the log: each manager that did has a number, which is never used again."""

USAGE: Final = Table(
    "usage",
    SCHEMA,
    Column("writer", Integer, primary_key=True, autoincrement=False),
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("hour", Integer, nullable=False),
    Column("outcome", String, nullable=False),
    Column("error", String),
    Column("call_id", String),
    Column("number", Integer, nullable=False),
    Column("provider", String, nullable=False),
    Column("model", String, nullable=False),
    Column("operation", String, nullable=False),
    Column("key_fingerprint", String),
    Column("feature", String),
    Column("on_behalf_of", String, key="user"),
    Column("tenant", String),
    Column("run", String),
    Column("input_tokens", BigInteger),
    Column("cache_read_tokens", BigInteger),
    Column("cache_write_tokens", BigInteger),
    Column("cache_write_long_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("reasoning_tokens", BigInteger),
    Column("cost_micros", BigInteger),
    Column("cost_rest", Integer),
    Column("price_version", String),
    Column("seconds", Double, nullable=False),
    Column("latency_bucket", Integer, nullable=False),
    Column("billable", Boolean(create_constraint=False), nullable=False),
    Column("prefix_nanos", BigInteger),
    Column("most_micros", BigInteger),
    Column("most_tokens", BigInteger),
    sqlite_with_rowid=False,
)
"""``cost_micros`` are whole micro-dollars and ``cost_rest`` the millionths of one beyond them, so that sums are exact; of an answer
that was remembered they are what it saved. ``prefix_nanos`` are the billionths of a dollar that a prompt's beginning saved which its
provider had kept. ``outcome`` is answered, failed, left, hit, shared or similar; a row may also say ``reset``
(the period in ``operation``) or ``lost`` (how many in ``number``)."""

Index("usage_at", USAGE.c.at)
