"""Bound re-sends to an endpoint: calls are counted as they leave, re-sends as they are decided on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from llm_manager.cells import Cell
from llm_manager.domain.attempts import AnyAttempt
from llm_manager.domain.errors import LLMError
from llm_manager.domain.models import Endpoint
from llm_manager.outcomes import Settled
from llm_manager.policies.retry_budget import Resent, bin_at, called, taken, wait_seconds
from llm_manager.services.gates import LET_THROUGH, Emit, Pass
from llm_manager.services.guards import Resends

MOST_ENDPOINTS: Final = 1000
"""Of more than so many endpoints the one that was met first is forgotten."""


_Name: TypeAlias = tuple[str, str, str]


def resending(now: Callable[[], float]) -> Resends:
    """Counts of calls and re-sends of every endpoint, over the last minute."""
    cells: dict[_Name, Cell[Resent]] = {}

    def cell(endpoint: Endpoint) -> Cell[Resent]:
        name = (endpoint.provider, endpoint.base_url, endpoint.account)  # `identity` takes thrice as long to make
        found = cells.get(name)
        if found is None:
            if len(cells) >= MOST_ENDPOINTS:
                cells.pop(next(iter(cells)), None)
            found = cells.setdefault(name, Cell(Resent(bin_at(now()))))
        return found

    def gate(attempt: AnyAttempt, _: Emit) -> Settled[Pass, LLMError]:
        endpoint = attempt.endpoint
        found = cells.get((endpoint.provider, endpoint.base_url, endpoint.account))
        (cell(endpoint) if found is None else found).swap(called, now())
        return LET_THROUGH

    def wait(endpoint: Endpoint) -> float:
        known = cells.get((endpoint.provider, endpoint.base_url, endpoint.account))
        return 0.0 if known is None else max(0.0, wait_seconds(known.read(), now()))

    def take(endpoint: Endpoint) -> float:
        return cell(endpoint).decide(taken, now())

    return Resends(gate=gate, wait=wait, take=take)
