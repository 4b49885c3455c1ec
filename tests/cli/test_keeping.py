"""Where the command line keeps what outlives it."""

from pathlib import Path

import pytest
from attrs import evolve

from llm_manager.cli.keeping import keeping, state_folder, store_warnings
from llm_manager.domain.configuration import LLMConfig, StoreSettings
from tests.cli.program import run, settings_for
from tests.cli.test_budgets import echo
from tests.loopback import fault_server


@pytest.mark.parametrize(
    ("environ", "platform", "folder"),
    [
        ({"HOME": "/home/ada"}, "linux", "/home/ada/.local/state/llm-manager"),
        ({"HOME": "/home/ada", "XDG_STATE_HOME": "/state"}, "linux", "/state/llm-manager"),
        ({"HOME": "/home/ada", "XDG_STATE_HOME": "relative"}, "linux", "/home/ada/.local/state/llm-manager"),
        ({"HOME": "/Users/ada"}, "darwin", "/Users/ada/Library/Application Support/llm-manager"),
    ],
)
def test_the_state_folder_follows_each_systems_custom(environ: dict[str, str], platform: str, folder: str) -> None:
    """A relative one of the environment is none."""
    assert state_folder(environ, platform) == Path(folder)


def test_without_a_home_the_system_is_asked() -> None:
    """It always knows one."""
    assert state_folder({}).name == "llm-manager"


def test_what_the_settings_say_comes_first() -> None:
    """Also that nothing is kept."""
    said = LLMConfig(store=StoreSettings(url=":memory:"))
    assert keeping(said, {"HOME": "/home/ada"}) == said
    assert keeping(LLMConfig(), {"XDG_STATE_HOME": "/state"}).store.url == "/state/llm-manager/store.db"
    assert keeping(evolve(LLMConfig(), store=StoreSettings(redis_url="redis://h")), {"HOME": "/h"}).store.redis_url == "redis://h"


def test_what_is_amiss_with_the_file_is_told(tmp_path: Path) -> None:
    """Once it is there."""
    environ = {"XDG_STATE_HOME": str(tmp_path)}
    assert store_warnings(LLMConfig(), environ) == ()
    path = tmp_path / "llm-manager" / "store.db"
    path.parent.mkdir()
    path.touch(0o644)
    path.chmod(0o644)
    assert any("may be read by others" in each for each in store_warnings(LLMConfig(), environ))
    assert store_warnings(LLMConfig(store=StoreSettings(url=":memory:")), environ) == ()


def test_an_answer_comes_though_nothing_can_be_kept_and_one_line_says_so(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, where the folder would be")
    with fault_server(echo) as server:
        words = ("generate", "hello", "--config", str(settings_for(server.url + "/v1", tmp_path)))
        told = run(*words, home=tmp_path, environ={"XDG_STATE_HOME": str(tmp_path / "taken")})
    assert (told.returncode, told.stdout) == (0, "hello\n")
    assert told.stderr.count("nothing of this is kept: ") == 1
    refused = run("runs", "list", home=tmp_path, environ={"XDG_STATE_HOME": str(tmp_path / "taken")})
    assert refused.returncode != 0
    assert refused.stderr.count("\n") == 1
