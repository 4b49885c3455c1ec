"""What is asked back: one column of text, or typed columns with a strict schema and a strict reader."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec
from attrs import field, frozen
from returns.result import Failure, Success

from llm_manager.domain.errors import ConfigurationError, LLMError, OutputInvalid
from llm_manager.domain.requests import JsonSchema, OutputForm, PlainText
from llm_manager.domain.responses import LLMResponse
from llm_manager.outcomes import Settled
from llm_manager.policies.fences import unfenced
from llm_manager.policies.misfits import read_misfit
from llm_manager.policies.names import nearest
from llm_manager.policies.schemas import strict_schema
from llm_manager.runs.shapes import shape_of

Values: TypeAlias = Mapping[str, Any]

_TYPES: Final[Mapping[str, str]] = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}


def _nothing(_: LLMResponse) -> Values:
    return {}


@frozen(kw_only=True)
class Columns:
    """The columns an answer gives, the form it is asked for in, and how it is read; ``salvage`` is what an unfit one leaves."""

    names: tuple[str, ...]
    output: OutputForm
    read: Callable[[LLMResponse], Settled[Values, LLMError]] = field(repr=False)
    salvage: Callable[[LLMResponse], Values] = field(default=_nothing, repr=False)


def answer_column() -> Columns:
    """One column, ``answer``, of whatever the model says; of a cut answer what there is of it, though it is none."""

    def text(response: LLMResponse) -> Values:
        return {"answer": response.content}

    def read(response: LLMResponse) -> Settled[Values, LLMError]:
        cut = _cut(response)
        return Success(text(response)) if cut is None else Failure(cut)

    return Columns(names=("answer",), output=PlainText(), read=read, salvage=text)


def columns_from_fields(specifications: Sequence[str]) -> Settled[Columns, LLMError]:
    """Columns from words such as ``score=int`` or ``sentiment=positive,negative``."""
    properties: dict[str, dict[str, Any]] = {}
    for specification in specifications:
        name, equals, kind = (part.strip() for part in specification.partition("="))
        if not name or not equals or not kind:
            return _refused(f"the field {specification!r} wants a name and a type, such as score=int or mood=happy,sad")
        if name in properties:
            return _refused(f"the field {name!r} is given twice: give each its own name")
        if kind in _TYPES:
            properties[name] = {"type": _TYPES[kind]}
            continue
        values = [value.strip() for value in kind.split(",")]
        if len(values) == 1:
            near = nearest(kind, _TYPES)
            hint = f"did you mean {name}={near[0]}?" if near else f"types: {', '.join(_TYPES)}; or list the values: {name}={kind},other"
            return _refused(f"the field {name!r} has no type {kind!r}; {hint}")
        if not all(values) or len(set(values)) < len(values):
            return _refused(f"the values of the field {name!r} are not distinct words: list each once, between commas")
        properties[name] = {"type": "string", "enum": values}
    return _typed({"properties": properties, "required": list(properties)})


def columns_from_schema(text: bytes, source: str) -> Settled[Columns, LLMError]:
    """Columns from the properties of a JSON schema. The model is asked for all of them and for no others, as providers want it;
    one that the schema does not require may all the same be missing or null.
    """
    try:
        schema = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _refused(f"{source} is not JSON ({str(error)[:200]}): give a JSON schema of an object")
    if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict) or not schema["properties"]:
        return _refused(f"{source} has no properties: give a JSON schema of an object, each of whose properties becomes a column")
    if schema.get("type", "object") != "object":
        return _refused(f"{source} describes no object: each property of an object becomes a column")
    return _typed(schema)


def _typed(schema: Mapping[str, Any]) -> Settled[Columns, LLMError]:
    theirs = {"type": "object", **schema}
    strict = strict_schema(theirs)
    shape = shape_of(theirs)
    if isinstance(shape, Failure):
        return shape
    decoder = msgspec.json.Decoder(shape.unwrap())
    names = tuple(strict["properties"])

    def read(response: LLMResponse) -> Settled[Values, LLMError]:
        cut = _cut(response)
        if cut is not None:
            return Failure(cut)
        try:
            content = unfenced(response.content)
            decoder.decode(content)
            values = msgspec.json.decode(content)
        except msgspec.ValidationError as problem:
            path, message = read_misfit(str(problem))
            return Failure(OutputInvalid(model=response.model, path=path, message=message))
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as problem:
            return Failure(OutputInvalid(model=response.model, path="$", message=str(problem)[:200], reason="not_json"))
        return Success({name: values.get(name) for name in names})

    return Success(Columns(names=names, output=JsonSchema(schema=strict), read=read))


def _cut(response: LLMResponse) -> OutputInvalid | None:
    """Why an answer is no whole one: what was cut short is never read, however whole it looks."""
    if response.complete:
        return None
    message = "it was cut at its length limit; raise --max-tokens" if response.finish == "length" else "it ended before it was complete"
    return OutputInvalid(model=response.model, path="$", message=message, reason="truncated")


def _refused(message: str) -> Settled[Columns, LLMError]:
    return Failure(ConfigurationError(message=message))
