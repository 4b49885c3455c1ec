"""What outlives the process, in one place."""

from collections.abc import Callable, Coroutine
from typing import Any

from attrs import field, frozen

from llm_manager.domain.embeddings import Vector
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.similar import SimilarSettings
from llm_manager.services.audit_trail import AuditTrail
from llm_manager.services.cache import Cache
from llm_manager.services.conversation_storage import ConversationStorage
from llm_manager.services.run_store import RunStore
from llm_manager.services.similar import SimilarPrompts
from llm_manager.services.usage_log import UsageLog


@frozen(kw_only=True)
class Store:
    """One database and all that is kept in it; nothing is opened before the first use. ``close`` writes what is in line, and the
    next use opens it again."""

    place: str
    """Where it is, without any password."""
    conversations: ConversationStorage
    answers: Cache[LLMResponse]
    vectors: Cache[Vector]
    similar: Callable[[SimilarSettings], SimilarPrompts] = field(repr=False)
    """Finds similar prompts among those that are kept here; it needs numpy, and is a ModuleNotFoundError without."""
    runs: RunStore
    usage: UsageLog
    audit: AuditTrail | None = None
    """Where a key for it is set."""
    close: Callable[[], Coroutine[Any, Any, None]] = field(repr=False)
