"""The schema: one file for each thing that is kept. Times are seconds since 1970, money is whole parts of a dollar as its column's
name says, values are JSON."""

from llm_manager.stores.sql.tables.answers import ANSWER_TAGS, ANSWERS, CACHE_COUNTS
from llm_manager.stores.sql.tables.audit import AUDIT
from llm_manager.stores.sql.tables.conversations import CONVERSATION_METADATA, CONVERSATIONS, TURNS
from llm_manager.stores.sql.tables.runs import RUN_DOUBTS, RUN_ROWS, RUNS
from llm_manager.stores.sql.tables.schema import SCHEMA
from llm_manager.stores.sql.tables.similar import SIMILAR_PROMPTS
from llm_manager.stores.sql.tables.usage import USAGE, USAGE_WRITERS

__all__ = [
    "ANSWERS",
    "ANSWER_TAGS",
    "AUDIT",
    "CACHE_COUNTS",
    "CONVERSATIONS",
    "CONVERSATION_METADATA",
    "RUNS",
    "RUN_DOUBTS",
    "RUN_ROWS",
    "SCHEMA",
    "SIMILAR_PROMPTS",
    "TURNS",
    "USAGE",
    "USAGE_WRITERS",
]
