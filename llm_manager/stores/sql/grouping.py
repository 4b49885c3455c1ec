"""Pieces of work, and how many of them share one transaction."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Generic, TypeAlias, TypeVar

from attrs import define, field, frozen
from returns.result import Failure
from sqlalchemy import Connection

from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import Settled
from llm_manager.stores.sql.engines import Line, Undone
from llm_manager.stores.sql.misfortunes import is_misfortune, storage_failed

_Value = TypeVar("_Value")

Work: TypeAlias = Callable[[Connection], Settled[_Value, LLMError]]
"""What to do with a connection inside a transaction; a failure that it gives, or anything that it raises, undoes all it did."""


@frozen(eq=False)
class Asked(Generic[_Value]):
    """A piece of work and who is told what became of it."""

    work: Work[_Value]
    told: "Future[Settled[_Value, LLMError]]"


Group: TypeAlias = "Sequence[Asked[Any]]"


def write_together(line: Line, place: str, group: Group) -> None:
    """Commit all at once. When a piece fails, those before it and those after it are done without it and it is done alone."""
    waiting = [group]
    while waiting:
        part = waiting.pop()
        went = _Progress()
        told = _attempted(line, part, went)
        if not isinstance(told, BaseException):
            for asked, outcome in zip(part, told, strict=True):
                asked.told.set_result(outcome)
        elif not went.began:  # there is no transaction to be had: nobody who waits will fare better
            for asked in (*part, *(each for rest in reversed(waiting) for each in rest)):
                _tell(asked, place, told)
            return
        elif len(part) == 1:
            _tell(part[0], place, told)
        else:
            waiting += [rest for rest in reversed(_split(part, went.done)) if rest]


def read_each(line: Line, place: str, group: Group) -> None:
    """Read on one view of the database, telling each as soon as it is done; one that fails ends the view, and the rest get another."""
    while group:
        done = 0

        def work(connection: Connection, group: Group = group) -> None:
            nonlocal done
            for asked in group:
                outcome = asked.work(connection)
                done += 1
                asked.told.set_result(outcome)

        try:
            line.transact(work)
        except BaseException as error:  # noqa: BLE001 - it is told to whoever asked, who may not be here
            if done < len(group):
                _tell(group[done], place, error)
            group = group[done + 1 :]
        else:
            return


@define
class _Progress:
    began: bool = False
    done: int = 0


@frozen
class _Refused(Undone):
    """A piece gave a failure."""

    outcome: Failure[LLMError] = field()


def _attempted(line: Line, group: Group, went: _Progress) -> "Sequence[Settled[Any, LLMError]] | BaseException":
    def work(connection: Connection) -> "list[Settled[Any, LLMError]]":
        went.began, went.done = True, 0
        told: list[Settled[Any, LLMError]] = []
        for asked in group:
            outcome = asked.work(connection)
            if isinstance(outcome, Failure):
                raise _Refused(outcome)
            told.append(outcome)
            went.done += 1
        return told

    try:
        return line.transact(work)
    except BaseException as error:  # noqa: BLE001 - it is told to whoever asked, who may not be here
        return error


def _split(group: Group, done: int) -> tuple[Group, Group, Group]:
    """Around the piece that failed; in the middle, when it was the commit of all that failed."""
    if done == len(group):
        return group[: done // 2], group[done // 2 :], ()
    return group[:done], group[done : done + 1], group[done + 1 :]


def _tell(asked: "Asked[Any]", place: str, error: BaseException) -> None:
    """A misfortune is told as a value; what is a bug is raised where its outcome is waited for."""
    if isinstance(error, _Refused):
        asked.told.set_result(error.outcome)
    elif is_misfortune(error):
        asked.told.set_result(Failure(storage_failed(place, error)))
    else:
        asked.told.set_exception(error)
