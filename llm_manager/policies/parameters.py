"""Parameters by any of their names: ``read_parameters({"temp": 0.7, "maxTokens": 200})``.

Names are read without case, hyphens and underscores. Everything wrong is told at once; values are never repeated in it.
"""

from collections.abc import Callable, Mapping
from math import isfinite
from types import MappingProxyType
from typing import Any, Final

from attrs import frozen
from returns.result import Failure, Result, Success

from llm_manager.domain.errors import InvalidRequest, LLMError
from llm_manager.domain.requests import Preferences
from llm_manager.outcomes import sealed
from llm_manager.policies.names import AUTO, PROVIDERS, canonical_provider, nearest

PARAMETER_NAMES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "temperature": ("temp",),
        "top_p": ("nucleus_sampling",),
        "max_tokens": ("max_length", "max_output_tokens", "max_completion_tokens", "num_predict"),
        "stop": ("stop_sequences",),
        "seed": (),
        "model": (),
        "provider": (),
        "context_length": ("ctx_size", "context", "num_ctx", "n_ctx"),
    }
)
"""The parameters, and what else each may be called."""

_MOST = 2**63


@frozen(kw_only=True)
class Parameters:
    """How the answer should be made; ``context_length`` is the window that a local server is asked to open."""

    preferences: Preferences
    context_length: int | None = None


def read_parameters(given: Mapping[str, Any]) -> Result[Parameters, LLMError]:
    """Read parameters by any of their names; None stands for one that is not given.

    >>> read_parameters({"temp": 0.5, "ctx_size": 4096}).unwrap().context_length
    4096
    """
    read: dict[str, Any] = {}
    spelt: dict[str, str] = {}
    problems: list[str] = []
    for name, raw in given.items():
        meant = _MEANT.get(_folded(name))
        if meant is None:
            problems.append(_unknown(str(name)))
            continue
        if raw is None:
            continue
        value = sealed(_READERS[meant](raw))
        if isinstance(value, Failure):
            problems.append(f"{name} {value.failure()}")
        elif meant in read and read[meant] != value.unwrap():
            problems.append(f"{spelt[meant]} and {name} mean the same and differ")
        else:
            read[meant] = value.unwrap()
            spelt[meant] = str(name)
    if problems:
        return Failure(InvalidRequest(message="; ".join(problems)))
    context_length = read.pop("context_length", None)
    return Success(Parameters(preferences=Preferences(**read), context_length=context_length))


def _folded(name: object) -> str:
    return str(name)[:64].replace("_", "").replace("-", "").lower()


_MEANT = {_folded(name): meant for meant, others in PARAMETER_NAMES.items() for name in (meant, *others)}


def _unknown(name: str) -> str:
    near = nearest(name, [each for meant, others in PARAMETER_NAMES.items() for each in (meant, *others)])
    shown = name[:64] if name.isprintable() else "a parameter"
    return f"{shown} is not a parameter" + (f"; did you mean {near[0]}?" if near else f"; known are {', '.join(PARAMETER_NAMES)}")


def _number(least: float, most: float) -> Callable[[object], Result[Any, str]]:
    def read(raw: object) -> Result[Any, str]:
        fits = isinstance(raw, int | float) and not isinstance(raw, bool) and least <= raw <= most and isfinite(raw)
        return Success(float(raw)) if fits and isinstance(raw, int | float) else Failure(f"must be a number from {least} to {most}")

    return read


def _whole(least: int, most: int, described: str) -> Callable[[object], Result[Any, str]]:
    def read(raw: object) -> Result[Any, str]:
        if isinstance(raw, int) and not isinstance(raw, bool) and least <= raw < most:
            return Success(raw)
        return Failure(f"must be {described}")

    return read


def _stops(raw: object) -> Result[Any, str]:
    stops = (raw,) if isinstance(raw, str) else tuple(raw) if isinstance(raw, list | tuple) else ()
    if stops and all(isinstance(each, str) and each for each in stops):
        return Success(stops)
    return Success(()) if raw in ([], ()) else Failure("must be a text or a list of texts, none of them empty")


def _name(raw: object) -> Result[Any, str]:
    return Success(raw.strip()) if isinstance(raw, str) and raw.strip() else Failure("must be a name")


def _provider(raw: object) -> Result[Any, str]:
    if not isinstance(raw, str):
        return Failure("must be a name")
    if raw.strip().lower() == AUTO:
        return Success(None)
    meant = canonical_provider(raw)
    if meant is not None:
        return Success(meant)
    near = nearest(raw, PROVIDERS)
    return Failure(f"names no provider; did you mean {near[0]}?" if near else f"must be one of {', '.join(PROVIDERS)}")


_COUNT = _whole(1, _MOST, "a whole number of at least 1")
_READERS: dict[str, Callable[[object], Result[Any, str]]] = {
    "temperature": _number(0, 2),
    "top_p": _number(0, 1),
    "max_tokens": _COUNT,
    "stop": _stops,
    "seed": _whole(-_MOST, _MOST, "a whole number"),
    "model": _name,
    "provider": _provider,
    "context_length": _COUNT,
}
