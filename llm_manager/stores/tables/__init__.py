"""The schema: one file for each thing that is kept. Times are seconds since 1970, money is integer micro-dollars, values are JSON text."""

from llm_manager.stores.tables.audit import AUDIT
from llm_manager.stores.tables.runs import RUN_DOUBTS, RUN_ROWS, RUNS
from llm_manager.stores.tables.schema import SCHEMA
from llm_manager.stores.tables.usage import USAGE, USAGE_WRITERS

__all__ = ["AUDIT", "RUNS", "RUN_DOUBTS", "RUN_ROWS", "SCHEMA", "USAGE", "USAGE_WRITERS"]
