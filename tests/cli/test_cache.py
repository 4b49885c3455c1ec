"""What is remembered is shown and forgotten on the command line, from one process to the next."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from attrs import evolve
from returns.future import FutureResult

from llm_manager.cli.cache import show, size
from llm_manager.domain.caching import CachedModel, CacheReport, CacheStatistics
from llm_manager.domain.errors import StorageFailed
from tests.cli.conftest import Setting
from tests.cli.program import run, settings_for
from tests.loopback import Received, Respond, fault_server, json_reply


def _hello(_: Received) -> Respond:
    choice = {"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    return json_reply({"id": "c", "object": "chat.completion", "model": "tiny", "choices": [choice], "usage": usage})


def test_it_is_remembered_from_one_process_to_the_next_shown_and_forgotten(tmp_path: Path) -> None:
    with fault_server(_hello) as server:
        path = settings_for(server.url + "/v1", tmp_path)
        path.write_text(path.read_text() + f'[store]\nurl = "sqlite:///{tmp_path}/kept.db"\n')
        config = str(path)
        for notes in (0, 1):
            told = run("generate", "hi", "--config", config, home=tmp_path)
            assert (told.stdout.strip(), told.stderr.count("--fresh asks anew")) == ("hello", notes)
        assert len(server.requests) == 1
        shown = run("cache", "show", "--config", config, home=tmp_path)
        assert "tiny" in shown.stdout and "1 of 2 questions answered from memory" in shown.stderr
        told = json.loads(run("cache", "show", "--json", "--config", config, home=tmp_path).stdout)
        assert (told["answers"]["rows"], told["answers"]["hits"], told["vectors"]["rows"]) == (1, 1, 0)
        kept = run("cache", "forget", "--older-than", "1d", "--config", config, home=tmp_path)
        assert kept.returncode == 0 and "0 values forgotten" in kept.stderr
        gone = run("cache", "forget", "--model", "tiny", "--json", "--config", config, home=tmp_path)
        assert json.loads(gone.stdout) == {"forgotten": 1}
        assert "nothing is remembered" in run("cache", "show", "--config", config, home=tmp_path).stderr
        for words, requests in ((), 2), (("--fresh",), 3), ((), 3):
            run("generate", "hi", *words, "--config", config, home=tmp_path)
            assert len(server.requests) == requests


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    for words, named in (
        ((), "say what to forget"),
        (("--all", "--tag", "x"), "say what to forget"),
        (("--older-than", "soon"), "--older-than"),
        (("--older-than", "2026-01-01"), "--older-than"),
    ):
        told = run("cache", "forget", *words, home=tmp_path)
        assert told.returncode == 2 and named in told.stderr and told.stderr.count("\n") == 1


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
