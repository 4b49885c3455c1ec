"""The journal tells everyone, in order, and a broken listener harms nobody."""

import logging

import pytest

from llm_manager.domain.events import Event, ServersProbed
from llm_manager.telemetry.journal import journal_of

EVENT = ServersProbed(at=0.0, found=(), absent=())


def test_every_subscriber_hears_every_event_in_order() -> None:
    heard: list[tuple[str, Event]] = []
    journal = journal_of(lambda event: heard.append(("first", event)), lambda event: heard.append(("second", event)))
    journal.emit(EVENT)
    assert heard == [("first", EVENT), ("second", EVENT)]


def test_a_broken_subscriber_is_logged_once_and_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[Event] = []

    def broken(event: Event) -> None:
        raise ValueError("a bug")

    journal = journal_of(broken, heard.append, broken)
    with caplog.at_level(logging.ERROR):
        journal.emit(EVENT)
        journal.emit(EVENT)
    assert heard == [EVENT, EVENT]
    assert len(caplog.records) == 2


def test_a_journal_for_nobody_is_silent() -> None:
    assert journal_of().emit(EVENT) is None  # type: ignore[func-returns-value]  # that it returns is what is tested
