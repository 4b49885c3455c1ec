"""Events in the log: metadata, one line each, and never what was said."""

import logging
from decimal import Decimal
from typing import get_args

import pytest

from llm_manager.domain.errors import ContentFiltered, InvalidRequest, LLMError, StreamInterrupted
from llm_manager.domain.events import (
    Answered,
    AttemptAnswered,
    AttemptFailed,
    AttemptLeft,
    AttemptStarted,
    CacheHit,
    CallCancelled,
    CallFailed,
    Event,
    MovedOn,
    ServersProbed,
)
from llm_manager.domain.requests import LLMRequest, RequestMetadata
from llm_manager.domain.usage import Priced, Unpriced, Usage
from llm_manager.telemetry.logging import _LEVELS, log

CANARY = "canary-prompt"
PRICED = Priced(usd=Decimal("0.01"), price_version="1")
METADATA = RequestMetadata(user="someone")
ERRORS: list[LLMError] = [
    InvalidRequest(message="bad\nERROR forged \x1b[2J", request=LLMRequest(CANARY)),
    StreamInterrupted(model="m", partial=CANARY),
    ContentFiltered(model="m", partial=CANARY),
]
EVENTS: list[tuple[Event, int, str]] = [
    (AttemptStarted(at=1.0, call_id="c1", number=1, provider="p", model="m"), logging.DEBUG, "asks p/m"),
    *(
        (
            AttemptFailed(at=1.0, call_id="c1", number=1, provider="p", model="m", seconds=0.5, error=error),
            logging.DEBUG,
            error.tag,
        )
        for error in ERRORS
    ),
    (
        AttemptAnswered(at=1.0, call_id="c1", number=1, provider="p", model="m", seconds=0.5, usage=None, cost=Unpriced(reason="new")),
        logging.DEBUG,
        "unpriced (new)",
    ),
    (AttemptLeft(at=1.0, call_id="c1", number=1, provider="p", model="m", seconds=0.5), logging.DEBUG, "p/m was left after 0.500 s"),
    (
        MovedOn(at=1.0, call_id="c1", from_model="m", to_model="n", after_seconds=0.0, error_tag="NetworkError"),
        logging.INFO,
        "from m to n",
    ),
    (CacheHit(at=1.0, call_id="c1", provider="p", model="m", shared=True), logging.DEBUG, "shared"),
    (CacheHit(at=1.0, call_id="c1", provider="p", model="m", shared=False), logging.DEBUG, "remembered"),
    (
        Answered(
            at=1.0,
            call_id="c1",
            provider="p",
            model="m",
            seconds=0.5,
            usage=Usage(input_tokens=3, output_tokens=4),
            cost=PRICED,
            cached=True,
            metadata=METADATA,
        ),
        logging.INFO,
        "3 tokens in, 4 out, 0.01 USD, cached",
    ),
    *((CallFailed(at=1.0, call_id="c1", seconds=0.5, error=error, metadata=METADATA), logging.WARNING, error.tag) for error in ERRORS),
    (CallCancelled(at=1.0, call_id="c1", seconds=0.5, metadata=METADATA), logging.DEBUG, "left"),
    (ServersProbed(at=1.0, found=("ollama",), absent=()), logging.DEBUG, "found: ollama; absent: none"),
]


@pytest.mark.parametrize(("event", "level", "words"), EVENTS)
def test_each_event_is_one_line_without_content(event: Event, level: int, words: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="llm_manager.telemetry.logging"):
        log(event)
    (record,) = caplog.records
    assert record.levelno == level
    assert words in record.getMessage()
    assert record.getMessage().isprintable()
    assert CANARY not in record.getMessage()


def test_nothing_is_told_below_the_level(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="llm_manager.telemetry.logging"):
        for event, level, _ in EVENTS:
            if level < logging.WARNING:
                log(event)
    with caplog.at_level(logging.CRITICAL, logger="llm_manager.telemetry.logging"):
        for event, _, _ in EVENTS:
            log(event)
    assert caplog.records == []


def test_every_event_has_a_level() -> None:
    assert set(_LEVELS) == set(get_args(Event))
