"""Vectors of prompts, for finding the answer to one that is alike; the prompts themselves are not kept."""

from typing import Final

from sqlalchemy import Column, Double, Index, LargeBinary, String, Table

from llm_manager.stores.sql.tables.schema import SCHEMA

SIMILAR_PROMPTS: Final = Table(
    "similar_prompts",
    SCHEMA,
    Column("context", String(64), primary_key=True),
    Column("key", String(64), primary_key=True),
    Column("vector", LargeBinary, nullable=False),
    Column("added_at", Double, nullable=False),
    Index("similar_prompts_by_age", "added_at"),
)
