"""Ten thousand simulated failures of providers that repeat their keys in every spelling: nothing that can be seen holds a piece of one.

`tests/clients/test_canaries.py` does the same over real sockets, for every client and everything that can be asked.
"""

import asyncio
import faulthandler
import logging
import traceback
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import TracebackType

import pytest
from attrs import evolve
from returns.result import Failure, Success

from llm_manager import LLMConfig, LLMRequest, ProviderSettings, default_deps, describe, make_llm_manager, settle, to_json
from llm_manager.domain.errors import AllModelsFailed, LLMError
from llm_manager.domain.events import Event
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import Preferences
from llm_manager.domain.secrets import Secret
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled
from llm_manager.policies.names import KEY_VARIABLES
from llm_manager.services.journal import Journal
from llm_manager.services.transport import Envelope, Transport, WireStream
from llm_manager.telemetry.logging import log
from llm_manager.testing import fake_world, run_virtual
from tests.clients.test_key_traces import FORMS, PIECE

FAILURES = 10_000
MANAGED = 250
"""So many of them are met by a manager, on whole answers and streams, the others by its clients."""
REQUEST = LLMRequest("hello")
STATUSES = (400, 402, 403, 404, 408, 413, 422, 429, 500, 503, 529, 302, 200)
KEYS = {name: tuple(Secret(f"Zq{name[:3]}{n}vTn4KpX9wLc2RbY8mHd5JsF3gQe6Ua") for n in range(2)) for name in KEY_VARIABLES}
SPELLINGS = ("hexadecimal", "base64", "url letter by letter", "json letter by letter")


