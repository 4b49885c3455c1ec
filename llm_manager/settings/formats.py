"""TOML, YAML and JSON to plain mappings: any text in, a `Result` out, and no line of the text in what is said of it."""

import re
from collections.abc import Callable, Mapping

from returns.result import Failure, Result, Success

from llm_manager.settings.kinds import Problem

_PLACE = re.compile(r"\(at (line \d+, column \d+|end of document)\)\Z")


def parse(text: str, form: str) -> Result[Mapping[str, object], Problem]:
    """Read a whole file of one of the three forms, named by its extension."""
    reader = _READERS.get(form.lower())
    if reader is None:
        return Failure(Problem(problem="is not a .toml, .yaml, .yml or .json file"))
    if not text.strip():
        return Success({})
    try:
        return reader(text).bind(_mapping)
    except RecursionError:
        return Failure(Problem(problem="is nested too deeply"))


def _mapping(data: object) -> Result[Mapping[str, object], Problem]:
    if data is None:
        return Success({})
    if isinstance(data, dict):
        return Success(data)
    return Failure(Problem(problem="a table of settings is expected"))


def _toml(text: str) -> Result[object, Problem]:
    import tomllib

    try:
        return Success(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.search(str(error))
        return Failure(Problem(problem=f"is not valid TOML at {place[1]}" if place else "is not valid TOML"))
    except ValueError:
        return Failure(Problem(problem="holds a number or a date that cannot be read"))


def _json(text: str) -> Result[object, Problem]:
    import json

    repeated = False

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        nonlocal repeated
        table = dict(pairs)
        repeated = repeated or len(table) < len(pairs)
        return table

    try:
        data = json.loads(text, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        return Failure(Problem(problem=f"is not valid JSON at line {error.lineno}, column {error.colno}"))
    except ValueError:
        return Failure(Problem(problem="holds a number that cannot be read"))
    return Failure(Problem(problem="gives a key twice in one table")) if repeated else Success(data)


def _yaml(text: str) -> Result[object, Problem]:
    import yaml

    from llm_manager.settings.bounded_yaml import BoundedLoader, OutOfBounds

    try:
        return Success(yaml.load(text, BoundedLoader))  # noqa: S506 - a SafeLoader with bounds
    except yaml.MarkedYAMLError as error:
        where = f" at line {error.problem_mark.line + 1}" if error.problem_mark else ""
        if isinstance(error, OutOfBounds):
            return Failure(Problem(problem=f"{error.problem}{where}"))
        return Failure(Problem(problem=f"is not valid YAML{where}"))
    except (yaml.YAMLError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return Failure(Problem(problem="is not valid YAML"))  # what PyYAML's own constructors let out


_READERS: dict[str, Callable[[str], Result[object, Problem]]] = {
    ".toml": _toml,
    ".yaml": _yaml,
    ".yml": _yaml,
    ".json": _json,
}
