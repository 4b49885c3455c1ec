"""Managing the models that a local server keeps."""

from collections.abc import AsyncGenerator, Callable
from typing import TypeAlias

from attrs import field, frozen
from returns.future import FutureResult
from returns.result import Result

from llm_manager.domain.errors import LLMError
from llm_manager.domain.local_models import LocalModel, LocalModelDetails, ModelUpdate, PullProgress, RunningModel

Pull: TypeAlias = Callable[[str], AsyncGenerator[Result[PullProgress, LLMError], None]]


@frozen(kw_only=True)
class LocalModels:
    """What is on a server's disk and in its memory. ``pull`` tells its progress and ends with one that is ``done``, or a failure."""

    stored: Callable[[], FutureResult[tuple[LocalModel, ...], LLMError]]
    show: Callable[[str], FutureResult[LocalModelDetails, LLMError]]
    running: Callable[[], FutureResult[tuple[RunningModel, ...], LLMError]]
    pull: Pull = field(repr=False)
    delete: Callable[[str], FutureResult[None, LLMError]]
    updates: Callable[[], FutureResult[tuple[ModelUpdate, ...], LLMError]]
    """Asks the server's registry which of the stored models has a newer version; off unless settings allow it."""
    load: Callable[[str], FutureResult[None, LLMError]]
    """Brings a model into memory before it is asked, and ``unload`` out of it."""
    unload: Callable[[str], FutureResult[None, LLMError]]
