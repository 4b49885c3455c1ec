"""How one value is read: what is expected, in words, and the reading itself. A problem never repeats the value."""

import re
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, TypeAlias

from attrs import field, frozen
from returns.result import Failure, Result, Success

from llm_manager.domain.errors import ConfigurationError, LLMError
from llm_manager.domain.secrets import Secret
from llm_manager.policies.headers import header_fields, usable_key
from llm_manager.policies.names import AUTO, PROVIDERS, canonical_provider, nearest, provider_of_model
from llm_manager.policies.proxying import parse_proxy

_LONGEST_TEXT = 4096
_DAY = 86_400
_YES = frozenset({"true", "yes", "on", "1"})
_NO = frozenset({"false", "no", "off", "0"})
_FAMILIES = ("claude", "gpt", "llama", "other")


@frozen(kw_only=True)
class Problem:
    """What is wrong with a value or a key, and how to mend it. ``wants_table``: an empty table there would be right."""

    problem: str
    fix: str = ""
    wants_table: bool = False


Reading: TypeAlias = Callable[[object], Result[Any, Problem]]


@frozen(kw_only=True)
class Kind:
    """What a value must be. ``read`` takes what a file holds, ``read_text`` what a variable holds."""

    read: Reading = field(repr=False)
    read_text: Reading = field(repr=False)
    secret: bool = False


def _expected(what: str, fix: str = "") -> Failure[Problem]:
    return Failure(Problem(problem=f"{what} is expected", fix=fix))


def _number(kind: type, what: str, *, least: float, most: float) -> Kind:
    def reading(*, strict: bool) -> Reading:
        def read(value: object) -> Result[Any, Problem]:
            import msgspec

            given = value.strip() if isinstance(value, str) else value
            try:
                return Success(msgspec.convert(given, Annotated[kind, msgspec.Meta(ge=least, le=most)], strict=strict))
            except msgspec.ValidationError:
                return _expected(what)

        return read

    return Kind(read=reading(strict=True), read_text=reading(strict=False))


def whole(least: int, most: int = 1_000_000_000) -> Kind:
    """A whole number in a range."""
    return _number(int, f"a whole number from {least} to {most}", least=least, most=most)


def number(least: float, most: float) -> Kind:
    """A number in a range."""
    return _number(float, f"a number from {least:g} to {most:g}", least=least, most=most)


def _above_zero(most: int) -> Kind:
    return _number(float, f"a number of seconds above 0 and up to {most}", least=0.001, most=most)


LIFETIME = _above_zero(10 * 366 * _DAY)
"""How long something is kept, in seconds."""


PERIOD = _above_zero(_DAY)
"""How long something lasts or waits, in seconds."""


def _in_ms(read: Reading) -> Reading:
    return lambda value: read(value).map(lambda seconds: max(1, round(seconds * 1000)))


SECONDS = Kind(read=_in_ms(PERIOD.read), read_text=_in_ms(PERIOD.read_text))
"""A patience in seconds, kept in milliseconds."""

MILLISECONDS = whole(1, _DAY * 1000)


def _flag(value: object) -> Result[Any, Problem]:
    return Success(value) if isinstance(value, bool) else _expected("true or false")


def _flag_text(value: object) -> Result[Any, Problem]:
    said = str(value).strip().lower()
    return Success(said in _YES) if said in _YES | _NO else _expected("true or false")


FLAG = Kind(read=_flag, read_text=_flag_text)


def _text(value: object) -> Result[str, Problem]:
    if isinstance(value, date):
        return Success(value.isoformat())
    if not isinstance(value, str):
        return _expected("text")
    if not value.isprintable():
        return Failure(Problem(problem="holds a line break or another character that cannot be printed"))
    if not value.strip() or len(value) > _LONGEST_TEXT:
        return _expected(f"text of 1 to {_LONGEST_TEXT} characters")
    return Success(value)


def _both(read: Reading) -> Kind:
    return Kind(read=read, read_text=read)


TEXT = _both(_text)


