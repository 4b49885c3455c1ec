"""What is remembered is shown and forgotten on the command line, from one process to the next."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from returns.future import FutureResult

from llm_manager.cli.cache import show, size
from llm_manager.domain.caching import CachedModel, CacheReport, CacheStatistics
from llm_manager.domain.errors import StorageFailed
from tests.cli.conftest import Setting
from tests.cli.program import error_line, run, run_apart, settings_for
from tests.loopback import Received, Respond, fault_server, json_reply


def _hello(_: Received) -> Respond:
    choice = {"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    return json_reply({"id": "c", "object": "chat.completion", "model": "tiny", "choices": [choice], "usage": usage})


def test_it_is_remembered_from_one_process_to_the_next_shown_and_forgotten(tmp_path: Path) -> None:
    with fault_server(_hello) as server:
        path = settings_for(server.url + "/v1", tmp_path)
        path.write_text(path.read_text() + f'[store]\nurl = "sqlite:///{tmp_path}/kept.db"\n')
        config, home = ("--config", str(path)), tmp_path
        first = run_apart("generate", "hi", *config, home=home)
        again = run("generate", "hi", *config, home=home)
        assert [(told.stdout, told.stderr.count("--fresh asks anew")) for told in (first, again)] == [("hello\n", 0), ("hello\n", 1)]
        assert len(server.requests) == 1
        shown = run("cache", "show", *config, home=home)
        assert "tiny" in shown.stdout and "1 of 2 questions answered from memory" in shown.stderr
        told = json.loads(run("cache", "show", "--json", *config, home=home).stdout)
        assert (told["answers"]["rows"], told["answers"]["hits"], told["vectors"]["rows"]) == (1, 1, 0)
        kept = run("cache", "forget", "--older-than", "1d", *config, home=home)
        assert kept.returncode == 0 and "0 values forgotten" in kept.stderr
        gone = run("cache", "forget", "--model", "tiny", "--json", *config, home=home)
        assert json.loads(gone.stdout) == {"forgotten": 1}
        assert "nothing is remembered" in run("cache", "show", *config, home=home).stderr
        for words, requests in ((), 2), (("--fresh",), 3), ((), 3):
            run("generate", "hi", *words, *config, home=home)
            assert len(server.requests) == requests


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ((), "say what to forget"),
        (("--all", "--tag", "x"), "say what to forget"),
        (("--older-than", "soon"), "--older-than"),
        (("--older-than", "2026-01-01"), "--older-than"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, words: tuple[str, ...], named: str) -> None:
    told = run("cache", "forget", *words, home=tmp_path)
    assert told.returncode == 2 and named in error_line(told)
    asked = run("cache", "forget", *words, "--json", home=tmp_path)
    assert asked.returncode == 2 and named in json.loads(asked.stdout)["error"]["message"]


def test_what_cannot_be_forgotten_is_an_error(tmp_path: Path) -> None:
    """A store that is none is named, and nothing is said to be gone."""
    (tmp_path / "kept.db").write_bytes(b"no database, whatever its name says" * 100)
    path = settings_for("http://127.0.0.1:9/v1", tmp_path)
    path.write_text(path.read_text() + f'[store]\nurl = "sqlite:///{tmp_path}/kept.db"\n')
    for words in (("show",), ("forget", "--all")):
        told = run("cache", *words, "--config", str(path), home=tmp_path)
        assert told.returncode == 1 and "values forgotten" not in told.stderr
        assert "kept.db" in error_line(told)


def test_sizes_are_readable() -> None:
    assert [size(count) for count in (0, 1023, 1024, 5 * 1024**4 * 1024)] == ["0 B", "1023 B", "1 KiB", "5120 TiB"]


def _told(*models: CachedModel, **counts: Any) -> CacheStatistics:
    return CacheStatistics(models=models, rows=len(models), **counts)


async def test_it_is_shown_by_model_with_what_it_saved(scene: Setting) -> None:
    one = CachedModel(provider="p", model="m", rows=3, bytes=2048, hits=5, saved_usd=Decimal("0.25"))
    report = CacheReport(answers=_told(one, hits=5, misses=5, saved_usd=Decimal("0.25"), unpriced=1), vectors=_told())
    here = scene()
    manager = evolve(here.session.manager, cache_statistics=lambda: FutureResult.from_value(report))
    assert await show(evolve(here.session, manager=manager)) == 0
    assert here.out.getvalue() == "what\tmodel\trows\tsize\thits\tsaved\nanswers\tp/m\t3\t2 KiB\t5\t$0.25\n"
    assert "answers: 5 of 10 questions answered from memory (50%), $0.25 saved, and 1 hit whose price is not known" in here.err.getvalue()
    assert "until it ends" in here.err.getvalue()


async def test_a_store_that_cannot_be_read_is_an_error(scene: Setting) -> None:
    here = scene(json=True)
    failed = StorageFailed(message="gone", reason="denied")
    manager = evolve(here.session.manager, cache_statistics=lambda: FutureResult.from_failure(failed))
    assert await show(evolve(here.session, manager=manager)) == 2
    assert json.loads(here.out.getvalue())["error"]["tag"] == "StorageFailed"
