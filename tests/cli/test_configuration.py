"""Settings shown with their origins, and checked with all their faults."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from returns.result import Success

from llm_manager.cli.configuration import check, show
from llm_manager.cli.session import open_session, overridden
from llm_manager.domain.configuration import CacheSettings, LLMConfig
from llm_manager.real_world import real_world
from llm_manager.stores.sql.connecting import open_database

Setting = Callable[..., Any]
KEY = "sk-canary-0123456789"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _file(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text)
    return path


def test_each_value_has_an_origin_and_no_key_shows(scene: Setting, tmp_path: Path) -> None:
    path = _file(tmp_path, '[routing]\nstrategy = "cost"\n')
    world = real_world({"OPENAI_API_KEY": KEY, "HOME": str(tmp_path)})
    at = scene(terminal=True)
    assert show(at.session.output, world, path=path) == 0
    assert KEY not in at.out.getvalue() + at.err.getvalue()
    at = scene(json=True)
    assert show(at.session.output, world, path=path) == 0
    told = {row["key"]: row for row in json.loads(at.out.getvalue())["settings"]}
    assert told["routing.strategy"]["value"] == "cost"
    assert "mine.toml" in told["routing.strategy"]["origin"]
    assert "OPENAI_API_KEY" in told["providers.openai.api_key"]["origin"]
    assert KEY not in at.out.getvalue()
    assert told["cache.enabled"]["origin"] == "default"


def test_a_key_in_a_file_is_warned_of(scene: Setting, tmp_path: Path) -> None:
    path = _file(tmp_path, f'[providers.openai]\napi_key = "{KEY}"\n')
    path.chmod(0o644)
    at = scene()
    show(at.session.output, real_world({}), path=path)
    assert KEY not in at.out.getvalue() + at.err.getvalue()
    assert at.err.getvalue().startswith(("warning: ", "error: "))


def test_every_fault_is_a_line(scene: Setting, tmp_path: Path) -> None:
    path = _file(tmp_path, '[routing]\nstrategi = "cost"\nmax_retries = "many"\n')
    at = scene()
    assert check(at.session.output, real_world({}), path=path) == 2
    lines = at.err.getvalue().splitlines()
    assert len(lines) == 2
    assert all(line.startswith("error: ") and "mine.toml" in line for line in lines)
    assert any("strategy" in line for line in lines)
    at = scene(json=True)
    assert check(at.session.output, real_world({}), path=path) == 2
    document = json.loads(at.out.getvalue())
    assert document["ok"] is False
    assert {fault["key"] for fault in document["faults"]} == {"routing.strategi", "routing.max_retries"}


def test_faultless_settings_say_so(scene: Setting, tmp_path: Path) -> None:
    at = scene()
    assert check(at.session.output, real_world({})) == 0
    assert at.out.getvalue() == "the settings have no faults\n"


def test_checking_tells_warnings_beside_faults(scene: Setting, tmp_path: Path) -> None:
    at = scene()
    world = real_world({"OPENAI_TEMPRATURE": "1", "LLM_CACHE_ENABLED": "perhaps"})
    assert check(at.session.output, world) == 2
    assert [line.partition(":")[0] for line in at.err.getvalue().splitlines()] == ["warning", "error"]


def _names_a_store(folder: Path, url: object) -> Path:
    return _file(folder, f'[store]\nurl = "{url}"\n')


def test_a_store_that_cannot_be_used_is_a_fault(scene: Setting, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("This is no database.\n")
    path, at = _names_a_store(tmp_path, text), scene()
    assert check(at.session.output, real_world({}), path=path) == 2
    told = "the file is no SQLite database: let store.url name another"
    fault = next(line for line in at.err.getvalue().splitlines() if line.startswith("error: "))
    assert "mine.toml" in fault
    assert f": store.url: {text}: {told}" in fault
    assert at.out.getvalue() == ""
    assert text.read_text() == "This is no database.\n"
    at = scene(json=True)
    check(at.session.output, real_world({}), path=path)
    (document,) = json.loads(at.out.getvalue())["faults"]
    assert document["key"] == "store.url"


def test_another_programs_database_is_a_fault_and_stays_as_it_is(scene: Setting, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.db"
    with closing(sqlite3.connect(theirs)) as connection:
        connection.execute("create table theirs (what text)")
    before, at = theirs.read_bytes(), scene()
    assert check(at.session.output, real_world({}), path=_names_a_store(tmp_path, theirs)) == 2
    assert "it is another program's database" in at.err.getvalue()
    assert theirs.read_bytes() == before


def test_a_store_that_is_there_or_is_not_there_yet_is_no_fault(scene: Setting, tmp_path: Path) -> None:
    path = _names_a_store(tmp_path, tmp_path / "new" / "llm.db")
    assert check(scene().session.output, real_world({}), path=path) == 0
    assert [each.name for each in tmp_path.iterdir()] == ["mine.toml"]
    database = open_database(str(tmp_path / "new" / "llm.db")).unwrap()
    database.write_now(lambda _: Success(None)).unwrap()
    database.close_now()
    assert check(scene().session.output, real_world({}), path=path) == 0
    assert [each.name for each in (tmp_path / "new").iterdir()] == ["llm.db"]


@pytest.mark.parametrize("url", [":memory:", "postgresql://nobody@127.0.0.1:1/none"])
def test_no_server_is_asked(scene: Setting, tmp_path: Path, url: str) -> None:
    assert check(scene().session.output, real_world({}), path=_names_a_store(tmp_path, url)) == 0


def test_a_missing_file_is_a_fault(scene: Setting, tmp_path: Path) -> None:
    at = scene()
    assert check(at.session.output, real_world({}), path=tmp_path / "absent.toml") == 2
    assert show(at.session.output, real_world({}), path=tmp_path / "absent.toml") == 2
    assert isinstance(open_session(at.session.output, config=tmp_path / "absent.toml", world=real_world({})).failure().tag, str)


def test_the_command_line_has_the_last_word() -> None:
    assert overridden(LLMConfig(), strategy="cost").routing.strategy == "cost"
    assert overridden(LLMConfig()) == LLMConfig()
    forgetful = LLMConfig(cache=CacheSettings(enabled=False, max_size=3))
    assert overridden(forgetful, remember=512).cache == CacheSettings(max_size=512)


def test_a_session_is_made_of_the_settings(scene: Setting, tmp_path: Path) -> None:
    path = _file(tmp_path, '[routing]\nstrategy = "cost"\n')
    at = scene()
    session = open_session(at.session.output, config=path, strategy="performance", world=real_world({})).unwrap()
    assert session.config.routing.strategy == "performance"


def test_warnings_are_told_before_anything_is_sent(scene: Setting, tmp_path: Path) -> None:
    path = _file(tmp_path, f'[providers.openai]\napi_key = "{KEY}"\n')
    path.chmod(0o600)
    at = scene()
    opened = open_session(at.session.output, config=path, world=real_world({})).unwrap()
    assert at.err.getvalue().count("warning: ") == len(opened.config.warnings)
