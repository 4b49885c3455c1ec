"""What store.url may say, and what it means."""

from pathlib import Path
from typing import Final, TypeAlias

from attrs import field, frozen
from returns.result import Failure, Success
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from llm_manager.domain.errors import ConfigurationError, LLMError
from llm_manager.outcomes import Settled

_FORMS: Final = "give a path, sqlite:///path, :memory: or postgresql://user@host/name"
_PARAMETERS: Final = frozenset({"host", "port", "ssl", "passfile"})
"""What may stand after the question mark of a server's URL."""
_ENCRYPTION: Final = "sslmode"


@frozen
class InMemory:
    """Gone when it is closed."""

    def __str__(self) -> str:
        return ":memory:"


@frozen
class InFile:
    """A file of SQLite."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)


@frozen
class OnServer:
    """A database of a PostgreSQL server."""

    url: URL = field(repr=False)

    def __str__(self) -> str:
        return self.url.render_as_string(hide_password=True)


Place: TypeAlias = InMemory | InFile | OnServer


def read_place(url: str) -> Settled[Place, LLMError]:
    """Understand ``store.url``. A path may begin with ~, and one that is relative begins at the folder we are in now."""
    url = url.strip()
    if url in (":memory:", "sqlite://", "sqlite:///:memory:"):
        return Success(InMemory())
    if "\0" in url:
        return _unfit("it holds a zero byte")
    scheme, colon, rest = url.partition("://")
    if not colon:
        return _file(url) if url and not url.startswith(("sqlite:", "postgresql:")) else _unfit("it is no URL")
    if scheme in ("sqlite", "sqlite+aiosqlite", "sqlite+pysqlite"):
        if not rest.startswith("/"):
            return _unfit("after sqlite: come three slashes and a path, four when the path begins with one")
        return _file(rest[1:])
    if scheme in ("postgresql", "postgres", "postgresql+asyncpg"):
        return _server(f"postgresql://{rest}")
    return _unfit(f"{scheme} is no database that is known" if scheme.replace("+", "").isalnum() else "it is no URL")


def _file(path: str) -> Settled[Place, LLMError]:
    if not path or path.endswith(("/", "\\")):
        return _unfit("it names no file")
    if "?" in path:
        return _unfit("a file takes no parameters")
    try:
        return Success(InFile(Path(path).expanduser().absolute()))
    except RuntimeError:
        return _unfit("the home folder that ~ stands for is not known")


def _server(text: str) -> Settled[Place, LLMError]:
    try:
        url = None if text.partition("?")[0].count("@") > 1 else make_url(text)
    except (ArgumentError, ValueError):  # what it says may repeat the password
        url = None
    if url is None:
        return _unfit("it is no URL; a password with / : @ or ? in it is written with %2F %3A %40 %3F")
    if url.query.get(_ENCRYPTION) is not None:
        url = url.difference_update_query([_ENCRYPTION]).update_query_dict({"ssl": url.query[_ENCRYPTION]})
    if set(url.query) - _PARAMETERS:
        return _unfit(f"of parameters only {', '.join(sorted({_ENCRYPTION, *_PARAMETERS}))} are known")
    if not url.database:
        return _unfit("it names no database")
    return Success(OnServer(url))


def _unfit(problem: str) -> Settled[Place, LLMError]:
    return Failure(ConfigurationError(message=f"store.url: {problem}; {_FORMS}"))
