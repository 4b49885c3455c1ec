"""Conversations on the command line, from one process to the next: listed, shown, found, named, moved, forgotten."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_manager.cli.conversations.at_hand import short
from llm_manager.domain.conversations import ConversationHead
from tests.cli.program import error_line, run, settings_for, spoken
from tests.loopback import fault_server


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home where two talks were had."""
    folder = tmp_path_factory.mktemp("home")
    with fault_server(spoken("The Loire."), spoken("The Rhône."), spoken("Blue.")) as server:
        settings_for(server.url + "/v1", folder)
        assert run("chat", "--config", "mine.toml", home=folder, stdin="Name a river\nAnother?\n").stdout == "The Loire.\nThe Rhône.\n"
        assert run("chat", "--config", "mine.toml", home=folder, stdin="Which colour?\n").returncode == 0
        yield folder


def test_they_are_listed_shown_and_found(home: Path) -> None:
    lines = run("conversations", "list", home=home).stdout.splitlines()
    assert lines[0].split("\t") == ["id", "last used", "turns", "title"]
    assert [line.split("\t")[2:] for line in lines[1:]] == [["1", "Which colour?"], ["2", "Name a river"]]
    told = json.loads(run("--json", "conversations", "list", "--last", "1", "--since", "1h", home=home).stdout)
    assert [head["title"] for head in told["conversations"]] == ["Which colour?"]
    assert told["after"]
    assert "there are more" in run("conversations", "list", "--last", "1", home=home).stderr
    assert "Name a river" in run("conversations", "list", "--title", "RIVER", home=home).stdout
    assert "no conversations are kept that fit" in run("conversations", "list", "--tenant", "x", home=home).stderr
    river = lines[2].split("\t")[0]
    shown = run("conversations", "show", river, home=home).stdout
    assert "You: Another?\nModel: The Rhône.\n" in shown
    assert json.loads(run("conversations", "show", "last", "--json", home=home).stdout)["title"] == "Which colour?"
    found = run("conversations", "search", "rhône another", home=home).stdout.splitlines()
    assert found[1].split("\t")[:2] == [river, "2"]
    assert (
        json.loads(run("conversations", "search", "loire", "--json", home=home).stdout)["found"][0]["excerpt"] == "Name a river The Loire."
    )
    assert "nothing was said" in run("conversations", "search", "Danube", home=home).stderr


def test_they_go_out_and_come_back(home: Path, tmp_path: Path) -> None:
    page, every = tmp_path / "talk.md", tmp_path / "all.json"
    assert run("conversations", "export", "last", "-o", str(page), home=home).returncode == 0
    assert page.read_text().startswith("# Which colour?\n")
    assert run("conversations", "export", "-o", str(every), home=home).returncode == 0
    assert "is there already" in error_line(run("conversations", "export", "-o", str(every), home=home))
    assert run("conversations", "export", "-o", str(every), "--overwrite", home=home).returncode == 0
    assert json.loads(run("conversations", "export", home=home).stdout) == json.loads(every.read_text())
    assert "a page holds one" in error_line(run("conversations", "export", "-o", str(tmp_path / "all.md"), home=home))
    folder = tmp_path / "each"
    assert run("conversations", "export", "-o", f"{folder}/", "--format", "markdown", home=home).returncode == 0
    assert sorted(path.suffix for path in folder.iterdir()) == [".md", ".md"]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert "2 conversations came in" in run("conversations", "import", str(every), home=elsewhere).stderr
    again = error_line(run("conversations", "import", str(page), home=elsewhere))
    assert "--anew" in again
    assert run("conversations", "import", str(page), "--anew", home=elsewhere).returncode == 0
    titles = [line.split("\t")[3] for line in run("conversations", "list", home=elsewhere).stdout.splitlines()[1:]]
    assert sorted(titles) == ["Name a river", "Which colour?", "Which colour?"]
    assert run("conversations", "title", "last", "New name", home=elsewhere).returncode == 0
    assert "New name" in run("conversations", "list", home=elsewhere).stdout
    assert "1 conversation forgotten" in run("conversations", "delete", "last", home=elsewhere).stderr
    assert "2 conversations forgotten" in run("conversations", "delete", "--older-than", "0m", home=elsewhere).stderr


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("show", "zzz"), "'zzz'"),
        (("show", ""), "''"),
        (("title", "zzz", "x"), "'zzz'"),
        (("delete",), "say which to forget"),
        (("delete", "last", "--older-than", "1d"), "say which to forget"),
        (("delete", "--older-than", "soon"), "--older-than"),
        (("delete", "zzz"), "'zzz'"),
        (("list", "--since", "soon"), "--since"),
        (("export", "zzz"), "'zzz'"),
        (("export", "-o", "/nowhere/at/all.json"), "/nowhere/at/all.json"),
        (("export", "-o", "/dev/null/x/"), "/dev/null/x"),
        (("import", "/nowhere"), "/nowhere"),
        (("import", "mine.toml"), "conversation"),
    ],
)
def test_mistakes_are_one_line(home: Path, words: tuple[str, ...], named: str) -> None:
    told = run("conversations", *words, home=home)
    assert named in error_line(told)
    assert told.returncode == 2


def test_a_time_that_is_none_is_told_to_programs_too(home: Path) -> None:
    told = run("conversations", "list", "--since", "soon", "--json", home=home)
    assert told.returncode == 2
    assert "--since" in json.loads(told.stdout)["error"]["message"]


def test_last_says_when_there_is_none(tmp_path: Path) -> None:
    assert "there is no conversation" in error_line(run("chat", "--resume", "last", home=tmp_path))


def test_a_short_id_tells_it_from_others() -> None:
    heads = tuple(ConversationHead(id=f"abcdefgh{end}", turns=0) for end in ("ij", "ik"))
    assert [short(head.id, heads) for head in heads] == ["abcdefghij", "abcdefghik"]
    assert short("", heads) == "''"
