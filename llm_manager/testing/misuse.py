"""What cannot be scripted: told as a `ValueError` that names the argument, where the double is made and not when it is asked."""

from collections.abc import Iterable, Sequence
from types import FunctionType
from typing import Any, Final, get_args

from returns.result import Result

from llm_manager.domain.errors import LLMError
from llm_manager.domain.models import Locality
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import StreamEvent
from llm_manager.policies.abilities import KIND_OF
from llm_manager.policies.names import nearest
from llm_manager.policies.value_faults import kind
from llm_manager.testing import faults

_SAYABLE: Final = "a text, an LLMResponse, an LLMError, a list of stream pieces, or a function of the attempt"


def check_script(*, outcomes: Sequence[object], meets: Sequence[object], able: Sequence[object], then: object, locality: object) -> None:
    """Raise for the first argument of `scripted` that means nothing."""
    for index, outcome in enumerate(outcomes):
        refuse_unsayable(f"outcomes[{index}]", outcome)
    for index, met in enumerate(meets):
        _refuse_uncalled(f"meets[{index}]", met)
        if met is not None and not isinstance(met, LLMError) and (isinstance(met, type) or not callable(met)):
            raise misuse(f"meets[{index}] is of type {kind(met)}; give an LLMError, a fault, or None for an answer")
    for ability in able:
        _among("able", ability, tuple(KIND_OF))
    _among("then", then, ("repeat", "refuse"))
    _among("locality", locality, get_args(Locality))


def misuse(message: str) -> ValueError:
    """What is raised: a wrong value, whether its type or what it says is wrong."""
    return ValueError(message)


def several(name: str, given: Iterable[Any]) -> tuple[Any, ...]:
    """The members of an argument that is a series of them; a text is none, though it has letters."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise misuse(f"{name} is of type {kind(given)}; give a list or a tuple")
    return tuple(given)


def refuse_unsayable(name: str, said: object, *, made: bool = False) -> None:
    """Raise for what no model can say; what a function has ``made`` is no function again."""
    _refuse_uncalled(name, said)
    if isinstance(said, Result):
        raise misuse(f"{name} is wrapped in a {type(said).__name__}; give the answer or the error itself")
    if isinstance(said, str | LLMResponse | LLMError) or (callable(said) and not isinstance(said, type) and not made):
        return
    if not isinstance(said, Sequence) or isinstance(said, bytes | bytearray):
        raise misuse(f"{name} is of type {kind(said)}; give {_SAYABLE}")
    for index, piece in enumerate(said):
        if not isinstance(piece, str | StreamEvent | LLMError):
            raise misuse(f"{name}[{index}] is of type {kind(piece)}; a piece is a text, a StreamEvent or an LLMError")


def _refuse_uncalled(name: str, said: object) -> None:
    called = said.__name__ if isinstance(said, FunctionType) else None
    if called is not None and getattr(faults, called, None) is said:
        raise misuse(f"{name} is the fault faults.{called} itself; call it: faults.{called}(...)")


def _among(name: str, given: object, known: Sequence[str]) -> None:
    if given in known:
        return
    near = nearest(given, known) if isinstance(given, str) else ()
    raise misuse(f"{name} knows {', '.join(known)} and not {given!r}" + (f"; did you mean {near[0]}?" if near else ""))