def problem_of(error: LLMError) -> Problem:
    """What a policy found wrong, without where it looked."""
    fault = error.faults[0] if isinstance(error, ConfigurationError) and error.faults else None
    return Problem(problem="cannot be used") if fault is None else Problem(problem=fault.problem, fix=fault.fix)


def _judged(what: str, judge: Callable[[str], Result[Any, LLMError]]) -> Kind:
    """Text that a policy judges; it is kept as it is written, or as the policy gives it back."""

    def read(value: object) -> Result[Any, Problem]:
        return judge(value).alt(problem_of) if isinstance(value, str) else _expected(what)

    return Kind(read=read, read_text=read, secret=True)


KEY = _judged("a key, as text,", lambda value: usable_key("", Secret(value)))


def _keys(items: tuple[str, ...]) -> Result[Any, Problem]:
    judged = [KEY.read(item) for item in items]
    wrong = next((place for place, each in enumerate(judged, 1) if not isinstance(each, Success)), None)
    if not items or wrong is not None:
        what = "is empty" if wrong is None else f"holds as number {wrong} what is no key"
        return Failure(Problem(problem=what, fix="list keys without spaces in them, separated by commas in a variable"))
    return Success(tuple(each.unwrap() for each in judged))


def _any_texts(value: object) -> Result[tuple[str, ...], Problem]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
        return _expected("a list of texts")
    return Success(tuple(items))


KEYS = Kind(
    read=lambda value: _any_texts(value).bind(_keys),
    read_text=lambda value: _keys(tuple(item for item in re.split(r"[,\s]+", str(value)) if item)),
    secret=True,
)
"""Several keys: a list in a file, separated by commas in a variable."""

HEADER = _judged("a header's value, as text,", lambda value: header_fields("", {"any": value}).map(lambda _: value))
PROXY = _judged("a proxy's address, as text,", lambda value: parse_proxy(value).map(lambda _: value.strip()))


def _redis(value: object) -> Result[Any, Problem]:
    if isinstance(value, str) and value.strip().startswith(("redis:", "rediss:", "unix:")):
        return Success(value.strip())
    return Failure(Problem(problem="is not the URL of a Redis server", fix="give redis://host:6379/0"))


def _store(value: object) -> Result[Any, Problem]:
    text = value.strip() if isinstance(value, str) else ""
    scheme, colon, _ = text.partition("://")
    if text == ":memory:" or (scheme in _DATABASES if colon else _LIKE_A_PATH.search(text)):
        return Success(text)
    return Failure(Problem(problem="is no place for a store", fix="give a path such as ./llm.db, :memory: or postgresql://user@host/name"))


_DATABASES = ("sqlite", "sqlite+aiosqlite", "sqlite+pysqlite", "postgresql", "postgres", "postgresql+asyncpg")
_LIKE_A_PATH = re.compile(r"[/\\]|^~|\.(db|sqlite3?)$")
STORE = _both(_store)
REDIS = _both(_redis)


def one_of(*words: str) -> Kind:
    """One of a few words."""

    def read(value: object) -> Result[Any, Problem]:
        if isinstance(value, str) and value.strip().lower() in words:
            return Success(value.strip().lower())
        return Failure(Problem(problem=f"is none of {', '.join(words)}", fix=meant(value, words)))

    return _both(read)


def meant(word: object, known: Iterable[str]) -> str:
    """Suggest the known names that are nearest, when there are any."""
    near = nearest(word, known) if isinstance(word, str) else ()
    return f"did you mean {' or '.join(near)}?" if near else ""


def _provider(value: object) -> Result[Any, Problem]:
    if isinstance(value, str) and (name := canonical_provider(value.strip())) is not None:
        return Success(name)
    return Failure(Problem(problem="names no provider", fix=meant(value, _spoken()) or f"known are {', '.join(PROVIDERS)}"))


def _provider_or_auto(value: object) -> Result[Any, Problem]:
    return Success(None) if isinstance(value, str) and value.strip().lower() == AUTO else _provider(value)


