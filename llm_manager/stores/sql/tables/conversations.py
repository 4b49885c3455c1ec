"""Conversations, the metadata by which they are found, and their turns, each as JSON with its text folded for searching."""

from typing import Final

from sqlalchemy import Boolean, Column, Double, Index, Integer, Table, Text

from llm_manager.stores.sql.tables.schema import SCHEMA

CONVERSATIONS: Final = Table(
    "conversations",
    SCHEMA,
    Column("tenant", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("began", Double, nullable=False),
    Column("changed", Double, nullable=False),
    Column("about", Text, nullable=False),
    Column("title_words", Text, nullable=False),
    Column("origin", Text),
    Column("origin_turns", Integer),
)
Index("conversations_by_change", CONVERSATIONS.c.tenant, CONVERSATIONS.c.changed, CONVERSATIONS.c.id)

CONVERSATION_METADATA: Final = Table(
    "conversation_metadata",
    SCHEMA,
    Column("tenant", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

TURNS: Final = Table(
    "turns",
    SCHEMA,
    Column("tenant", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("said_at", Double),
    Column("cut", Boolean, nullable=False),
    Column("private", Boolean, nullable=False),
    Column("messages", Text, nullable=False),
    Column("words", Text, nullable=False),
)
