"""From what was typed to a request."""

import io
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.cli.asking import make_request
from llm_manager.cli.attachments import media_type, read_image
from llm_manager.cli.files import LARGEST
from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import InvalidRequest, StorageFailed
from llm_manager.domain.messages import DocumentData, DocumentUrl, ImageData, ImageUrl, TextPart

PNG = b"\x89PNG\r\n\x1a\nrest"


def test_options_become_preferences() -> None:
    request = make_request(
        "Hi",
        stdin=io.StringIO(),
        system="Be kind.",
        model="m",
        provider="p",
        max_tokens=5,
        temperature=0.0,
        task_type="sql",
        sensitivity="private",
        top_p=0.5,
        stop=["a", "b"],
        seed=7,
        reasoning="low",
    ).unwrap()
    assert (request.prompt, request.system, request.task_type, request.sensitivity) == ("Hi", "Be kind.", "sql", "private")
    assert (request.preferences.model, request.preferences.max_tokens, request.preferences.temperature) == ("m", 5, 0.0)
    assert (request.preferences.top_p, request.preferences.stop, request.preferences.seed) == (0.5, ("a", "b"), 7)
    assert request.preferences.reasoning == "low"


@pytest.mark.parametrize(
    ("named", "exact"),
    [
        ({}, False),
        ({"provider": "auto"}, False),
        ({"provider": "p"}, True),
        ({"model": "m"}, True),
        ({"model": "m", "fallback": True}, False),
    ],
)
def test_who_is_named_is_asked_alone_unless_others_may_stand_in(named: Any, exact: bool) -> None:
    assert make_request("Hi", stdin=io.StringIO(), **named).unwrap().preferences.exact is exact


def test_seconds_become_milliseconds() -> None:
    assert make_request("Hi", stdin=io.StringIO(), timeout_seconds=1.5).unwrap().timeout_ms == 1500
    assert make_request("Hi", stdin=io.StringIO(), timeout_seconds=1e-9).unwrap().timeout_ms == 1
    assert make_request("Hi", stdin=io.StringIO()).unwrap().timeout_ms is None


def test_a_dash_reads_standard_input() -> None:
    assert make_request("-", stdin=io.StringIO("from a pipe\n")).unwrap().prompt == "from a pipe\n"


@pytest.mark.parametrize("prompt", ["", " \n", "-"])
def test_an_empty_prompt_is_refused(prompt: str) -> None:
    assert isinstance(make_request(prompt, stdin=io.StringIO("")).failure(), InvalidRequest)


