"""What is asked, by whom, and when they lose patience."""

import asyncio
from collections import deque
from contextlib import aclosing
from random import Random
from typing import Literal, TypeAlias

from attrs import define
from returns.result import Success

from llm_manager.domain.errors import LLMError
from llm_manager.domain.requests import LLMRequest, Preferences, Priority, RequestMetadata
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import StreamFinished
from llm_manager.effects import settle
from llm_manager.outcomes import Settled, sealed
from llm_manager.services.manager import LLMManager
from tests.simulation.scenarios import Mix
from tests.simulation.servers import LOCAL

Kind: TypeAlias = Literal["whole", "stream", "batch"]
Ended: TypeAlias = Settled[LLMResponse, LLMError] | Literal["cancelled", "left"]
"""How a request ended for who asked it."""

MARK = b"question "
_FILLERS = ("", "Please answer in a few words. ", "The river bends twice before the mill. " * 4, "Rain fell on the hills all day. " * 20)
_ANSWERS = (5, 20, 60, 150, 400)
_LEAST_ROWS, _MOST_ROWS = 4, 12


@define(eq=False)
class Asked:
    """One request, and what has become of it."""

    number: int
    question: int
    kind: Kind
    request: LLMRequest
    completion_tokens: int
    private: bool
    leave_after: int | None = None
    cancel_after: float | None = None
    rows: "tuple[Asked, ...]" = ()
    ended: int = 0
    cancelled: bool = False


class Drawing:
    """Draws one request after the other."""

    __slots__ = ("_count", "_mix", "_providers", "_questions", "_recent", "_rng")

    def __init__(self, rng: Random, mix: Mix, providers: tuple[str, ...]) -> None:
        self._rng = rng
        self._mix = mix
        self._providers = providers
        self._recent: deque[tuple[int, int, bool]] = deque(maxlen=20)
        self._questions = 0
        self._count = 0

    def next(self) -> Asked:
        """The next request, or batch of them."""
        rng, mix = self._rng, self._mix
        drawn = rng.random()
        kind: Kind = "batch" if drawn < mix.batches else "stream" if drawn < mix.batches + mix.streams else "whole"
        cancel = rng.expovariate(1.0) if rng.random() < mix.cancelled else None
        if kind == "batch":
            number = self._number()
            rows = tuple(self._one("batch", repeats=False) for _ in range(rng.randint(_LEAST_ROWS, _MOST_ROWS)))
            leave = rng.randrange(len(rows)) if rng.random() < mix.abandoned else None
            return Asked(number, -1, kind, rows[0].request, 0, False, leave_after=leave, cancel_after=cancel, rows=rows)
        asked = self._one(kind, repeats=True)
        asked.cancel_after = cancel
        if kind == "stream" and rng.random() < mix.abandoned:
            asked.leave_after = rng.randint(0, 3)
        return asked

    def _number(self) -> int:
        self._count += 1
        return self._count - 1

    def _one(self, kind: Kind, *, repeats: bool) -> Asked:
        rng, mix = self._rng, self._mix
        random, choice = rng.random, rng.choice
        number = self._number()
        if repeats and self._recent and random() < mix.repeats:
            question, filler, private = choice(self._recent)
        else:
            question, filler, private = self._questions, rng.randrange(len(_FILLERS)), random() < mix.private
            self._questions += 1
            self._recent.append((question, filler, private))
        provider = choice(self._providers) if random() < mix.named else None
        if private and provider is not None and provider not in LOCAL and random() < 0.9:
            provider = None
        most = choice((16, 64, 256, 1024)) if random() < mix.bounded else None
        preferences = Preferences(max_tokens=most, provider=provider, exact=provider is not None and random() < mix.exact)
        request = LLMRequest(
            f"question {question:08d}. {_FILLERS[filler]}",
            sensitivity="private" if private else "public",
            preferences=preferences,
            timeout_ms=round(300 * 10 ** random()) if random() < mix.timeouts else None,
            deadline_ms=round(400 * 100 ** random()) if random() < mix.deadlines else None,
            priority=_priority(rng),
            metadata=RequestMetadata(
                feature=choice(("search", "chat", "mail")),
                user=choice(("ada", "bob", "cyd", "dee", None)),
                tenant=choice(("a", "b", None)),
                tags=(str(number),),
            ),
            cache="use" if (repeats and random() < mix.cached) else "off",
        )
        wanted = choice(_ANSWERS)
        return Asked(number, question, kind, request, min(wanted, most or wanted), private)


def _priority(rng: Random) -> Priority:
    drawn = rng.random()
    return "low" if drawn < 0.2 else "normal" if drawn < 0.9 else "high"


async def ask(manager: LLMManager, asked: Asked) -> Ended:
    """Ask for a whole answer, or read a stream as far as its reader wants to."""
    if asked.kind == "whole":
        return await settle(manager.generate(asked.request))
    told = 0
    async with aclosing(manager.stream(asked.request)) as events:
        async for each in events:
            event = sealed(each)
            if not isinstance(event, Success):
                rest = [one async for one in events]
                assert not rest, "events after a failure"
                return event
            if isinstance(happened := event.unwrap(), StreamFinished):
                rest = [one async for one in events]
                assert not rest, "events after the last one"
                return Success(happened.response)
            if told == asked.leave_after:
                return "left"
            told += 1
    raise AssertionError("a stream ended without a last event")


async def pause(seconds: float) -> None:
    """Wait in virtual time."""
    await asyncio.sleep(seconds)
