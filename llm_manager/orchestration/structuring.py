"""A class in, a value of it out: the schema goes to the model, and the answer is read by the same library.

An answer that does not fit is asked for again, with what is wrong with it, as a turn of the same call: within its deadline, its
re-sends and what it may cost. The answer itself is not sent back, and one that was cut is not asked for again.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from attrs import evolve
from returns.future import FutureResult
from returns.result import Failure, Result, Success

from llm_manager.domain.errors import ConfigurationError, LLMError, OutputInvalid, with_attempts
from llm_manager.domain.messages import Message
from llm_manager.domain.requests import JsonSchema, LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.usage import Usage
from llm_manager.effects import publish
from llm_manager.orchestration.generating import Turns, going_on_with
from llm_manager.orchestration.own_schemas import own_schema, read_itself
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.fences import unfenced
from llm_manager.policies.misfits import read_misfit
from llm_manager.policies.pricing import together
from llm_manager.policies.request_faults import not_asked
from llm_manager.policies.schemas import rooted_schema, strict_schema
from llm_manager.services.manager import GenerateAs, Structured

_KINDS: Final = "use an attrs class, a dataclass, a TypedDict or a msgspec Struct, or a pydantic model"
_LONGEST: Final = 300
_WRONG: Final = "Your last answer to this could not be used: it does not fit the JSON schema"
_MENDED: Final = "Answer once more, in full, with JSON that fits the schema and nothing else."
_UNKNOWN: Final = re.compile(r"type <class '([^']*)'> is not supported")
_Shape = TypeVar("_Shape")


def structuring(turns: Turns, reasks: int) -> GenerateAs:
    """Ask for JSON that fits a class and read it strictly; a truncated answer is never parsed.

    What does not fit is asked for ``reasks`` times more at most.
    """

    async def structured(shape: type[_Shape], request: LLMRequest) -> Settled[Structured[_Shape], LLMError]:
        strange = not_asked(request)
        if strange is not None:
            return Failure(strange)
        described = sealed(describe(shape))
        if isinstance(described, Failure):
            return described
        wanted = described.unwrap()
        started = turns.now()
        asked = evolve(request, output=wanted)
        outcome = await turns.ask(asked, started=started)
        if isinstance(outcome, Failure):
            return outcome
        answers: tuple[LLMResponse, ...] = (outcome.unwrap(),)
        while True:
            answer = answers[-1]
            misfit = sealed(read(shape, answer, wanted))
            if isinstance(misfit, Success):
                return Success(evolve(misfit.unwrap(), response=_summed(answers)))
            error = misfit.failure()
            ledger = turns.left(started, answer.attempts)
            if ledger is None or len(answers) > reasks or not _may_ask_again(error):
                return Failure(with_attempts(error, answer.attempts))
            outcome = await turns.ask(_again(asked, answer, error), before=ledger, started=started)
            if isinstance(outcome, Failure):
                return Failure(with_attempts(error, outcome.failure().attempts or ledger.attempts))
            answers = (*answers, outcome.unwrap())

    def generate_as(shape: type[_Shape], request: LLMRequest, /) -> FutureResult[Structured[_Shape], LLMError]:
        return publish(structured)(shape, request)

    return generate_as


def _may_ask_again(error: LLMError) -> bool:
    return isinstance(error, OutputInvalid) and error.reason != "truncated"


def _again(asked: LLMRequest, answer: LLMResponse, error: LLMError) -> LLMRequest:
    """The same question with what was wrong, to the model that answered unless it cannot."""
    wrong = f"at {error.path}: {error.message}" if isinstance(error, OutputInvalid) else error.tag
    said = () if asked.prompt is None else (Message(role="user", content=asked.prompt),)
    told = f"{_WRONG} ({' '.join(wrong.split())[:_LONGEST]}). {_MENDED}"
    messages = (*asked.messages, *said, Message(role="user", content=told))
    return evolve(asked, prompt=None, messages=messages, preferences=going_on_with(asked.preferences, answer))


def _summed(answers: tuple[LLMResponse, ...]) -> LLMResponse:
    """The last answer with what all of them took; it has every attempt already."""
    last = answers[-1]
    if len(answers) == 1:
        return last
    told = [each.usage for each in answers if each.usage is not None and not (each.cached or each.shared)]
    times = "once more" if len(answers) == 2 else f"{len(answers) - 1} times more"
    return evolve(
        last,
        cost=together(each.cost for each in answers),
        usage=sum(told, Usage()) if told else None,
        notices=(*last.notices, f"the first answer did not fit; it was asked for {times}"),
    )


def describe(shape: type[Any]) -> Result[JsonSchema, LLMError]:
    """The strict JSON schema of a class, its own if it brings one; what JSON cannot describe is an error before anything is sent."""
    schema = sealed(_schema(shape))
    if isinstance(schema, Failure):
        return Failure(ConfigurationError(message=f"{_name(shape)} cannot be asked for as JSON: {schema.failure()}"))
    rooted = rooted_schema(schema.unwrap())
    if rooted.get("type") != "object":
        return Failure(
            ConfigurationError(message=f"{_name(shape)} is not a JSON object: wrap it in a class with a field, as providers want one")
        )
    return Success(JsonSchema(schema=strict_schema(rooted), name=_name(shape)))


def _schema(shape: type[Any]) -> Result[Mapping[str, Any], str]:
    import msgspec

    own = own_schema(shape)
    if own is not None:
        try:
            return Success(own())
        except Exception as problem:  # noqa: BLE001 - the class is code of others
            return Failure(" ".join(str(problem).split())[:_LONGEST] or type(problem).__name__)
    try:
        return Success(msgspec.json.schema(shape))
    except (TypeError, ValueError) as problem:
        return Failure(_reason(shape, str(problem)))


def read(shape: type[_Shape], response: LLMResponse, wanted: JsonSchema) -> Result[Structured[_Shape], LLMError]:
    """Read a complete answer to ``wanted`` as a value of ``shape``; nothing is converted that JSON itself does not say."""

    import msgspec

    def invalid(path: str, message: str, reason: Any) -> Result[Structured[_Shape], LLMError]:
        return Failure(OutputInvalid(model=response.model, path=path, message=message, reason=reason))

    if not response.complete:
        return invalid("$", f"it was cut ({response.finish}); raise max_tokens", "truncated")
    if own_schema(shape) is not None:
        own = sealed(read_itself(shape, unfenced(response.content), wanted.schema))
        if isinstance(own, Success):
            return Success(Structured(value=own.unwrap(), response=response))
        why = own.failure()
        return invalid(why.path, why.message, "shape" if why.is_json else "not_json")
    try:
        return Success(Structured(value=msgspec.json.decode(unfenced(response.content), type=shape), response=response))
    except msgspec.ValidationError as problem:
        path, message = read_misfit(str(problem))
        return invalid(path, message, "shape")
    except (msgspec.DecodeError, RecursionError) as problem:
        return invalid("$", str(problem), "not_json")


def _reason(shape: type[Any], problem: str) -> str:
    """Why a class has no schema, in our words: msgspec's are for those who call msgspec."""
    unknown = _UNKNOWN.search(problem)
    if unknown is None:
        return " ".join(problem.split())
    inner = unknown.group(1).rpartition(".")[2]
    return _KINDS if inner == _name(shape) else f"{inner} in it has no form in JSON"


def _name(shape: type[Any]) -> str:
    return str(getattr(shape, "__name__", "answer"))
