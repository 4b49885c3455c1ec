"""What was spoken of: in order, each once, and no kind taken for another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.messages import ImageUrl, Message, TextPart, ToolCall
from llm_manager.policies.references import References, references


def spoken(*texts: str) -> References:
    """What users said, in order."""
    return references([Message(role="user", content=text) for text in texts])


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("read /etc/hosts.bak.", ("/etc/hosts.bak",)),
        ("(see ./src/main.py), ok", ("./src/main.py",)),
        ("src/app/main.py and and/or, 3/4", ("src/app/main.py",)),
        (r"copy C:\Users\x\y.md!", (r"C:\Users\x\y.md",)),
        (r'"C:\My Docs\a b.txt"', (r"C:\My Docs\a b.txt",)),
        (r"\\srv\share\x.doc", (r"\\srv\share\x.doc",)),
        ("it's at '/home/me/a b/c.txt', ok", ("/home/me/a b/c.txt",)),
        ("“/tmp/one two.md”", ("/tmp/one two.md",)),
        ("the `main.zig` and report.pdf of example.org v1.2", ("report.pdf", "main.zig")),
        ('he said "look at /tmp/a.txt, please" twice', ("/tmp/a.txt",)),
        ("/tmp/a.txt /tmp/b.txt /tmp/a.txt", ("/tmp/a.txt", "/tmp/b.txt")),
        ("/ // . .. ~", ()),
    ],
)
def test_files(text: str, files: tuple[str, ...]) -> None:
    assert spoken(text).files == files


@pytest.mark.parametrize(
    ("text", "directories"),
    [
        ("in /usr/local, then ~/notes/", ("~/notes/", "/usr/local")),
        ("`~/my dir/`", ("~/my dir/",)),
        (r"cd C:\Windows\System32", (r"C:\Windows\System32",)),
        ("//comment and http://a.b/c", ()),
    ],
)
def test_directories(text: str, directories: tuple[str, ...]) -> None:
    assert spoken(text).directories == directories


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("see https://example.org/a.html.", ("https://example.org/a.html",)),
        ("(https://en.wikipedia.org/wiki/A_(b))", ("https://en.wikipedia.org/wiki/A_(b)",)),
        ("<https://a.b/c?d=e>, [x](http://e.org/f)", ("http://e.org/f", "https://a.b/c?d=e")),
        ("HTTPS://A.B", ("HTTPS://A.B",)),
        ("about://blank x://y", ()),
    ],
)
def test_urls_are_no_files(text: str, urls: tuple[str, ...]) -> None:
    found = spoken(text)
    assert (found.urls, found.files, found.directories) == (urls, (), ())


@pytest.mark.parametrize(
    ("text", "applications"),
    [
        ("open firefox and go to github", ("firefox",)),
        ("please open Visual Studio Code, launch `VLC`", ("VLC", "Visual Studio Code")),
        ("Close my Slack! Restart the app Spotify", ("Spotify", "Slack")),
        ("run it again, open the file /x/y.txt, run the tests; open", ()),
        ("start", ()),
        ("Open Spotify", ("Spotify",)),
    ],
)
def test_applications(text: str, applications: tuple[str, ...]) -> None:
    assert spoken(text).applications == applications


def test_only_the_last_messages_are_looked_at_the_latest_first() -> None:
    texts = [f"/tmp/{number}.txt" for number in range(8)]
    assert spoken(*texts).files == tuple(f"/tmp/{number}.txt" for number in (7, 6, 5, 4, 3))
    messages = [Message(role="user", content=text) for text in texts]
    assert references(messages, last=1).files == ("/tmp/7.txt",)
    assert references(messages, last=0) == References() == references([])


def test_calls_and_results_of_tools_count_and_system_prompts_do_not() -> None:
    said = [
        Message(role="system", content="/etc/prompt.txt"),
        Message(role="assistant", tool_calls=(ToolCall(id="1", name="read", arguments='{"path": "C:\\\\x\\\\y.txt"}'),)),
        Message(role="tool", content=(TextPart(text="/tmp/result.txt"), ImageUrl(url="https://i.org/i.png")), tool_call_id="1"),
    ]
    assert references(said).files == ("/tmp/result.txt", r"C:\x\y.txt")


@given(st.lists(st.text(alphabet=st.sampled_from("ab /\\.:\"'`~(){}“”\nCopen")) | st.text(), max_size=6))
def test_any_text_gives_items_once_each(texts: list[str]) -> None:
    found = spoken(*texts)
    for items in (found.files, found.directories, found.applications, found.urls):
        assert len(set(items)) == len(items)
        assert all(items)
