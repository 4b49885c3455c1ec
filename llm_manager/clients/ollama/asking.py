"""Ollama's small questions: which models it has, one of them in detail, which are in its memory; and its longer tasks."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, Final

from attrs import frozen
from returns.result import Failure, Success

from llm_manager.clients.fitting import ENCODER
from llm_manager.clients.frames import START, end_lines, feed_lines
from llm_manager.clients.ollama import errors
from llm_manager.clients.ollama.listing import read_details, read_running, read_stored
from llm_manager.clients.ollama.pulling import Fetching, ended_early, read_progress
from llm_manager.clients.refusals import LARGEST_ERROR_BYTES
from llm_manager.clients.statuses import is_good
from llm_manager.clients.talking import QUICKLY, Line
from llm_manager.clients.who import Who
from llm_manager.domain.attempts import Limits
from llm_manager.domain.errors import LLMError
from llm_manager.domain.local_models import LocalModel, LocalModelDetails, PullProgress, RunningModel
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled

LOADING_SECONDS: Final = 600.0
"""What a server may take to bring a model into its memory, and to fetch one that a request needs."""
LOADING: Final = Limits(connect_seconds=5.0, silence_seconds=LOADING_SECONDS, attempt_seconds=LOADING_SECONDS)
PULLING: Final = Limits(connect_seconds=5.0, silence_seconds=120.0, attempt_seconds=LOADING_SECONDS)
"""A fetching may take as long as it likes, but not be silent for two minutes."""


@frozen(kw_only=True)
class Server:
    """One Ollama, asked anything but to answer a prompt."""

    line: Line

    def who(self, model: str | None = None) -> Who:
        """Whom errors name."""
        return self.line.who(model)

    async def ask(
        self, path: str, *, method: str = "POST", told: Mapping[str, Any] | None = None, model: str | None = None, limits: Limits = QUICKLY
    ) -> Settled[WireReply, LLMError]:
        """One question and its whole answer; that nobody is there is told as it is."""
        return await self.send(path, b"" if told is None else ENCODER.encode(told), method=method, model=model, limits=limits)

    async def send(
        self, path: str, body: bytes, *, method: str = "POST", model: str | None = None, limits: Limits = QUICKLY
    ) -> Settled[WireReply, LLMError]:
        """The same with a body that is written already."""
        outcome = await self.line.ask(path, method=method, body=body, model=model, limits=limits)
        return Failure(errors.not_reached(outcome.failure(), self.who(model))) if isinstance(outcome, Failure) else outcome

    async def stored(self) -> Settled[tuple[LocalModel, ...], LLMError]:
        """The models on its disk."""
        outcome = await self.ask("/api/tags", method="GET")
        return outcome if isinstance(outcome, Failure) else read_stored(outcome.unwrap(), self.who(), wall=self.line.world.wall())

    async def running(self) -> Settled[tuple[RunningModel, ...], LLMError]:
        """The models in its memory."""
        outcome = await self.ask("/api/ps", method="GET")
        return outcome if isinstance(outcome, Failure) else read_running(outcome.unwrap(), self.who(), wall=self.line.world.wall())

    async def show(self, name: str) -> Settled[LocalModelDetails, LLMError]:
        """All that it tells of one model."""
        outcome = await self.ask("/api/show", told={"model": name}, model=name)
        return (
            outcome if isinstance(outcome, Failure) else read_details(outcome.unwrap(), self.who(name), name, wall=self.line.world.wall())
        )

    async def load(self, name: str, told: Mapping[str, Any], path: str) -> Settled[None, LLMError]:
        """Bring a model into its memory, or with ``keep_alive`` 0 out of it: a question without a prompt."""
        outcome = await self.ask(path, told=told, model=name, limits=LOADING)
        return outcome if isinstance(outcome, Failure) else self._done(outcome.unwrap(), name)

    async def delete(self, name: str) -> Settled[None, LLMError]:
        """Remove a model from its disk."""
        outcome = await self.ask("/api/delete", method="DELETE", told={"model": name}, model=name)
        return outcome if isinstance(outcome, Failure) else self._done(outcome.unwrap(), name)

    async def pull(self, name: str) -> AsyncGenerator[Settled[PullProgress, LLMError], None]:
        """Have it fetch a model; ends with a progress that is done, or a failure. Leaving it stops the fetching."""
        who, wall = self.who(name), self.line.world.wall()
        body = ENCODER.encode({"model": name, "stream": True})
        envelope = await self.line.way.question("/api/pull", PULLING, name, method="POST", body=body)
        opened = envelope if isinstance(envelope, Failure) else await self.line.transport.open(envelope.unwrap())
        if isinstance(opened, Failure):
            yield Failure(errors.not_reached(opened.failure(), who))
            return
        stream = opened.unwrap()
        fetching, framing, refused = Fetching(model=name), START, b""
        good = is_good(stream.status)
        async with aclosing(stream.chunks) as chunks:
            async for chunk in chunks:
                if isinstance(chunk, Failure):
                    yield chunk
                    return
                if not good:
                    refused = (refused + chunk.unwrap())[:LARGEST_ERROR_BYTES]
                    continue
                framing, lines = feed_lines(framing, chunk.unwrap())
                for line in lines:
                    fetching, told = read_progress(fetching, line, who, wall=wall)
                    if told is not None:
                        yield told
                    if fetching.over:
                        return
                if framing.refusal is not None:
                    break
        if not good:
            reply = WireReply(status=stream.status, headers=stream.headers, body=refused)
            yield Failure(errors.error_of(reply, who, wall=wall))
            return
        for line in end_lines(framing):
            fetching, told = read_progress(fetching, line, who, wall=wall)
            if told is not None:
                yield told
        if not fetching.over:
            yield Failure(ended_early(fetching, who))

    def _done(self, reply: WireReply, name: str) -> Settled[None, LLMError]:
        if is_good(reply.status):
            return Success(None)
        return Failure(errors.error_of(reply, self.who(name), wall=self.line.world.wall()))
