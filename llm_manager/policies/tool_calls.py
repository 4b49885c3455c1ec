"""Calls of tools told apart, so that each has exactly one result, and what they say made fit to be sent."""

from collections.abc import Iterable, Set

from attrs import evolve

from llm_manager.domain.messages import ToolCall


def told_apart(calls: Iterable[ToolCall], taken: Set[str]) -> tuple[ToolCall, ...]:
    """Give every call an id that is neither empty nor ``taken`` nor that of another one; ids that are right stay.

    >>> [call.id for call in told_apart([ToolCall(id="a", name="x"), ToolCall(id="a", name="y"), ToolCall(id="", name="z")], {"b"})]
    ['a', 'a_1', 'call']
    """
    used = set(taken)
    apart: list[ToolCall] = []
    for call in calls:
        wanted = fresh = call.id or "call"
        number = 0
        while fresh in used:
            number += 1
            fresh = f"{wanted}_{number}"
        used.add(fresh)
        apart.append(call if fresh == call.id else evolve(call, id=fresh))
    return tuple(apart)


def sendable(text: str) -> str:
    """The text without halves of characters, which no JSON can carry.

    >>> sendable("a\\ud800b") == "a\\ufffdb"
    True
    """
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
