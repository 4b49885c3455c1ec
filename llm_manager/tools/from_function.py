"""A tool out of a Python function: its types say how it may be called, its docstring what for."""

import inspect
import re
from collections.abc import Callable, Mapping
from inspect import Parameter
from typing import Any, Final, TypeAlias, Union, get_type_hints

from attrs import frozen
from returns.result import Failure, Result, Success

from llm_manager.domain.errors import ConfigurationError, LLMError, ToolFailed
from llm_manager.domain.messages import ToolSpec
from llm_manager.domain.models import Locality
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.misfits import read_misfit
from llm_manager.policies.schemas import rooted_schema
from llm_manager.services.invoking import invoked
from llm_manager.services.tools import ReadyCall, Tool
from llm_manager.services.world import RunBlocking
from llm_manager.tools.docstrings import Described, read_docstring
from llm_manager.tools.results import result_text

_Function: TypeAlias = Callable[..., Any]
_Reading: TypeAlias = tuple[dict[str, Any], Callable[[str], dict[str, Any]]]
_UNKNOWN: Final = re.compile(r"type <class '([^']*)'> is not supported")


@frozen(kw_only=True)
class _Signature:
    """What a function takes: its parameters by name, each with its type."""

    parameters: Mapping[str, Parameter]
    types: Mapping[str, Any]


def tool_from_function(
    function: Callable[..., Any],
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    side_effects: bool = False,
    timeout_seconds: float = 30.0,
    locality: Locality = "local",
) -> Result[Tool, LLMError]:
    """Make a tool of a function with typed parameters; arguments are read strictly: ``"1"`` is not 1.

    A function that is not async runs in a thread, where nothing can stop it: after ``timeout_seconds`` the model is told
    that it took too long, and what it gives later is dropped. What it returns is told as it is if it is a text, else as JSON.
    """
    called = name or str(getattr(function, "__name__", type(function).__name__))
    read = sealed(_signature(function, called))
    if isinstance(read, Failure):
        return read
    signature = read.unwrap()
    told = read_docstring(inspect.getdoc(function) or "", signature.parameters)
    reading = sealed(_reading(signature, told, called))
    if isinstance(reading, Failure):
        return reading
    schema, decode = reading.unwrap()

    def prepare(arguments: str) -> Settled[ReadyCall, LLMError]:
        import msgspec

        try:
            given = decode(arguments.strip() or "{}")
        except msgspec.ValidationError as misfit:
            path, message = read_misfit(str(misfit))
            return _wrong(called, f"{path}: {message}")
        except (msgspec.DecodeError, UnicodeError, RecursionError) as problem:
            return _wrong(called, f"the arguments are not JSON: {problem}")
        positional, named = _bound(signature, given)

        async def call(run_blocking: RunBlocking) -> Settled[str, LLMError]:
            return result_text(called, await invoked(run_blocking, function, *positional, **named))

        return Success(call)

    return Success(
        Tool(
            spec=ToolSpec(name=called, description=told.summary if description is None else description, input_schema=schema),
            prepare=prepare,
            side_effects=side_effects,
            timeout_seconds=timeout_seconds,
            locality=locality,
        )
    )


def _signature(function: _Function, called: str) -> Result[_Signature, LLMError]:
    """The parameters and their types, or why a model cannot be told of them."""
    try:
        parameters = inspect.signature(function).parameters
        hints = get_type_hints(_annotated(function), include_extras=True)
    except (TypeError, ValueError, NameError, AttributeError) as problem:
        return _unusable(called, f"its types cannot be read: {' '.join(str(problem).split())}")
    for parameter in parameters.values():
        if parameter.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD):
            return _unusable(called, f"its parameter {parameter} takes any number of arguments: name each of them")
        if parameter.name not in hints:
            return _unusable(called, f"its parameter {parameter.name} has no type")
    return Success(_Signature(parameters=parameters, types=hints))


def _annotated(function: _Function) -> _Function:
    """What carries the annotations: the function inside a partial, the method of a class or of an object that is called."""
    inner = inspect.unwrap(getattr(function, "func", function))
    if inspect.isclass(inner):
        return inner.__init__
    return inner if inspect.isroutine(inner) else type(inner).__call__


def _reading(signature: _Signature, told: Described, called: str) -> Result[_Reading, LLMError]:
    """The schema of the arguments and their reader: both are read off the same class, so they never differ."""
    import msgspec

    fields: list[tuple[str, Any, Any]] = []
    for number, (name, parameter) in enumerate(signature.parameters.items()):
        kind: Any = signature.types[name]
        default: Any = msgspec.NODEFAULT
        if parameter.default is not Parameter.empty:
            kind, default = Union[kind, msgspec.UnsetType], msgspec.UNSET  # noqa: UP007 - not every kind of type takes part in |
        fields.append((f"argument_{number}", kind, msgspec.field(name=name, default=default)))
    try:
        shape = msgspec.defstruct("Arguments", fields, kw_only=True, forbid_unknown_fields=True)
        schema = rooted_schema(msgspec.json.schema(shape))
        decoder = msgspec.json.Decoder(shape)
    except (TypeError, ValueError, RecursionError) as problem:
        unknown = _UNKNOWN.search(str(problem))
        why = f"{unknown[1].rpartition('.')[2]} has none" if unknown else " ".join(str(problem).split())
        return _unusable(called, f"its parameters need a form in JSON: {why}")

    def decode(arguments: str) -> dict[str, Any]:
        given = decoder.decode(arguments)
        told = {name: getattr(given, f"argument_{number}") for number, name in enumerate(signature.parameters)}
        return {name: value for name, value in told.items() if value is not msgspec.UNSET}

    return Success((_completed(schema, signature, told), decode))


def _completed(schema: dict[str, Any], signature: _Signature, told: Described) -> dict[str, Any]:
    """The schema with what only the function says: words for its parameters, and their defaults."""
    properties = {name: dict(form) for name, form in schema.pop("properties", {}).items()}
    for name, parameter in signature.parameters.items():
        if name in told.parameters:
            properties[name].setdefault("description", told.parameters[name])
        if parameter.default is not Parameter.empty:
            properties[name] |= _default(parameter.default)
    return {"type": "object", "properties": properties, **{key: form for key, form in schema.items() if key not in ("type", "title")}}


def _default(value: Any) -> dict[str, Any]:
    import msgspec

    try:
        return {"default": msgspec.json.decode(msgspec.json.encode(value))}
    except (TypeError, ValueError, RecursionError):
        return {}


def _bound(signature: _Signature, given: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The arguments as the function takes them: those that have no name in a call by place, with their defaults."""
    by_place = [each for each in signature.parameters.values() if each.kind is Parameter.POSITIONAL_ONLY]
    positional = [given.get(each.name, each.default) for each in by_place]
    names = {each.name for each in by_place}
    return positional, {name: value for name, value in given.items() if name not in names}


def _wrong(tool: str, message: str) -> Settled[ReadyCall, LLMError]:
    return Failure(ToolFailed(tool=tool, message=message, reason="arguments"))


def _unusable(called: str, why: str) -> Failure[LLMError]:
    return Failure(ConfigurationError(message=f"{called} cannot be a tool: {why}"))
