"""`llm-manager usage`: tables, JSON and CSV of what the usage log says."""

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from returns.future import FutureResult
from returns.result import Failure, Success

from llm_manager.cli.usage.table import csv_lines, document_of, usage
from llm_manager.cli.usage.words import query_for
from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import StorageFailed
from llm_manager.domain.usage import Usage
from llm_manager.domain.usage_log import DearCall, UsageGroup, UsageQuery, UsageReport, UsageTotals
from llm_manager.policies.printing import printable
from llm_manager.runs.cells import cell_rows
from tests.cli.program import run, settings_for
from tests.loopback import fault_server, json_reply

FORMULAS = ("=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://evil")', "=", '"=1', "a,b\nc")

TOTALS = UsageTotals(
    requests=4,
    successful=2,
    failed=1,
    left=1,
    usage=Usage(input_tokens=10, cache_read_tokens=3, output_tokens=5),
    cost_usd=Decimal("0.0123456"),
    unpriced=1,
    doubtful=2,
    remembered=3,
    saved_usd=Decimal("0.5"),
    saved_tokens=30,
    average_latency_ms=1234.567,
    median_latency_ms=900.0,
    p95_latency_ms=2500.0,
    p99_latency_ms=2600.0,
    errors={"TimeoutError": 1},
)
CALL = DearCall(
    call_id="c-1",
    at=1_800_000_000.0,
    models=("openai/gpt", "groq/llama"),
    operation="chat",
    feature="search",
    user=None,
    tenant=None,
    run=None,
    requests=2,
    tokens=18,
    cost_usd=Decimal("0.0123456"),
)


def report_by_user(*names: str | None) -> UsageReport:
    """A report with these users."""
    groups = tuple(UsageGroup(of=(name,), totals=TOTALS) for name in names)
    return UsageReport(query=UsageQuery(by=("user",)), total=TOTALS, groups=groups, first=1.0, last=2.0)


def told(shown: Any, report: UsageReport) -> Any:
    """The session with a manager that tells this report."""
    manager = evolve(shown.session.manager, usage_report=lambda _: FutureResult.from_value(report))
    return evolve(shown.session, manager=manager)


async def test_a_table_has_a_line_for_each_group_and_notes_what_is_not_known(scene: Any) -> None:
    """Lines for programs, sums and doubts for people."""
    shown = scene()
    assert await usage(told(shown, evolve(report_by_user("ann", None), lost=7)), UsageQuery(by=("user",))) == 0
    lines = [line.split("\t") for line in shown.out.getvalue().splitlines()]
    assert lines[0][:4] == ["user", "requests", "failed", "from cache"]
    assert lines[1] == ["ann", "4", "2", "3", "13", "5", "0.012346+", "0.5", "900 ms", "2.5 s"]
    assert lines[2][0] == "(none)"
    notes = shown.err.getvalue()
    assert "4 requests: 2 answered, 1 failed, 1 left; 0.012346 USD; 3 answers from the cache saved 0.5 USD" in notes
    assert "1 answer of unknown cost" in notes and "2 requests that failed or were left may have been billed" in notes
    assert "7 entries could not be kept" in notes


async def test_the_dearest_calls_have_a_table_of_their_own(scene: Any) -> None:
    """With whom they asked and for whom."""
    shown = scene()
    query = UsageQuery(dearest=1)
    report = UsageReport(query=query, total=TOTALS, dearest=(CALL,), first=1.0, last=2.0)
    assert await usage(told(shown, report), query) == 0
    row = shown.out.getvalue().splitlines()[1].split("\t")
    assert row == ["2027-01-15 08:00", "openai/gpt, groq/llama", "chat", "search", "(none)", "2", "18", "0.012346", "c-1"]
    lines = list(csv.reader(csv_lines(report, raw=False)))
    assert dict(zip(lines[0], lines[1], strict=True))["cost_usd"] == "0.0123456"


