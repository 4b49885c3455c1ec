"""`llm-manager generate`: one prompt, one answer."""

from returns.result import Failure

from llm_manager.cli.documents import response_document
from llm_manager.cli.exits import FAILED, OK
from llm_manager.cli.session import Session
from llm_manager.cli.streaming import shown
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.effects import settle
from llm_manager.policies.standing_words import OFFLINE
from llm_manager.runs.reporting import duration


async def generate(session: Session, request: LLMRequest, *, stream: bool | None = None) -> int:
    """Ask once; the answer goes to standard output: as it comes on a terminal, else whole. JSON is one whole document."""
    ready = await session.prepare(request)
    if isinstance(ready, Failure):
        return session.output.failure(ready.failure())
    if stream is None:
        stream = session.output.terminal and session.config.display.always_stream and session.config.performance.streaming
    return await (_streamed(session, request) if stream and not session.output.json else _whole(session, request))


async def _whole(session: Session, request: LLMRequest) -> int:
    outcome = await settle(session.manager.generate(request))
    if isinstance(outcome, Failure):
        return session.output.failure(outcome.failure())
    response = outcome.unwrap()
    if session.output.json:
        session.output.document(response_document(response))
    else:
        session.output.text(response.content)
    return _ended(session, request, response)


async def _streamed(session: Session, request: LLMRequest) -> int:
    outcome = await shown(session.output, session.manager.stream(request))
    if isinstance(outcome, Failure):
        return session.output.failure(outcome.failure())
    return OK if outcome is None else _ended(session, request, outcome.unwrap())


def _ended(session: Session, request: LLMRequest, response: LLMResponse) -> int:
    """Tell what else there is to know; an answer cut short without being asked to be is no success."""
    for notice in response.notices:
        session.output.note(f"note: {notice}")
    if response.age_seconds is not None:
        session.output.note(f"note: remembered, from {duration(response.age_seconds)} ago; --fresh asks anew")
    if session.manager.standing().online is False:
        session.output.note(f"note: {OFFLINE}")
    for call in response.tool_calls:
        session.output.note(f"note: the model wants to call {call.name}({call.arguments})")
    if session.config.display.verbose_output:
        session.output.note(summary(response))
    if response.complete:
        return OK
    session.output.note("note: the answer was cut at its length limit; --max-tokens sets another")
    return OK if request.preferences.max_tokens is not None else FAILED


def summary(response: LLMResponse) -> str:
    """Who answered, how fast, and how much of it, on one line."""
    usage = "" if response.usage is None else f", {response.usage.prompt_tokens} + {response.usage.completion_tokens} tokens"
    cached = ", cached" if response.cached else ""
    return f"{response.model} ({response.provider}), {response.latency_seconds:.1f} s{usage}{cached}"
