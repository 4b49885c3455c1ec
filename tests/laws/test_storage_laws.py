"""Every conversation storage keeps the laws of storages; a new one joins by a line in the table."""

from collections.abc import Mapping

import pytest

from llm_manager.stores.memory import memory_conversations
from llm_manager.testing.laws import STORAGE_LAWS
from llm_manager.testing.laws.storages import MakeStorage

STORAGES: Mapping[str, MakeStorage] = {"memory": memory_conversations}


@pytest.mark.parametrize("law", STORAGE_LAWS)
@pytest.mark.parametrize("storage", STORAGES)
def test_storages_keep_the_laws(storage: str, law: str) -> None:
    """Turns are kept in order, and of two writers one wins."""
    STORAGE_LAWS[law](STORAGES[storage])