def _spoken() -> tuple[str, ...]:
    return (*PROVIDERS, "claude", "gpt", "google", "llama", "local")


PROVIDER = _both(_provider_or_auto)
"""A provider by any of its names, kept under its canonical one; ``auto`` is none."""

ONE_PROVIDER = _both(_provider)
"""The same, where ``auto`` would make no sense."""


def _list(value: object) -> Result[tuple[str, ...], Problem]:
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or any(_text(item) != Success(item) for item in items):
        return _expected("a list of names")
    return Success(tuple(item.strip() for item in items))


def _split(value: object) -> Result[tuple[str, ...], Problem]:
    return _list([item for item in re.split(r"[,\s]+", str(value)) if item])


def _checked(read: Reading, check: Callable[[tuple[str, ...]], Result[Any, Problem]]) -> Reading:
    return lambda value: read(value).bind(check)


def _names(check: Callable[[tuple[str, ...]], Result[Any, Problem]]) -> Kind:
    return Kind(read=_checked(_list, check), read_text=_checked(_split, check))


NAMES = _names(Success)
"""Several names: a list in a file, separated by commas in a variable."""


def _phrases(value: object) -> Result[tuple[str, ...], Problem]:
    return _list([item.strip() for item in str(value).split(",") if item.strip()])


PHRASES = Kind(read=_list, read_text=_phrases)
"""Several words or phrases: a list in a file, separated by commas in a variable."""


def _rung(entry: str) -> str | None:
    """A family stays a family, a provider gets its canonical name, a model its own; None for a misspelt provider."""
    if entry.lower() in _FAMILIES:
        return entry.lower()
    if (name := canonical_provider(entry)) is not None:
        return name
    if provider_of_model(entry) is None and nearest(entry, _spoken()):
        return None
    return entry


def _rungs(entries: tuple[str, ...]) -> Result[Any, Problem]:
    rungs = [_rung(entry) for entry in entries]
    for entry, rung in zip(entries, rungs, strict=True):
        if rung is None:
            return Failure(Problem(problem="an entry names no provider, family or known model", fix=meant(entry, _spoken())))
    return Success(tuple(rungs))


RUNGS = _names(_rungs)
"""Models to try, best first: families, providers or names of models."""


def _verify(value: object) -> Result[Any, Problem]:
    return _flag(value).bind(_verified)


def _verified(said: bool) -> Result[Any, Problem]:
    if said:
        return Success(None)
    return Failure(
        Problem(
            problem="certificates are always verified",
            fix="for a server with a certificate of its own, set ca_bundle to the file that holds it",
        )
    )


VERIFY = Kind(read=_verify, read_text=lambda value: _flag_text(value).bind(_verified))
"""True is what happens anyway; false is refused."""

_MOST_AMOUNT = 10**15


def _amount(value: object) -> Result[Any, Problem]:
    given = _decimal(value)
    if given is not None and given < 0:
        return Failure(Problem(problem="is negative", fix="give a number from 0"))
    return Success(given) if given is not None and given <= _MOST_AMOUNT else _expected("a number from 0")


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        given = Decimal(str(value).strip())
    except (InvalidOperation, ValueError):
        return None
    return given if given.is_finite() else None


AMOUNT = _both(_amount)
"""How much of something, to the last digit as it is written."""


def _shares(value: object) -> Result[Any, Problem]:
    items = value if isinstance(value, list | tuple) else [value]
    shares = [_decimal(item) for item in items]
    if any(share is None or not 0 < share <= 1 for share in shares):
        return Failure(Problem(problem="a list of shares above 0 and up to 1 is expected", fix="write 80 percent as 0.8"))
    return Success(tuple(shares))


SHARES = Kind(read=_shares, read_text=lambda value: _shares([item for item in re.split(r"[,\s]+", str(value)) if item]))
"""Several shares of a whole: a list in a file, separated by commas in a variable."""

PRESENT = _both(lambda _: Success(None))
"""A table without settings: it says only that it is there."""
