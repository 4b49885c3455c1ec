"""Every mistake in the words of a run is found before anything is sent, and says what to do."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from returns.result import Failure

from llm_manager.cli.files import prompt_text
from llm_manager.cli.run.typed import Prepared, RunWords, find_target, plan_of, prepare_run, words_of
from llm_manager.domain.error_questions import describe
from llm_manager.domain.requests import JsonSchema, PlainText, Preferences


@pytest.fixture
def words(tmp_path: Path) -> RunWords:
    """A run over two rows that nothing is wrong with."""
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"text":"a","id":1}\n{"text":"b","id":2}\n')
    return RunWords(source=str(rows), prompt="Say {text}", target=str(tmp_path / "out.jsonl"))


def prepared(words: RunWords, folder: Path) -> Prepared:
    return prepare_run(words, stdin=io.BytesIO(), scratch=folder).unwrap()


def refused(words: RunWords, folder: Path) -> str:
    outcome = prepare_run(words, stdin=io.BytesIO(), scratch=folder)
    assert isinstance(outcome, Failure)
    return describe(outcome.failure())


def test_what_was_typed_is_in_every_request(words: RunWords, tmp_path: Path) -> None:
    typed = evolve(words, system="s", model="m", provider="p", max_tokens=5, temperature=0.5, private=True, fields=("n=int",), limit=1)
    job = prepared(typed, tmp_path).job
    assert (job.request.system, job.request.sensitivity) == ("s", "private")
    assert job.request.preferences == Preferences(model="m", provider="p", max_tokens=5, temperature=0.5, exact=True)
    assert not prepared(evolve(typed, fallback=True), tmp_path).job.request.preferences.exact
    assert prepared(evolve(typed, timeout_seconds=0.5), tmp_path).job.request.timeout_ms == 500
    assert isinstance(job.request.output, JsonSchema)
    assert job.table.count == 1
    assert prepared(words, tmp_path).job.request.output == PlainText()


@pytest.mark.parametrize(
    ("source", "target", "form"),
    [("a.csv", "-", "csv"), ("a.csv", "b.jsonl", "jsonl"), ("a.jsonl", "-", "jsonl"), ("a.jsonl", "b.csv", "csv")],
)
def test_the_output_has_the_form_of_its_name_or_else_of_the_input(tmp_path: Path, source: str, target: str, form: str) -> None:
    (tmp_path / source).write_text("text\nx\n" if source == "a.csv" else '{"text":"x"}\n')
    place = target if target == "-" else str(tmp_path / target)
    assert prepared(RunWords(source=str(tmp_path / source), prompt="{text}", target=place), tmp_path).layout.form == form


def test_a_prompt_may_be_in_a_file_and_may_begin_with_an_at(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_bytes("\ufeffSay\r\n{text}\n\n".encode())
    assert prompt_text(f"@{tmp_path / 'p.txt'}").unwrap() == "Say\n{text}\n"
    assert prompt_text("@@home {text}").unwrap() == "@home {text}"
    (tmp_path / "p.txt").write_bytes(b"\xff")
    assert "not UTF-8" in describe(prompt_text(f"@{tmp_path / 'p.txt'}").failure())
    assert "there is no file" in describe(prompt_text(f"@{tmp_path / 'no.txt'}").failure())
    assert "cannot be read" in describe(prompt_text(f"@{tmp_path}").failure())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"prompt": "Say {txt}"}, "did you mean {text}?"),
        ({"prompt": "Say it"}, "names no column"),
        ({"prompt": "@missing.txt"}, "there is no file missing.txt"),
        ({"fields": ("n",)}, "wants a name and a type"),
        ({"fields": ("n=int",), "schema": Path("s.json")}, "either --field or --schema"),
        ({"schema": Path("missing.json")}, "there is no file missing.json"),
        ({"source": "missing.jsonl"}, "there is no file missing.jsonl"),
        ({"fields": ("id=int",)}, "already has a column 'id'"),
        ({"fields": ("model=str",)}, "may not be called 'model'"),
        ({"target": "out.txt"}, "end it in .jsonl or .csv"),
        ({"target": "."}, "is a folder"),
        ({"target": "x\0.jsonl"}, "cannot be written"),
    ],
)
def test_a_mistake_says_what_and_how(words: RunWords, tmp_path: Path, change: dict[str, Any], said: str) -> None:
    assert said in refused(evolve(words, **change), tmp_path)


def test_a_schema_is_read_from_its_file(words: RunWords, tmp_path: Path) -> None:
    schema = tmp_path / "s.json"
    schema.write_text(json.dumps({"properties": {"n": {"type": "integer"}}}))
    assert prepared(evolve(words, schema=schema), tmp_path).layout.added[0] == "n"
    schema.write_text("{}")
    assert "s.json has no properties" in refused(evolve(words, schema=schema), tmp_path)


def test_the_input_is_never_the_output(words: RunWords, tmp_path: Path) -> None:
    out = Path(words.target)
    out.write_text("precious\n")
    assert "is the input" in refused(evolve(words, target=words.source), tmp_path)
    assert prepared(words, tmp_path).target.name == str(out)
    out.write_text("")
    assert prepared(words, tmp_path).target.whole


def test_a_link_is_followed_to_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "real.jsonl")
    assert find_target(str(tmp_path / "link.jsonl"), tmp_path / "in.jsonl").unwrap().path == tmp_path / "real.jsonl"


def test_a_device_is_written_as_it_is() -> None:
    target = find_target("/dev/null", Path("in.jsonl")).unwrap()
    assert (target.path, target.whole, target.name) == (Path("/dev/null"), False, None)


def test_what_was_typed_can_be_done_again_from_what_is_kept(words: RunWords, tmp_path: Path) -> None:
    """Files that were named are kept with what they held, braces as they were typed."""
    (tmp_path / "prompt.txt").write_text("Say {text} as {{json}}")
    (tmp_path / "schema.json").write_text('{"properties":{"n":{"type":"integer"}}}')
    said = evolve(words, prompt=f"@{tmp_path / 'prompt.txt'}", schema=tmp_path / "schema.json", stop=("x",), seed=3)
    first = prepared(said, tmp_path)
    plan = plan_of(said, first, concurrency=4)
    (tmp_path / "prompt.txt").unlink()
    (tmp_path / "schema.json").unlink()
    again = words_of(plan)
    assert again is not None
    second = prepared(again, tmp_path)
    assert second.job.settings() == first.job.settings() == plan.settings
    assert plan_of(again, second, concurrency=4) == plan
    assert words_of(evolve(plan, options={})) is None
