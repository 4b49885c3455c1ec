"""What is remembered: answers and vectors under their digests, the tags they were made with, and what all that was good for."""

from typing import Final

from sqlalchemy import BigInteger, Boolean, Column, Double, ForeignKeyConstraint, Index, LargeBinary, String, Table, Text

from llm_manager.stores.sql.tables.schema import SCHEMA

ANSWERS: Final = Table(
    "answers",
    SCHEMA,
    Column("kind", String(16), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("tenant", Text),
    Column("tags", Text, nullable=False),
    Column("private", Boolean, nullable=False),
    Column("cost_nanos", BigInteger),
    Column("bytes", BigInteger, nullable=False),
    Column("made_at", Double, nullable=False),
    Column("used_at", Double, nullable=False),
    Column("hits", BigInteger, nullable=False),
    Column("made_by", Text),
    Index("answers_by_use", "kind", "used_at"),
    Index("answers_by_age", "kind", "made_at"),
)
"""``cost_nanos`` are billionths of a dollar: the vector of a text costs less than a millionth."""

ANSWER_TAGS: Final = Table(
    "answer_tags",
    SCHEMA,
    Column("kind", String(16), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("tag", Text, primary_key=True),
    ForeignKeyConstraint(["kind", "key"], ["answers.kind", "answers.key"], ondelete="CASCADE"),
    Index("answer_tags_by_tag", "kind", "tag"),
)

CACHE_COUNTS: Final = Table(
    "cache_counts",
    SCHEMA,
    Column("kind", String(16), primary_key=True),
    Column("hits", BigInteger, nullable=False),
    Column("misses", BigInteger, nullable=False),
    Column("unpriced", BigInteger, nullable=False),
    Column("saved_nanos", BigInteger, nullable=False),
)