async def test_a_terminal_gets_what_fits_beside_the_names(scene: Any) -> None:
    """In eighty columns no heading is broken."""
    shown = scene(terminal=True)
    assert await usage(told(shown, report_by_user("openai/gpt-4o-mini", None)), UsageQuery(by=("user",))) == 0
    lines = printable(shown.out.getvalue()).splitlines()
    assert lines[0].split() == ["user", "asked", "failed", "cached", "tokens", "USD", "saved", "p95"]
    assert lines[1].split() == ["openai/gpt-4o-mini", "4", "2", "3", "18", "0.0123+", "0.5", "2.5", "s"]
    shown = scene(terminal=True)
    query = UsageQuery(dearest=1)
    assert await usage(told(shown, UsageReport(query=query, total=TOTALS, dearest=(CALL,), first=1.0, last=2.0)), query) == 0
    assert printable(shown.out.getvalue()).split()[:6] == ["when", "models", "feature", "user", "tokens", "USD"]


async def test_nothing_is_told_in_one_line(scene: Any) -> None:
    """And is no error."""
    shown = scene()
    assert await usage(told(shown, UsageReport(query=UsageQuery(), total=UsageTotals())), UsageQuery()) == 0
    assert shown.out.getvalue() == ""
    assert "nothing is in the usage log for this time" in shown.err.getvalue()


@pytest.mark.parametrize(
    ("query", "told_of"),
    [
        (UsageQuery(model="nosuch"), "nothing in the usage log fits --model nosuch; `llm-manager usage --by model` shows"),
        (UsageQuery(user="ann", run="3f2a", since=1.0), "nothing in the usage log of this time fits --user ann --run 3f2a; "),
        (UsageQuery(since=1.0), "nothing is in the usage log for this time"),
    ],
)
async def test_where_nothing_fits_a_name_that_is_said(scene: Any, query: UsageQuery, told_of: str) -> None:
    """And the time is not blamed for it."""
    shown = scene()
    assert await usage(told(shown, UsageReport(query=query, total=UsageTotals())), query) == 0
    assert shown.err.getvalue().startswith(told_of)


@pytest.mark.parametrize(("terminal", "name"), [(True, "3f2a9c11"), (False, "3f2a9c11" * 4)])
async def test_a_person_sees_as_much_of_a_run_as_names_it(scene: Any, terminal: bool, name: str) -> None:
    """A pipe sees all of it."""
    shown, query = scene(terminal=terminal), UsageQuery(by=("run",))
    report = UsageReport(query=query, total=TOTALS, groups=(UsageGroup(of=("3f2a9c11" * 4,), totals=TOTALS),), first=1.0, last=2.0)
    assert await usage(told(shown, report), query) == 0
    assert shown.out.getvalue().splitlines()[1].split()[0] == name


async def test_json_loses_no_digit(scene: Any) -> None:
    """Money as text, latencies in milliseconds, groups by name."""
    shown = scene(json=True)
    assert await usage(told(shown, report_by_user("ann")), UsageQuery(by=("user",))) == 0
    document = json.loads(shown.out.getvalue())
    assert document["total"]["cost_usd"] == "0.0123456"
    assert document["groups"][0]["of"] == {"user": "ann"}
    assert document["groups"][0]["errors"] == {"TimeoutError": 1}
    assert document == json.loads(json.dumps(document_of(report_by_user("ann"))))


async def test_a_store_that_fails_is_told(scene: Any) -> None:
    """With its exit code."""
    shown = scene()
    broken = StorageFailed(message="it is gone", reason="missing")
    manager = evolve(shown.session.manager, usage_report=lambda _: FutureResult.from_failure(broken))
    assert await usage(evolve(shown.session, manager=manager), UsageQuery()) == 2
    assert "it is gone" in shown.err.getvalue()


@pytest.mark.parametrize("name", FORMULAS)
def test_no_cell_of_csv_is_a_formula(name: str) -> None:
    """As it is read back by a spreadsheet; raw gives it as it is."""
    for raw in (False, True):
        rows = [row for _, row in cell_rows(io.StringIO("".join(csv_lines(report_by_user(name), raw=raw)), newline=""))]
        assert rows[1][0] == name or (not raw and rows[1][0] == f"'{name}")
        assert raw or not rows[1][0].startswith(("=", "+", "-", "@", "\t", "\r"))


