"""A session whose manager is a script and whose screen is memory."""

import io
import subprocess
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from attrs import field, frozen
from returns.future import FutureResult
from returns.result import Failure, Result, Success

from llm_manager.cli.output import Output
from llm_manager.cli.session import Session
from llm_manager.domain.configuration import LLMConfig
from llm_manager.domain.errors import InvalidRequest, LLMError
from llm_manager.domain.models import Health, ModelProfile
from llm_manager.domain.plans import Plan
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.standing import Standing
from llm_manager.domain.statistics import Statistics
from llm_manager.domain.streaming import StreamEvent
from llm_manager.services.manager import LLMManager
from llm_manager.stores.memory.conversations import memory_conversations
from tests.cli.program import command, surroundings
from tests.loopback import fault_server

_UNASKED = Failure(InvalidRequest(message="the script has no answer"))
_NONE: Success[tuple[()]] = Success(())
_READY: Success[None] = Success(None)


class Screen(io.StringIO):
    """A terminal, or a pipe, in memory."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@frozen(kw_only=True)
class Scene:
    """A session and what it wrote."""

    session: Session
    out: Screen
    err: Screen
    asked: list[LLMRequest] = field(factory=list)
    closed: list[bool] = field(factory=list)


Setting = Callable[..., Scene]


@pytest.fixture
def scene() -> Setting:
    """Make a session from what its manager answers."""

    def make(
        *,
        answer: Result[LLMResponse, LLMError] = _UNASKED,
        events: Sequence[Result[StreamEvent, LLMError]] = (),
        planned: Result[Plan, LLMError] = _UNASKED,
        health: Result[tuple[Health, ...], LLMError] = _NONE,
        models: Result[tuple[ModelProfile, ...], LLMError] = _NONE,
        prepared: Result[None, LLMError] = _READY,
        terminal: bool = False,
        json: bool = False,
        config: LLMConfig | None = None,
        standing: Standing | None = None,
    ) -> Scene:
        asked: list[LLMRequest] = []
        closed: list[bool] = []
        out, err = Screen(terminal=terminal), Screen(terminal=terminal)

        def generate(request: LLMRequest) -> FutureResult[LLMResponse, LLMError]:
            asked.append(request)
            return FutureResult.from_result(answer)

        async def stream(request: LLMRequest) -> AsyncGenerator[Result[StreamEvent, LLMError], None]:
            asked.append(request)
            for event in events:
                yield event

        async def close() -> None:
            closed.append(True)

        async def prepare(_: LLMRequest) -> Any:
            return prepared

        def unasked(*_: Any, **__: Any) -> Any:
            raise AssertionError("the command line does not ask this")

        manager = LLMManager(
            generate=generate,
            stream=stream,
            generate_all=unasked,
            run=unasked,
            generate_as=unasked,
            converse=unasked,
            converse_stream=unasked,
            conversations=memory_conversations(),
            call_tools=unasked,
            embed=unasked,
            moderate=unasked,
            create_image=unasked,
            count_tokens=unasked,
            credits=unasked,
            plan=lambda _: planned,
            health=lambda: FutureResult.from_result(health),
            stats=Statistics,
            standing=lambda: standing or Standing(),
            reset_breaker=unasked,
            usage=unasked,
            usage_report=unasked,
            recall_budgets=lambda: FutureResult.from_value(None),
            check_limits=unasked,
            forget=unasked,
            cache_statistics=unasked,
            reset_usage=unasked,
            remembered=lambda _: FutureResult.from_value(False),
            models=lambda: FutureResult.from_result(models),
            discover=lambda: FutureResult.from_value(()),
            close=close,
        )
        output = Output(out=out, err=err, json=json)
        session = Session(manager=manager, config=config or LLMConfig(), output=output, prepare=prepare)
        return Scene(session=session, out=out, err=err, asked=asked, closed=closed)

    return make


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Start a server that answers by script, and give its base URL; all are gone when the test ends."""
    with ExitStack() as running:
        yield lambda *script: running.enter_context(fault_server(*script)).url + "/v1"


Begun = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def begun(tmp_path: Path) -> Iterator[Begun]:
    """Start a command between pipes; what still runs in the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: str, folder: Path = tmp_path, **streams: Any) -> "subprocess.Popen[str]":
        pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
        started.append(subprocess.Popen(command(*words), env=surroundings(tmp_path), cwd=folder, text=True, **pipes))
        return started[-1]

    yield start
    for each in started:
        if each.poll() is None:
            each.kill()
        each.communicate()
