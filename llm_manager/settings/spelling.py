"""From a key as somebody wrote it to the setting that is meant, or to the nearest one."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from attrs import frozen
from returns.result import Failure, Result, Success

from llm_manager.outcomes import sealed
from llm_manager.policies.headers import header_fields
from llm_manager.policies.names import PROVIDERS, canonical_provider
from llm_manager.settings.kinds import PRESENT, Kind, Problem, meant, problem_of
from llm_manager.settings.schema import (
    BUDGET_SETTINGS,
    HEADER_VALUE,
    HEADERS,
    PROFILE_SETTINGS,
    PROVIDER_SETTINGS,
    SECTION_SPELLINGS,
    SECTIONS,
    TIERS,
    Setting,
)

Path: TypeAlias = tuple[str, ...]

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SHOWABLE = re.compile(r"[A-Za-z0-9_][\w .:/-]{0,60}", re.ASCII)
_LIKE_A_KEY = re.compile(r"(?:sk|pk|rk|gsk|xai|tgp|hf|aiza|bearer)[\W_]|aiza|.*[A-Za-z0-9]{24}", re.IGNORECASE)


@frozen
class Target:
    """Where a value is kept, and what it must be."""

    key: Path
    kind: Kind


def shown(path: Iterable[str]) -> str:
    """A key as it may be printed: a part that might be a secret in the wrong place is left out.

    >>> shown(("providers", "openai", "temprature"))
    'providers.openai.temprature'
    """
    return ".".join(part if _SHOWABLE.fullmatch(part) and not _LIKE_A_KEY.match(part) else "(not shown)" for part in path)


def snake(word: str) -> str:
    """One spelling of a key for all: camelCase, hyphens and capitals are forgiven.

    >>> snake("timeoutMs"), snake("default-model"), snake("API_KEY")
    ('timeout_ms', 'default_model', 'api_key')
    """
    return _HUMP.sub("_", word).replace("-", "_").lower()


def resolve(path: Path) -> Result[Target, Problem]:
    """Find the setting that a path in a file, or in a variable's name, leads to."""
    head = snake(path[0])
    if head == "providers":
        return _of_provider(path[1:])
    if head == "models":
        return _of_models(path[1:])
    if head == "profiles":
        return _of_profile(path[1:])
    if head == "budgets":
        return _of_budget(path[1:])
    if (section := SECTION_SPELLINGS.get(head)) is not None:
        return _of_section(section, path[1:])
    if canonical_provider(path[0]) is not None:
        return _of_provider(path)
    return Failure(Problem(problem="is not a known setting", fix=_top_level(path[0])))


def _top_level(word: str) -> str:
    known = (*SECTION_SPELLINGS, "providers", "models", "profiles", "budgets", *PROVIDERS)
    return meant(snake(word), known) or f"sections are {', '.join((*SECTIONS, 'providers', 'profiles', 'budgets'))}"


def _of_section(section: str, rest: Path) -> Result[Target, Problem]:
    if not rest:
        return _table(section)
    return _among(SECTIONS[section], tuple(map(snake, rest)), lambda setting: setting.to or (section, setting.name))


def _table(what: str) -> Result[Target, Problem]:
    return Failure(Problem(problem=f"a table is expected, as {what} has several settings", wants_table=True))


def _of_models(rest: Path) -> Result[Target, Problem]:
    """``models.<provider>`` holds tiers in one of the older forms, and the provider's settings in the other."""
    if len(rest) == 2 and snake(rest[1]) in TIERS:
        return _of_provider((rest[0], "models", rest[1]))
    return _of_provider(rest)


def _of_provider(path: Path) -> Result[Target, Problem]:
    if not path:
        return _table("providers")
    name = canonical_provider(path[0])
    if name is None:
        return Failure(Problem(problem="names no provider", fix=meant(path[0], PROVIDERS) or f"known are {', '.join(PROVIDERS)}"))
    rest = path[1:]
    if not rest:
        return Success(Target(("providers", name), PRESENT))
    if name == "embedded":
        return _of_section("embedded", rest)
    if snake(rest[0]) == HEADERS:
        return _of_header(name, rest[1:])
    return _among(PROVIDER_SETTINGS, tuple(map(snake, rest)), lambda setting: ("providers", name, *(setting.to or (setting.name,))))


def _of_header(provider: str, rest: Path) -> Result[Target, Problem]:
    if len(rest) != 1:
        return Failure(Problem(problem="a table of header names and values is expected", wants_table=True))
    judged = sealed(header_fields(provider, {rest[0]: "any"}))
    if isinstance(judged, Failure):
        return Failure(problem_of(judged.failure()))
    return Success(Target(("providers", provider, HEADERS, rest[0]), HEADER_VALUE))


def _of_profile(rest: Path) -> Result[Target, Problem]:
    if len(rest) < 2:
        return Failure(Problem(problem="a list of tables is expected, one for each model", wants_table=True))
    return _among(PROFILE_SETTINGS, tuple(map(snake, rest[1:])), lambda setting: ("profiles", rest[0], setting.name))


def _of_budget(rest: Path) -> Result[Target, Problem]:
    if len(rest) < 2:
        return Failure(Problem(problem="a table of budgets by name, or a list of them, is expected", wants_table=not rest))
    return _among(BUDGET_SETTINGS, tuple(map(snake, rest[1:])), lambda setting: ("budgets", rest[0], setting.name))


def _among(settings: Sequence[Setting], words: Path, key: Callable[[Setting], Path]) -> Result[Target, Problem]:
    said = ".".join(words)
    for setting in settings:
        if said == setting.name or said in setting.also:
            return Success(Target(key(setting), setting.kind))
    if any(said.startswith(f"{spelling}.") for setting in settings for spelling in (setting.name, *setting.also)):
        return Failure(Problem(problem="one value is expected, not a table"))
    if any(setting.name.startswith(f"{said}.") for setting in settings):
        return _table(said)
    names = [name for setting in settings for name in (setting.name, *setting.also)]
    fix = meant(said, names) or f"known are {', '.join(setting.name for setting in settings)}"
    return Failure(Problem(problem="is not a known setting", fix=fix))