@given(st.lists(st.none() | st.text(max_size=20), max_size=4))
def test_csv_is_read_back(names: list[str | None]) -> None:
    """As many rows as groups, each as wide as the headings, numbers as they are."""
    rows = [row for _, row in cell_rows(io.StringIO("".join(csv_lines(report_by_user(*names), raw=True)), newline=""))]
    assert [row[0] for row in rows[1:]] == [name or "" for name in names]
    assert {len(row) for row in rows} == {len(rows[0])}
    assert all(dict(zip(rows[0], row, strict=True))["cost_usd"] == "0.0123456" for row in rows[1:])


def test_words_become_a_query() -> None:
    """By model when nothing is said; the dearest calls, or with --by the dearest groups."""

    def query(**words: Any) -> UsageQuery:
        return query_for(UsageQuery(), **{"since": None, "until": None, "by": None, **words}).unwrap()

    assert query().by == ("model",)
    assert (query(top=3).by, query(top=3).dearest, query(top=3).top) == ((), 3, None)
    assert (query(top=3, by="user, day").by, query(top=3, by="user").top) == (("user", "day"), 3)
    assert query(since="2026-11-01", until="2026-11-02").until == 1_793_577_600.0
    wrong: tuple[tuple[dict[str, Any], str], ...] = (
        ({"by": "colour"}, "--by: usage is not grouped by 'colour'"),
        ({"since": "soon"}, "--since: 'soon' is no moment"),
        ({"until": "soon"}, "--until: 'soon' is no moment"),
        ({"since": "2026-11-02", "until": "2026-11-01"}, "--since: it is not before until"),
        ({"by": "day,day"}, "--by: a name is given twice"),
    )
    for words, message in wrong:
        refused = query_for(UsageQuery(), **{"since": None, "until": None, **words})
        assert isinstance(refused, Failure) and describe(refused.failure()).startswith(message)
    assert isinstance(query_for(UsageQuery(), since=None, until=None), Success)


def test_what_the_program_asked_is_in_its_log(tmp_path: Path) -> None:
    """One command asks, the next ones tell of it, as table, CSV and page; two formats at once are refused."""
    answer = {
        "id": "c",
        "object": "chat.completion",
        "model": "tiny",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }
    with fault_server(json_reply(answer), json_reply(answer)) as server:
        config = str(settings_for(server.url, tmp_path))
        for prompt in ("one", "two"):
            assert run("generate", prompt, "--no-stream", "--config", config, home=tmp_path).returncode == 0
    shown = run("usage", "--by", "provider,operation", "--json", "--config", config, home=tmp_path)
    document = json.loads(shown.stdout)
    assert document["groups"][0]["of"] == {"provider": "lmstudio", "operation": "chat"}
    assert (document["total"]["requests"], document["total"]["total_tokens"]) == (2, 10)
    rows, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    rows.write_text('{"n": 1}\n')
    with fault_server(json_reply(answer)) as server:
        config = str(settings_for(server.url, tmp_path))
        assert run("run", str(rows), "--prompt", "Say {n}", "-o", str(out), "--config", config, home=tmp_path).returncode == 0
    kept = json.loads(run("runs", "list", "--json", home=tmp_path).stdout)["runs"][0]["id"]
    for named in (str(out), kept[:8]):
        shown = run("usage", "--run", named, "--by", "run", "--json", "--config", config, home=tmp_path)
        assert json.loads(shown.stdout)["total"]["requests"] == 1
    page = tmp_path / "report.html"
    written = run("usage", "report", "-o", str(page), "--config", config, home=tmp_path)
    assert (written.returncode, page.stat().st_mode & 0o777) == (0, 0o600)
    assert "lmstudio/" in page.read_text()
    refused = run("usage", "--csv", "--json", "--config", config, home=tmp_path)
    assert refused.returncode == 2 and "--csv and --json: give one of them" in refused.stderr
    nowhere = run("usage", "report", "-o", str(tmp_path / "no" / "page.html"), "--config", config, home=tmp_path)
    assert nowhere.returncode == 2 and "could not be written" in nowhere.stderr
