"""Every kind of fault: ways that break, answers that are refused or end badly, each row of the providers' tables among them.

A fault changes the reaction that would have been good. What its row of the table says of it (whether the same may be asked
again, whether another may be) is kept beside it, and is what the simulator holds the manager to.
"""

import json
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from math import inf
from random import Random
from typing import Any, Literal, Protocol, TypeAlias

import httpcore2
from attrs import evolve, frozen

from llm_manager.domain.error_questions import Resend
from tests.clients.anthropic_messages import test_truths as anthropic
from tests.clients.cohere import test_truths as cohere
from tests.clients.gemini import test_truths as gemini
from tests.clients.ollama import test_truths as ollama
from tests.clients.openai_chat import test_truths as openai
from tests.clients.openai_chat.bodies import sse
from tests.simulation.dialects import EVENTS, JSON, LINES, Dialect, Headers, Saying
from tests.simulation.reactions import Reaction

React: TypeAlias = Callable[[Reaction, Dialect, Saying, Random, bool], Reaction]
"""From the good reaction, in a dialect, to the faulty one; the last argument says whether a stream was asked for."""

HTML: Headers = (("content-type", "text/html"),)


@frozen(kw_only=True)
class Fault:
    """One kind of fault. ``provider`` is whose it is, or None for anyone's; None for what the table does not say.

    ``asked`` is what the fault is a fault of: whole answers, streams, or both.
    """

    name: str
    react: React
    provider: str | None = None
    again: Resend | None = None
    falls_back: bool | None = None
    other_key: bool = True
    asked: Literal["whole", "stream", "both"] = "both"
    breaker: bool | None = None
    bills: bool = False
    """Whether what is sent is billed all the same."""

    def fits(self, provider: str, *, local: bool, streamed: bool) -> bool:
        """Whether such a server can show it for such a request."""
        if self.provider is not None and self.provider != provider:
            return False
        if self.name == "tls" and local:
            return False
        return self.asked == "both" or (self.asked == "stream") == streamed


def _caused(outer: Exception, cause: Exception) -> Exception:
    outer.__cause__ = cause
    return outer


def _unconnected(cause: Callable[[], Exception]) -> React:
    def react(good: Reaction, _: Dialect, __: Saying, rng: Random, ___: bool) -> Reaction:
        return Reaction(connect=0.002, unconnected=lambda: _caused(httpcore2.ConnectError(), cause()))

    return react


def _connecting_for_ever(good: Reaction, _: Dialect, __: Saying, ___: Random, ____: bool) -> Reaction:
    return Reaction(connect=inf)


def _full_pool(good: Reaction, _: Dialect, __: Saying, ___: Random, ____: bool) -> Reaction:
    return Reaction(connect=0.01, unconnected=httpcore2.PoolTimeout)


def _reset(good: Reaction, _: Dialect, __: Saying, rng: Random, ____: bool) -> Reaction:
    return Reaction(connect=good.connect, head=good.head * rng.random(), breaks=True)


def _silent(good: Reaction, _: Dialect, __: Saying, ___: Random, ____: bool) -> Reaction:
    return Reaction(connect=good.connect, head=inf)


def _slow(good: Reaction, _: Dialect, __: Saying, ___: Random, ____: bool) -> Reaction:
    good.head *= 12.0
    return good


def _dripping(good: Reaction, _: Dialect, __: Saying, ___: Random, ____: bool) -> Reaction:
    good.pieces = tuple((pause * 30.0 + 1.0, piece) for pause, piece in good.pieces)
    good.head += 0.0 if good.pieces else 5.0
    return good


def _endless(good: Reaction, dialect: Dialect, saying: Saying, ___: Random, ____: bool) -> Reaction:
    good.pieces = (*good.pieces[:1], *((4.0, good.pieces[1][1]) for _ in range(200)))
    good.end = "silence"
    return good


