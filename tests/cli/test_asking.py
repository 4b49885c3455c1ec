"""From what was typed to a request."""

import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.cli.asking import make_request, media_type, read_image
from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import InvalidRequest
from llm_manager.domain.messages import ImageData, ImageUrl

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
    ).unwrap()
    assert (request.prompt, request.system, request.task_type, request.sensitivity) == ("Hi", "Be kind.", "sql", "private")
    assert (request.preferences.model, request.preferences.max_tokens, request.preferences.temperature) == ("m", 5, 0.0)


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
        assert isinstance(read_image(place).failure(), InvalidRequest)


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
