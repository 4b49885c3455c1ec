"""Every conversation storage keeps the laws of storages, in memory and in every database."""

import pytest

from llm_manager.stores.conversations.keeping import kept_conversations
from llm_manager.stores.memory.conversations import memory_conversations
from llm_manager.stores.sql.database import Database
from llm_manager.testing.laws import STORAGE_LAWS


def _wall() -> float:
    return 5.0


@pytest.mark.parametrize("law", STORAGE_LAWS)
def test_the_memory_keeps_the_laws(law: str) -> None:
    """Turns are kept in order, of two writers one wins, and tenants never meet."""
    STORAGE_LAWS[law](lambda: memory_conversations(_wall))


@pytest.mark.parametrize("law", STORAGE_LAWS)
def test_databases_keep_the_laws(law: str, database: Database) -> None:
    """The same."""
    STORAGE_LAWS[law](lambda: kept_conversations(database, _wall))