def _cut(good: Reaction, _: Dialect, __: Saying, rng: Random, streamed: bool) -> Reaction:
    if streamed:
        good.pieces = good.pieces[: rng.randrange(len(good.pieces))]
    else:
        good.body = good.body[: len(good.body) // 2]
    return good


def _reset_amid(good: Reaction, _: Dialect, __: Saying, rng: Random, streamed: bool) -> Reaction:
    good.pieces = good.pieces[: rng.randrange(len(good.pieces))] if streamed else ()
    good.end = "reset"
    return good


def _stalled(good: Reaction, _: Dialect, __: Saying, rng: Random, streamed: bool) -> Reaction:
    good.pieces = good.pieces[: rng.randrange(len(good.pieces))] if streamed else ()
    good.end = "silence"
    return good


def _broken_amid(good: Reaction, dialect: Dialect, _: Saying, rng: Random, ____: bool) -> Reaction:
    good.pieces = (*good.pieces[: rng.randrange(len(good.pieces))], (0.01, dialect.broken))
    return good


def _bomb(good: Reaction, _: Dialect, __: Saying, ___: Random, ____: bool) -> Reaction:
    good.bomb = True
    return good


def _said(status: int, headers: Headers, body: bytes) -> React:
    def react(good: Reaction, _: Dialect, __: Saying, ___: Random, streamed: bool) -> Reaction:
        pieces = ((0.0, body),) if streamed else ()
        return Reaction(connect=good.connect, head=min(good.head, 0.2), status=status, headers=headers, body=body, pieces=pieces)

    return react


def _bad_certificate() -> Exception:
    return ssl.SSLCertVerificationError("certificate verify failed")


WAYS: tuple[Fault, ...] = (
    Fault(name="dns", react=_unconnected(socket.gaierror), again="once", falls_back=True, breaker=True),
    Fault(name="refused", react=_unconnected(ConnectionRefusedError), falls_back=True, breaker=True),
    Fault(name="tls", react=_unconnected(_bad_certificate), again="never", falls_back=True, other_key=False, breaker=False),
    Fault(name="connecting", react=_connecting_for_ever, falls_back=True, breaker=True),
    Fault(name="pool", react=_full_pool, falls_back=True, breaker=False),
    Fault(name="reset", bills=True, react=_reset, again="once", falls_back=True, breaker=True),
    Fault(name="silent", bills=True, react=_silent, again="once", falls_back=True, breaker=True),
    Fault(name="slow", bills=True, react=_slow),
    Fault(name="cut", bills=True, react=_cut),
    Fault(name="reset amid", bills=True, react=_reset_amid),
    Fault(name="stalled", bills=True, react=_stalled),
    Fault(name="bomb", bills=True, react=_bomb),
    Fault(name="dripping", bills=True, react=_dripping, asked="stream"),
    Fault(name="endless", bills=True, react=_endless, asked="stream"),
    Fault(name="broken amid", react=_broken_amid, asked="stream"),
    Fault(name="page", react=_said(200, HTML, b"<html><body>Welcome</body></html>"), again="once", falls_back=True, breaker=True),
    Fault(name="no json", react=_said(200, JSON, b"\x00\xff{"), again="once", falls_back=True, breaker=True),
    Fault(name="empty", react=_said(200, JSON, b"")),
    Fault(name="redirect", react=_said(307, JSON, b""), again="never", falls_back=True, other_key=False, breaker=False),
    Fault(name="gateway", react=_said(502, HTML, b"<html><body><h1>502 Bad Gateway</h1></body></html>"), again="freely", falls_back=True),
    Fault(name="unavailable", react=_said(503, HTML, b"<html>later</html>"), again="freely", falls_back=True, breaker=True),
)
"""What can happen on the way to any server, and at any."""


class _Row(Protocol):
    """A row of a table, as the tests of each dialect have it."""

    @property
    def name(self) -> str: ...
    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def again(self) -> Resend: ...
    @property
    def falls_back(self) -> bool: ...
    @property
    def other_key(self) -> bool: ...
    @property
    def breaker(self) -> bool: ...


def _row(row: _Row, body: Any, provider: str) -> Fault:
    text = "" if body is None else body if isinstance(body, str | bytes) else json.dumps(body)
    told = text if isinstance(text, bytes) else text.encode()
    kind = HTML if told[:1] == b"<" else JSON
    return Fault(
        name=f"{provider}: {row.name}",
        provider=provider,
        react=_said(row.status, (*kind, *row.headers.items()), told),
        again=row.again,
        falls_back=row.falls_back,
        other_key=row.other_key,
        breaker=row.breaker,
    )


def _rows() -> Iterator[Fault]:
    for whose, table in openai.TABLES.items():
        for row in table:
            yield evolve(_row(row, row.body, row.provider), name=f"{whose}: {row.name}")
    for ending in openai.ENDINGS:
        whole = ending.body is not None
        body = json.dumps(ending.body).encode() if whole else sse(*ending.events, done=ending.done)
        yield Fault(
            name=f"{ending.provider}: {ending.name}",
            provider=ending.provider,
            react=_said(200, JSON if whole else EVENTS, body),
            again=ending.again,
            falls_back=ending.falls_back,
            other_key=ending.other_key,
            breaker=ending.breaker,
            asked="both" if whole else "stream",
        )
    for claimed in anthropic.ROWS:
        yield _row(claimed, claimed.body, "anthropic")
    for said in gemini.ROWS:
        yield _row(said, said.body, "gemini")
    for told in cohere.ROWS:
        yield _row(told, told.body, "cohere")
    for answered in ollama.ROWS:
        yield _row(answered, answered.body, "ollama")
    for inside in ollama.INSIDE:
        body = json.dumps({"error": inside.body.decode()}).encode() + b"\n"
        yield evolve(_row(inside, body, "ollama"), name=f"ollama: 200 {inside.name}", react=_said(200, LINES, body))


_INFORMATIONAL = ("a status below 200", "early hint")

ROWS: tuple[Fault, ...] = tuple({fault.name: fault for fault in _rows() if not fault.name.endswith(_INFORMATIONAL)}.values())
"""Every row of the providers' tables, but for what is no answer yet."""

FAULTS: Mapping[str, Fault] = {fault.name: fault for fault in (*WAYS, *ROWS)}
"""Every kind of fault, by its name."""

_PAIRED_ROWS = (
    "anyone: the provider forbids a retry",
    "anyone: anyone's 529",
    "openai: openai wrong key",
    "openai: openai region",
    "openai: openai unknown model",
    "openai: openai window",
    "openai: openai other 400",
    "openai: openai policy",
    "openai: openai rate limit",
    "openai: openai slow down (503)",
    "openai: openai insufficient_quota",
    "openai: openai project limit",
    "openai: openai 500",
    "azure: azure parameters over the token budget",
    "groq: groq daily tokens",
    "groq: groq capacity",
    "groq: groq 422",
    "openrouter: openrouter in-flight budget",
    "openrouter: openrouter 408",
    "openrouter: openrouter 429 in a 200",
    "gemini: wrong key is a 400",
    "gemini: 429 a minute",
    "gemini: 429 a day",
    "gemini: 500",
    "cohere: 429 minute",
    "cohere: 200 failed",
    "ollama: queue full",
    "ollama: no such model",
    "llamacpp: llama.cpp loading",
)
PAIRED: tuple[Fault, ...] = (*WAYS, *(FAULTS[name] for name in _PAIRED_ROWS))
"""Those that are tried two by two: every way, and of the rows one for each thing they can mean."""
