"""What store.url may say: every spelling of a place, and a fault in one that repeats nothing."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Failure, Success

from llm_manager.domain.errors import ConfigurationError
from llm_manager.settings.kinds import STORE
from llm_manager.stores.sql.places import InFile, InMemory, OnServer, read_place

HERE = Path.cwd()
HOME = Path.home()

FILES = {
    "store.db": HERE / "store.db",
    "./some/store.db": HERE / "some" / "store.db",
    "/var/llm/store.db": Path("/var/llm/store.db"),
    "~/store.db": HOME / "store.db",
    " ~/store.db ": HOME / "store.db",
    "sqlite:///store.db": HERE / "store.db",
    "sqlite:////var/llm/store.db": Path("/var/llm/store.db"),
    "sqlite:///~/store.db": HOME / "store.db",
    "sqlite+aiosqlite:///store.db": HERE / "store.db",
    "/var/100% & more/store.db": Path("/var/100% & more/store.db"),
}

UNFIT = (
    "",
    "/var/llm/",
    "sqlite://store.db",
    "sqlite:store.db",
    "sqlite:///store.db?mode=ro",
    "mysql://root:hunter2@host/name",
    "postgresql:host",
    "postgresql://user:hunter2@host",
    "postgresql://user:hunt@er2/hunter2@host/name",
    "postgresql://user:hunter2@host:hunter2/name",
    "postgresql://user@host/name?password=hunter2",
    "postgresql://user@host/name?hunter2=1",
    "a\0b.db",
    "~nobody-of-this-name-hunter2/store.db",
)


@pytest.mark.parametrize("url", FILES)
def test_a_file(url: str) -> None:
    """Its path is settled at once: a folder that is changed to later changes nothing."""
    assert read_place(url) == Success(InFile(FILES[url]))
    assert isinstance(STORE.read(url), Success)


@pytest.mark.parametrize("url", [":memory:", "sqlite://", "sqlite:///:memory:"])
def test_memory(url: str) -> None:
    """It is gone when it is closed."""
    assert read_place(url) == Success(InMemory())
    assert isinstance(STORE.read(url), Success)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
def test_a_server(scheme: str) -> None:
    """Its password is shown nowhere."""
    place = read_place(f"{scheme}://user:hunter2@host:5433/name?sslmode=require").unwrap()
    assert isinstance(place, OnServer)
    assert place.url.password == "hunter2"
    assert (place.url.host, place.url.port, place.url.database, dict(place.url.query)) == ("host", 5433, "name", {"ssl": "require"})
    assert "hunter2" not in f"{place} {place!r}"
    assert str(place) == "postgresql://user:***@host:5433/name?ssl=require"


@pytest.mark.parametrize("url", UNFIT)
def test_what_is_no_place(url: str) -> None:
    """It is named, with what could be given, and not repeated: it may hold a password."""
    refused = read_place(url)
    assert isinstance(refused, Failure)
    error = refused.failure()
    assert isinstance(error, ConfigurationError)
    assert error.message.startswith("store.url: ")
    assert "hunter2" not in error.message
    assert "er2" not in error.message


@given(st.text(max_size=40) | st.builds("postgresql://{}@{}/{}".format, st.text(max_size=9), st.text(max_size=9), st.text(max_size=9)))
def test_any_text_is_a_place_or_a_fault(url: str) -> None:
    """Never an exception."""
    assert isinstance(read_place(url), Success | Failure)
    assert isinstance(STORE.read(url), Success | Failure)


@pytest.mark.parametrize("url", ["true", "yes", "store", "mysql://host/name", "http://host/name", "on"])
def test_settings_take_no_word_for_a_place(url: str) -> None:
    """Nobody wants a file called true."""
    assert isinstance(STORE.read(url), Failure)


def test_a_password_may_hold_what_urls_are_made_of() -> None:
    """But for an at sign, which would end it."""
    place = read_place("postgresql://user:hunt/er2:%40hunter2@host/name").unwrap()
    assert isinstance(place, OnServer)
    assert place.url.password == "hunt/er2:@hunter2"