def canaries(key: str) -> set[str]:
    """Pieces of eight letters of a key, each fourth of them, and as much of its spellings."""
    found = {key[at : at + PIECE] for at in range(0, len(key) - PIECE + 1, 4)}
    for spelled in (FORMS[form](key) for form in SPELLINGS):
        size = PIECE * (len(spelled) // len(key) + 2)
        found |= {spelled[at : at + size] for at in range(0, len(spelled) - size + 1, size // 2)}
    return found


CANARIES = {canary for keys in KEYS.values() for secret in keys for canary in canaries(secret.reveal())}


def seen_in(text: str) -> list[str]:
    """Which canaries a text holds: pieces of eight letters of a key, and as much of its spellings."""
    return [canary for canary in CANARIES if canary in text]


def echoing(key: str, number: int) -> WireReply:
    """An error that repeats the key it was asked with, spelled in another way each time."""
    spelled = list(FORMS.values())[number % len(FORMS)](key)
    said = f"wrong key {spelled}, that is {key}".replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    fields = [said.encode() if number % 3 == place else b"plain" for place in range(3)]
    body = b'{"error": {"message": "%b", "type": "%b", "code": "%b"}}' % tuple(fields)
    if number % 5 == 0:
        body = body[: number % len(body)]
    return WireReply(status=STATUSES[number % len(STATUSES)], headers=(("x-request-id", spelled), ("retry-after", key)), body=body)


def providers_that_echo() -> tuple[Transport, Iterator[int]]:
    """Every provider, answering with nothing but failures."""
    numbers = count()

    def answer(envelope: Envelope) -> WireReply:
        (key,) = [key.reveal() for key in KEYS[envelope.provider] if any(key.reveal().encode() in value for _, value in envelope.headers)]
        return echoing(key, next(numbers))

    async def send(envelope: Envelope) -> Settled[WireReply, LLMError]:
        return Success(answer(envelope))

    async def open_stream(envelope: Envelope) -> Settled[WireStream, LLMError]:
        reply = answer(envelope)

        async def chunks() -> AsyncGenerator[Settled[bytes, LLMError], None]:
            yield Success(b"data: " + reply.body + b"\n\n")

        kind = ("content-type", "text/event-stream")
        return Success(WireStream(status=reply.status, headers=(kind, *reply.headers), chunks=chunks()))

    async def close() -> None: ...

    return Transport(send=send, open=open_stream, close=close), numbers


def spoken(error: LLMError) -> str:
    """An error and its causes in every way they are written down; the attempts before it are told by events."""
    each = [error, *(error.causes if isinstance(error, AllModelsFailed) else ())]
    return "\n".join(f"{one!r} {one} {describe(one)} {to_json(one)!r}" for one in each)


class Heard(logging.Handler):
    """Everything that is logged, at any level."""

    def __init__(self, told: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self.told = told

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(f"{record.getMessage()} {record.args!r}")


@contextmanager
def hearing(told: list[str]) -> Iterator[None]:
    """Listen to every logger that has anything to say of requests."""
    loggers = [logging.getLogger(name) for name in ("llm_manager", "httpx2", "httpcore2", "openai", "anthropic")]
    handler, levels = Heard(told), [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = True


def test_nothing_that_can_be_seen_holds_a_key(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    told, logged = list[str](), list[str]()

    def tell(event: Event) -> None:
        log(event)
        told.append(repr(event))

    async def scenario() -> None:
        transport, numbers = providers_that_echo()
        settings = {name: ProviderSettings(api_keys=keys, key_rotation="spread") for name, keys in KEYS.items()}
        config = LLMConfig(providers=settings, routing=RoutingPolicy(max_retries=3))
        config = evolve(config, breaker=evolve(config.breaker, enabled=False))
        deps = evolve(default_deps(config, fake_world(), transport).unwrap(), journal=Journal(emit=tell))
        async with make_llm_manager(config, deps).unwrap() as manager:
            for asked in range(MANAGED):
                request = LLMRequest(f"question {asked}", preferences=Preferences(provider=list(KEYS)[asked % len(KEYS)]), timeout_ms=1000)
                if asked % 7 == 0:
                    events = [event async for event in manager.stream(request)]
                    told.extend(spoken(event.failure()) for event in events if isinstance(event, Failure))
                else:
                    outcome = await settle(manager.generate(request))
                    told.append(spoken(outcome.failure()) if isinstance(outcome, Failure) else "")
                await asyncio.sleep(30.0)
            clients = [deps.clients[name] for name in KEYS]
            while next(numbers) < 2 * FAILURES:  # what is asked counts too
                outcome = await settle(clients[len(told) % len(clients)].generate(REQUEST))
                told.append(spoken(outcome.failure()) if isinstance(outcome, Failure) else "")
            told.append(repr(manager.standing()) + repr(manager.stats()) + repr(deps))

    with hearing(logged):
        run_virtual(scenario())
    with (tmp_path / "dump").open("w+") as dump:
        faulthandler.dump_traceback(dump)
        told.append((tmp_path / "dump").read_text("utf-8"))
    out, err = capfd.readouterr()
    everything = "\n".join(dict.fromkeys([*told, out, err, *logged]))
    assert len(told) > FAILURES
    assert len(logged) > MANAGED
    assert KEYS["openai"][0].fingerprint in everything, "keys are told by their fingerprints"
    assert seen_in(everything) == []


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_bug_on_the_way_shows_no_key_in_its_traceback_with_locals(streamed: bool) -> None:
    """Tools that print the local variables of every frame of ours show fingerprints."""
    transport, _ = providers_that_echo()

    async def broken(envelope: Envelope) -> Settled[WireReply, LLMError]:
        raise ZeroDivisionError(f"a bug about {envelope.model}")

    async def broken_stream(envelope: Envelope) -> Settled[WireStream, LLMError]:
        raise ZeroDivisionError(f"a bug about {envelope.model}")

    config = LLMConfig(providers={"openai": ProviderSettings(api_keys=KEYS["openai"])})
    deps = default_deps(config, fake_world(), evolve(transport, send=broken, open=broken_stream)).unwrap()
    request = LLMRequest("hello", preferences=Preferences(provider="openai"))
    async with make_llm_manager(config, deps).unwrap() as manager:
        with pytest.raises(ZeroDivisionError) as raised:
            if streamed:
                async for _ in manager.stream(request):
                    pass
            else:
                await settle(manager.generate(request))
    trace: TracebackType | None = raised.tb
    told = "".join(traceback.TracebackException(raised.type, raised.value, trace, capture_locals=True).format())
    assert "envelope = " in told
    assert KEYS["openai"][0].fingerprint in told
    ours = "\n".join(part for part in told.split("\n  File ") if "/tests/" not in part.splitlines()[0])
    assert seen_in(ours) == []
