"""Variables to entries: the table of known names, the general form, and what older names still mean."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from io import StringIO
from pathlib import Path

from attrs import evolve, field, frozen
from returns.result import Failure

from llm_manager.domain.errors import Fault
from llm_manager.outcomes import sealed
from llm_manager.policies.names import provider_of_model
from llm_manager.settings.entries import Entry, Found
from llm_manager.settings.files import exposed, read_text
from llm_manager.settings.spelling import resolve, shown
from llm_manager.settings.variables import LEGACY, NO_SETTINGS, PREFIX, VARIABLES, Variable

_ENVIRONMENT = "environment"
_KNOWN = {variable.name: variable for variable in VARIABLES}
_OUR_WORD = PREFIX.partition("_")[0]
_LOOSE = 0.6
_CLOSE = 0.85
_LONGEST_NAME = 100
_NOT_UNDER_CGI = frozenset({"HTTP_PROXY"})


@frozen(kw_only=True)
class Given:
    """A variable's value, and where it stands: in the environment or in a file."""

    value: str = field(repr=False)
    source: str
    origin: str
    foreign: bool = False


def read_variables(environ: Mapping[str, str], dotenv: Path | None) -> Found:
    """Read what the environment and a ``.env`` file say; the environment wins, and an empty value says nothing."""
    written, notes = _dotenv(dotenv)
    given = {**written, **_spoken({name: Given(value=value, source=_ENVIRONMENT, origin=name) for name, value in environ.items()})}
    if "REQUEST_METHOD" in given:  # under CGI, HTTP_PROXY is a header of the caller's
        given = {name: each for name, each in given.items() if name not in _NOT_UNDER_CGI}
    found = Found.together((_named(given), _general(given), notes))
    return evolve(found, warnings=(*found.warnings, *_misspelt(given)))


def _spoken(given: Mapping[str, Given]) -> dict[str, Given]:
    """Those that say anything: an empty value hides nothing."""
    return {name: each for name, each in given.items() if each.value.strip()}


def _dotenv(path: Path | None) -> tuple[dict[str, Given], Found]:
    outcome = sealed(read_text(path)) if path is not None else None
    if outcome is None:
        return {}, Found()
    source = str(path)
    if isinstance(outcome, Failure):
        return {}, Found(warnings=(f"{source} {outcome.failure().problem} and is left out",))
    content = outcome.unwrap()
    if content is None:
        return {}, Found()
    from dotenv.parser import parse_stream

    given: dict[str, Given] = {}
    unread: list[str] = []
    for binding in parse_stream(StringIO(content.text)):
        if binding.error or (binding.key is not None and binding.value is None):
            text = binding.original.string
            blank = text[: len(text) - len(text.lstrip())].count("\n")
            unread.append(f"{source}: line {binding.original.line + blank} cannot be read and is left out")
        elif binding.key is not None and binding.value is not None:
            given[binding.key] = Given(value=binding.value, source=source, origin=f"{source}: {binding.key}", foreign=True)
    given = _spoken(given)
    read = Found.together((_named(given), _general(given)))
    return given, Found(files=(source,), warnings=(*unread, *exposed(read, content)))


def _entry(variable: Variable, given: Given) -> Entry:
    return Entry(
        key=variable.key,
        kind=variable.kind,
        value=given.value,
        source=given.source,
        written=variable.name,
        origin=given.origin,
        from_text=True,
        foreign=given.foreign,
    )


def _named(given: Mapping[str, Given]) -> Found:
    """One entry for each setting: of several variables that lead to it, the first in the table speaks."""
    entries: dict[tuple[str, ...], Entry] = {}
    warnings: list[str] = []
    for variable in (*_current(given), *VARIABLES):
        if (found := given.get(variable.name)) is None:
            continue
        first = entries.setdefault(variable.key, _entry(variable, found))
        if variable.kind.secret and variable.key[-1] == "api_key" and first.value != found.value:
            warnings.append(f"{first.written} and {variable.name} differ; {first.written} is used")
    return Found(entries=tuple(entries.values()), warnings=tuple(warnings))


def _current(given: Mapping[str, Given]) -> Iterator[Variable]:
    """A model named for a ladder is also its own provider's default, unless a variable of that provider's wins."""
    for general, provider, winner in LEGACY:
        if winner not in given and general in given and provider_of_model(given[general].value.strip()) == provider:
            yield evolve(_KNOWN[general], key=("providers", provider, "default_model"))


def _general(given: Mapping[str, Given]) -> Found:
    """``LLM_MANAGER_<SECTION>__<KEY>``: the same keys as in a file."""
    entries: list[Entry] = []
    faults: list[Fault] = []
    for name in sorted(given):
        if not name.startswith(PREFIX) or name in NO_SETTINGS:
            continue
        each = given[name]
        path = tuple(part for part in name.removeprefix(PREFIX).lower().split("__") if part)
        resolved = sealed(resolve(path)) if len(path) > 1 else None
        if resolved is None:
            fix = f"write it as {PREFIX}<SECTION>__<KEY>, as in {PREFIX}CACHE__MAX_SIZE"
            faults.append(Fault(source=each.source, key=shown((name,)), problem="is not a known variable", fix=fix))
        elif isinstance(resolved, Failure):
            wrong = resolved.failure()
            faults.append(Fault(source=each.source, key=shown((name,)), problem=wrong.problem, fix=wrong.fix))
        else:
            target = resolved.unwrap()
            entries.append(_entry(Variable(name, target.key, target.kind), each))
    return Found(entries=tuple(entries), faults=tuple(faults))


def _misspelt(given: Mapping[str, Given]) -> tuple[str, ...]:
    """Warn of a variable that looks like one of ours; others may own it, so it is no fault."""
    strange = ((name, each) for name, each in sorted(given.items()) if name not in _KNOWN and not name.startswith(PREFIX))
    return tuple(
        f"{'' if each.source == _ENVIRONMENT else f'{each.source}: '}{shown((name,))} is not read; did you mean {near[0]}?"
        for name, each in strange
        if (near := _alike(name))
    )


def _alike(name: str) -> list[str]:
    """The variable of ours that was probably meant; under the names of others only what differs in a letter or two."""
    first = name[:_LONGEST_NAME].partition("_")[0]
    ours = [known for known in _KNOWN if known.partition("_")[0] == first]
    return get_close_matches(name[:_LONGEST_NAME], ours, n=1, cutoff=_LOOSE if first == _OUR_WORD else _CLOSE)
