"""Telling what happens."""

from collections.abc import Callable
from typing import TypeAlias

from attrs import frozen

from llm_manager.domain.events import Event

Subscriber: TypeAlias = Callable[[Event], None]


def unheard(_: Event) -> None:
    """The subscriber that stands for none."""


@frozen(kw_only=True)
class Journal:
    """Takes every event; ``emit`` returns at once and never raises."""

    emit: Subscriber