def test_images_go_with_the_prompt(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(PNG)
    request = make_request("What is it?", stdin=io.StringIO(), images=(str(tmp_path / "a.bin"), "https://example.org/b")).unwrap()
    assert request.conversation()[-1].content[1:] == (ImageData(data=PNG), ImageUrl(url="https://example.org/b"))
    assert request.has_images


def test_an_image_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no image")
    assert "a.png" in describe(make_request("x", stdin=io.StringIO(), images=(str(tmp_path / "a.png"),)).failure())
    for place in (str(tmp_path / "absent.png"), str(tmp_path), "nul\0"):
        assert isinstance(read_image(place).failure(), StorageFailed)


@pytest.mark.parametrize(
    ("data", "kind"),
    [(PNG, "image/png"), (b"\xff\xd8\xff\xe0", "image/jpeg"), (b"GIF89a", "image/gif"), (b"RIFF1234WEBPVP8", "image/webp"), (b"", None)],
)
def test_kinds_of_images(data: bytes, kind: str | None) -> None:
    assert media_type(data) == kind


@given(st.binary(max_size=20))
def test_any_bytes_have_a_kind_or_none(data: bytes) -> None:
    assert media_type(data) in (None, "image/png", "image/jpeg", "image/gif", "image/webp")


def test_bytes_that_are_no_text_are_refused() -> None:
    stdin = io.TextIOWrapper(io.BytesIO(b"caf\xe9"), encoding="utf-8")
    assert "byte 3" in describe(make_request("-", stdin=stdin).failure())


@pytest.fixture
def piped() -> Iterator[Callable[[bytes], TextIO]]:
    """A pipe that holds these bytes and no more."""
    with ExitStack() as opened:

        def pipe(data: bytes) -> TextIO:
            reading, writing = os.pipe()
            with os.fdopen(writing, "wb") as file:
                file.write(data)
            return opened.enter_context(os.fdopen(reading, encoding="utf-8"))

        yield pipe


Piped = Callable[[bytes], TextIO]


def test_what_is_piped_in_goes_after_the_prompt(piped: Piped, tmp_path: Path) -> None:
    assert make_request("Summarise.", stdin=piped(b"Long text.\n")).unwrap().prompt == "Summarise.\n\nLong text.\n"
    (tmp_path / "text").write_text("From a file.")
    with (tmp_path / "text").open() as file:
        assert make_request("Summarise.", stdin=file).unwrap().prompt == "Summarise.\n\nFrom a file."
    assert make_request("-", stdin=piped(b"Alone.")).unwrap().prompt == "Alone."


@pytest.mark.parametrize("nothing", [b"", b"\n", b"\xef\xbb\xbf \n"])
def test_a_pipe_of_nothing_changes_nothing(piped: Piped, nothing: bytes) -> None:
    assert make_request("Hi", stdin=piped(nothing)).unwrap().prompt == "Hi"


def test_a_device_is_not_read() -> None:
    with Path("/dev/zero").open() as zero:
        assert make_request("Hi", stdin=zero).unwrap().prompt == "Hi"
    closed = io.TextIOWrapper(io.BytesIO())
    closed.close()
    assert make_request("Hi", stdin=closed).unwrap().prompt == "Hi"


def test_a_pipe_of_no_text_or_too_much_is_refused(piped: Piped, tmp_path: Path) -> None:
    assert describe(make_request("Hi", stdin=piped(b"caf\xe9")).failure()) == "standard input is no UTF-8, at byte 3: send it as UTF-8"
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(LARGEST + 1)
    with large.open() as file:
        assert describe(make_request("Hi", stdin=file).failure()) == "standard input is larger than 32 MB: give a part of it"
    for words in ({"prompt": f"@{large}"}, {"prompt": "Hi", "documents": [str(large)]}, {"prompt": "Hi", "images": [str(large)]}):
        asked: dict[str, Any] = words
        assert "is larger than 32 MB" in describe(make_request(stdin=io.StringIO(), **asked).failure())


def test_a_pipe_that_is_waited_for_is_told() -> None:
    reading, writing = os.pipe()
    told: list[str] = []

    def tell(words: str) -> None:
        told.append(words)
        os.write(writing, b"late")
        os.close(writing)

    with os.fdopen(reading, encoding="utf-8") as stdin:
        assert make_request("Hi", stdin=stdin, tell=tell).unwrap().prompt == "Hi\n\nlate"
    assert told == ["reading standard input until it ends; < /dev/null gives none"]


def test_prompts_may_be_in_files(tmp_path: Path, piped: Piped) -> None:
    (tmp_path / "p.txt").write_bytes(b"\xef\xbb\xbfSay\r\nthis\n")
    request = make_request(f"@{tmp_path / 'p.txt'}", stdin=piped(b"and that"), system=f"@{tmp_path / 'p.txt'}").unwrap()
    assert (request.prompt, request.system) == ("Say\nthis\n\nand that", "Say\nthis")
    assert make_request("@@home", stdin=io.StringIO()).unwrap().prompt == "@home"
    assert describe(make_request("@gone.txt", stdin=io.StringIO()).failure()) == "there is no file gone.txt: check the path"
    assert "gone.txt" in describe(make_request("x", stdin=io.StringIO(), system="@gone.txt").failure())


def test_documents_go_with_the_prompt(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7 rest")
    (tmp_path / "b.md").write_text("# Notes")
    places = [str(tmp_path / "a.pdf"), str(tmp_path / "b.md"), "https://example.org/c.pdf"]
    request = make_request("Sum up.", stdin=io.StringIO(), documents=places).unwrap()
    assert request.has_documents
    assert request.conversation()[-1].content == (
        TextPart(text="Sum up."),
        DocumentData(data=b"%PDF-1.7 rest", name="a.pdf"),
        TextPart(text="b.md:\n\n# Notes"),
        DocumentUrl(url="https://example.org/c.pdf"),
    )


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.pdf", b"no such thing", "a.pdf is no PDF, whatever its name says"),
        ("a.docx", b"PK\x03\x04\0", "a.docx is neither PDF nor text: convert it first"),
        ("a.txt", b"caf\xe9", "a.txt is not UTF-8: save it as UTF-8"),
        ("gone.pdf", None, "there is no file gone.pdf"),
        ("gone.txt", None, "there is no file gone.txt"),
    ],
)
def test_a_document_that_is_none_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, data: bytes | None, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    if data is not None:
        (tmp_path / name).write_bytes(data)
    assert describe(make_request("x", stdin=io.StringIO(), documents=[name]).failure()).startswith(said)
