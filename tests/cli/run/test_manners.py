"""How `llm-manager run` behaves to whoever runs it: one model, rows at once, nothing silent, nothing in vain."""

import asyncio
import io
import json
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from returns.result import Failure, Result, Success

from llm_manager.cells import Cell
from llm_manager.cli.run.asking import Asking, Run
from llm_manager.cli.run.output import sink_for
from llm_manager.cli.run.progress import showing
from llm_manager.cli.run.typed import RunWords, Target, plan_of, prepare_run
from llm_manager.domain.errors import LLMError, PolicyBlocked, StorageFailed
from llm_manager.domain.plans import Plan
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.runs import RunRow
from llm_manager.runs.rendering import Rendering
from llm_manager.runs.surveying import survey
from llm_manager.testing import faults, run_virtual, scripted, scripted_manager
from llm_manager.testing.world import fake_world
from tests.cli.conftest import Begun
from tests.cli.program import command, run, settings_for, surroundings
from tests.loopback import Hang, Later, Received, Respond, fault_server, html_page, json_reply, refused_url
from tests.runs.logs import memory_log


def completion(content: str, model: str = "tiny") -> dict[str, Any]:
    return {
        "id": "c",
        "object": "chat.completion",
        "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }


def said(received: Received) -> str:
    return str(received.json()["messages"][-1]["content"])


def echo(received: Received) -> Respond:
    return json_reply(completion(said(received).upper()))


def words_for(url: str, folder: Path, *words: str) -> tuple[str, ...]:
    """A run of these words against a server."""
    return ("run", *words, "--prompt", "{text}", "--config", str(settings_for(url + "/v1", folder)))


def write_rows(folder: Path, count: int) -> str:
    """A file of so many rows."""
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps({"id": n, "text": f"row {n}"}) + "\n" for n in range(count)))
    return str(path)


def two_servers(folder: Path, first: str, second: str) -> str:
    """Settings with two servers, the first of which is asked first."""
    path = folder / "two.toml"
    path.write_text(
        '[routing]\nmax_retries = 0\nfallback_order = ["lmstudio", "vllm"]\n'
        f'[providers.lmstudio]\nbase_url = "{first}"\ndefault_model = "tiny"\n'
        f'[providers.vllm]\nbase_url = "{second}"\ndefault_model = "big"\n[providers.embedded]\nenabled = false\n'
    )
    path.chmod(0o600)
    return str(path)


def test_who_is_named_is_asked_alone_unless_others_may_stand_in(tmp_path: Path) -> None:
    rows = write_rows(tmp_path, 3)
    with refused_url() as dead, fault_server(lambda received: json_reply(completion("B", "big"))) as alive:
        config = two_servers(tmp_path, dead + "/v1", alive.url + "/v1")
        words = ("run", rows, "--prompt", "{text}", "--config", config)
        alone = run(*words, "-m", "tiny", home=tmp_path)
        assert alone.returncode == 1
        assert "asking tiny of lmstudio" in alone.stderr
        assert sum(request.method == "POST" for request in alive.requests) == 0
        helped = run(*words, "-m", "tiny", "--fallback", home=tmp_path)
        assert helped.returncode == 0, helped.stderr
        assert "answered by big 3" in helped.stderr


def test_all_rows_are_asked_of_the_model_that_the_first_one_gets(tmp_path: Path) -> None:
    """Rows of other kinds would go elsewhere by themselves."""
    path = tmp_path / "rows.jsonl"
    texts = ("Hello", "Write a SQL query with a JOIN", "Draw a React component", "Refactor this Python function")
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    with fault_server(echo) as first, fault_server(echo) as second:
        config = two_servers(tmp_path, first.url + "/v1", second.url + "/v1")
        told = run("run", str(path), "--prompt", "{text}", "--config", config, "-o", "out.jsonl", home=tmp_path)
        assert told.returncode == 0
        assert told.stderr.count("asking ") == 1
        posts = [sum(request.method == "POST" for request in server.requests) for server in (first, second)]
    assert sorted(posts) == [0, 4]
    again = run("run", str(path), "--prompt", "{text}", "--config", config, "-o", "out.jsonl", "--json", home=tmp_path)
    assert json.loads(again.stdout)["answered_earlier"] == 4


def test_rows_come_out_in_order_as_soon_as_they_are_ready(begun: Begun, tmp_path: Path) -> None:
    def slowing(received: Received) -> Respond | Hang:
        return Hang() if said(received) == "row 3" else echo(received)

    with fault_server(slowing) as server:
        going = begun(*words_for(server.url, tmp_path, write_rows(tmp_path, 6), "--concurrency", "2"))
        assert going.stdout is not None
        assert [json.loads(going.stdout.readline())["id"] for _ in range(3)] == [0, 1, 2]
        assert going.poll() is None


def test_a_reader_who_leaves_ends_the_run_quietly(begun: Begun, tmp_path: Path) -> None:
    left = threading.Event()

    def some(received: Received) -> Respond | Later:
        return echo(received) if int(said(received).split()[-1]) < 20 else Later(echo(received), left)

    with fault_server(some) as server:
        going = begun(*words_for(server.url, tmp_path, write_rows(tmp_path, 400), "--concurrency", "1"))
        assert going.stdout is not None
        going.stdout.readline()
        going.stdout.close()
        left.set()
        assert going.stderr is not None
        assert going.wait(60) == 1
        told = going.stderr.read()
        going.stderr.close()
        asked = len(server.requests)
    assert "Traceback" not in told
    assert "error" not in told
    assert asked < 400


@pytest.mark.parametrize("words", [(), ("-o", "/dev/full")])
def test_an_output_that_takes_nothing_ends_the_run_at_its_first_row(begun: Begun, tmp_path: Path, words: tuple[str, ...]) -> None:
    with fault_server(echo) as server, Path("/dev/full").open("w") as full:
        rows = write_rows(tmp_path, 400)
        going = begun(*words_for(server.url, tmp_path, rows, "--concurrency", "1", *words), stdout=full)
        _, told = going.communicate(timeout=60)
        asked = len(server.requests)
    assert going.returncode == 1
    assert "error: No space left on device" in told
    assert "Traceback" not in told
    assert "Exception ignored" not in told
    assert asked < 400


def test_a_closed_output_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    with fault_server(echo) as server:
        config = str(settings_for(server.url + "/v1", tmp_path))
        rows = write_rows(tmp_path, 2)
        words = " ".join(command("run", rows, "--prompt", "'{text}'", "--config", config))
        told = subprocess.run(["/bin/sh", "-c", words + " >&-"], env=surroundings(tmp_path), stderr=subprocess.PIPE, text=True, check=False)
        assert (told.returncode, told.stderr) == (1, "error: standard output is closed: give -o FILE\n")
        assert server.requests == []
        whole = ["/bin/sh", "-c", words + " -o out.jsonl --json >&-"]
        told = subprocess.run(whole, env=surroundings(tmp_path), cwd=tmp_path, stderr=subprocess.PIPE, text=True, check=False)
    assert told.returncode == 0
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 2


def test_a_server_that_hangs_is_waited_for_as_long_as_the_timeout_says(tmp_path: Path) -> None:
    with fault_server(Hang()) as server:
        config = str(settings_for(server.url + "/v1", tmp_path))
        told = run("run", write_rows(tmp_path, 2), "--prompt", "{text}", "--timeout", "0.3", "--config", config, home=tmp_path)
    assert told.returncode == 1
    assert "tiny did not answer within 0.3 s" in told.stderr
    assert "2 rows not asked yet" in told.stderr


def test_while_no_row_ends_the_clock_tells_how_far_it_is(scene: Any, tmp_path: Path) -> None:
    words = RunWords(source=write_rows(tmp_path, 2), prompt="{text}")
    prepared = prepare_run(words, stdin=io.BytesIO(), scratch=tmp_path).unwrap()
    made, log = scene(), memory_log()
    found = survey(prepared.job, log.standings).unwrap()

    async def ask() -> None:
        world = fake_world()
        manager = scripted_manager(scripted(faults.hanging(), provider="lmstudio", model="tiny"))
        run = Run(session=evolve(made.session, manager=manager), prepared=prepared, plan=plan_of(words, prepared), world=world)
        rendering = Rendering(prepared.job, prepared.layout, log.rows)
        with (
            sink_for(prepared.target, made.session.output, rendering, world.run_blocking) as sink,
            showing(made.session.output, found.tally, world.now) as progress,
        ):
            asking = Asking(run=run, found=found, log=log, tally=Cell(found.tally), sink=sink.unwrap())
            with suppress(TimeoutError):
                await asyncio.wait_for(asking.ask(progress), 25)

    run_virtual(ask())
    first, *told = made.err.getvalue().splitlines()
    assert first == "asking tiny of lmstudio"
    assert told == [f"0 of 2 rows, 0 failed, 0 cached, 0 + 0 tokens, 0 USD, {seconds} s so far" for seconds in (10, 20)]


@pytest.mark.parametrize("answer", [html_page(), json_reply({"error": {"message": "broken"}}, 500)])
def test_a_server_that_gives_no_answer_is_given_up(tmp_path: Path, answer: Any) -> None:
    with fault_server(answer) as server:
        words = ("run", write_rows(tmp_path, 120), "--prompt", "{text}", "-o", "out.jsonl", "--concurrency", "2")
        told = run(*words, "--config", str(settings_for(server.url + "/v1", tmp_path)), home=tmp_path)
        assert len(server.requests) < 120
    assert told.returncode == 1
    assert "gave up: the last 50 rows asked got nowhere one after the other, and count as not asked" in told.stderr
    assert "120 rows not asked yet; run the same again to go on" in told.stderr
    assert told.stderr.count("error: ") == 1
    assert not (tmp_path / "out.jsonl").exists()


def test_a_model_that_answers_in_place_of_the_one_asked_is_told(tmp_path: Path) -> None:
    with fault_server(lambda received: json_reply(completion("x", "other"))) as server:
        words = ("run", write_rows(tmp_path, 3), "--prompt", "{text}", "--config", str(settings_for(server.url + "/v1", tmp_path)))
        told = run(*words, home=tmp_path)
        document = json.loads(run(*words, "-o", "o.jsonl", "--json", home=tmp_path).stdout)
    assert "answered by other 3" in told.stderr
    assert (document["answered_by"], document["asked"]) == ({"other": 3}, "tiny")


def test_the_form_of_pipes_may_be_said(tmp_path: Path) -> None:
    with fault_server(echo) as server:
        config = str(settings_for(server.url + "/v1", tmp_path))
        told = run("run", "-", "--prompt", "{text}", "--format", "csv", "--config", config, home=tmp_path, stdin="text\n=1+1\n")
        assert told.stdout.splitlines()[1].startswith("'=1+1,'=1+1,")
        assert "2 cells quoted for spreadsheets" in told.stderr
        (tmp_path / "rows.csv").write_text("text\nhello\n")
        told = run("run", "rows.csv", "--prompt", "{text}", "--format", "jsonl", "--config", config, home=tmp_path)
    assert json.loads(told.stdout)["answer"] == "HELLO"


def test_the_system_prompt_may_be_in_a_file_and_differ_by_row(tmp_path: Path) -> None:
    systems: list[str] = []

    def remembering(received: Received) -> Respond:
        systems.append(str(received.json()["messages"][0]["content"]))
        return echo(received)

    (tmp_path / "system.txt").write_text("You judge {text}.\n")
    with fault_server(remembering) as server:
        config = str(settings_for(server.url + "/v1", tmp_path))
        words = ("run", write_rows(tmp_path, 2), "--prompt", "Judge {id}", "--config", config, "-o", "out.jsonl", "--concurrency", "1")
        assert run(*words, "--system", "@system.txt", home=tmp_path).returncode == 0
        assert systems == ["You judge row 0.", "You judge row 1."]
        again = run(*words, "--system", "You judge {text}.", home=tmp_path)
        assert "(2 earlier)" in again.stderr
        wrong = run(*words, "--system", "You judge {txt}.", home=tmp_path)
    assert wrong.returncode == 2
    assert "the system prompt names {txt}, and there is no such column; did you mean {text}?" in wrong.stderr


def test_a_limit_never_takes_rows_out_of_an_output(tmp_path: Path) -> None:
    with fault_server(echo) as server:
        config = str(settings_for(server.url + "/v1", tmp_path))
        words = ("run", write_rows(tmp_path, 5), "--prompt", "{text}", "--config", config, "-o", "out.jsonl")
        assert run(*words, home=tmp_path).returncode == 0
        before = (tmp_path / "out.jsonl").read_text()
        told = run(*words, "--limit", "3", home=tmp_path)
        assert run(*words, "--limit", "5", home=tmp_path).returncode == 0
    assert told.returncode == 2
    assert "out.jsonl holds 5 rows, and --limit 3 would leave 3 of them" in told.stderr
    assert "--overwrite" in told.stderr
    assert (tmp_path / "out.jsonl").read_text() == before


def test_an_output_that_cannot_be_opened_or_fails_in_the_end_is_told(scene: Any, tmp_path: Path) -> None:
    prepared = prepare_run(RunWords(source=write_rows(tmp_path, 1), prompt="{text}"), stdin=io.BytesIO(), scratch=tmp_path).unwrap()
    made, world = scene(), fake_world()
    log = memory_log([RunRow(key=prepared.job.key("row 0"), output={"answer": "x"})])
    gone = Target(path=tmp_path / "no" / "device", whole=False)
    with sink_for(gone, made.session.output, Rendering(prepared.job, prepared.layout, log.rows), world.run_blocking) as sink:
        assert isinstance(sink.failure(), StorageFailed)
    full = Target(path=Path("/dev/full"), whole=False)
    with sink_for(full, made.session.output, Rendering(prepared.job, prepared.layout, log.rows), world.run_blocking) as sink:
        taker = sink.unwrap()
        taker.finish()
        assert taker.broken is not None
        assert taker.finish() == Success(None)


@pytest.mark.parametrize(
    ("words", "said_so"),
    [
        (("nope.jsonl",), "error: there is no file nope.jsonl: check the path"),
        (("empty.csv",), "error: empty.csv has no rows: give it at least one"),
        (("odd.csv",), "error: odd.csv, line 2 has 1 cell where the header has 2: quote cells that hold commas"),
        (("rows.jsonl", "--prompt", "@gone.txt"), "error: there is no file gone.txt: check the path"),
    ],
)
def test_a_mistake_is_told_as_itself(tmp_path: Path, words: tuple[str, ...], said_so: str) -> None:
    write_rows(tmp_path, 1)
    (tmp_path / "empty.csv").write_text("text\n")
    (tmp_path / "odd.csv").write_text("text,n\none\n")
    asked = words if "--prompt" in words else (*words, "--prompt", "{text}")
    told = run("run", *asked, "--config", str(settings_for("http://127.0.0.1:9/v1", tmp_path)), home=tmp_path)
    assert (told.returncode, told.stderr.strip()) == (2, said_so)


def test_one_row_is_not_rows(tmp_path: Path) -> None:
    with fault_server(echo) as server:
        words = ("run", write_rows(tmp_path, 1), "--prompt", "{text}", "--config", str(settings_for(server.url + "/v1", tmp_path)))
        assert "1 row, 1 request to send; nothing was sent" in run(*words, "--dry-run", home=tmp_path).stderr
        assert "1 of 1 row answered" in run(*words, home=tmp_path).stderr


def test_answers_of_an_earlier_run_are_replaced_only_when_told(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    with fault_server(echo) as server:
        rows = write_rows(tmp_path, 6)
        config = ("--config", str(settings_for(server.url + "/v1", tmp_path)), "-o", "out.jsonl")
        assert run("run", rows, "--prompt", "{text}", *config, home=tmp_path).returncode == 0
        before, asked = out.read_bytes(), len(server.requests)
        others = str(tmp_path / "others.jsonl")
        Path(others).write_text('{"id": 7, "text": "other"}\n{"id": 0, "text": "row 0"}\n')
        for source, words, said_so in (
            (rows, ("--prompt", "Say {text}"), "(prompt): ask as then, "),
            (rows, ("--prompt", "{text}", "--field", "n=int"), "(output.schema, output.tag): ask as then, "),
            (others, ("--prompt", "{text}"), "out.jsonl holds 6 answers of an earlier run, and this one asks other rows"),
        ):
            told = run("run", source, *words, *config, home=tmp_path)
            assert (told.returncode, told.stdout) == (2, "")
            (line,) = told.stderr.splitlines()
            assert said_so in line
            assert "choose another output with -o" in line
            assert "--overwrite" in line
        assert (out.read_bytes(), len(server.requests)) == (before, asked)
        told = run("run", rows, "--prompt", "Say {text}", "--overwrite", *config, home=tmp_path)
        assert "6 earlier answers belong to other settings or other rows" in told.stderr
        assert json.loads(out.read_text().splitlines()[5])["answer"] == "SAY ROW 5"
        changed = Path(rows).read_text().replace("row 5", "row 55")
        Path(rows).write_text(changed)
        told = run("run", rows, "--prompt", "Say {text}", *config, home=tmp_path)
    assert told.returncode == 0, told.stderr
    assert "6 of 6 rows answered (5 earlier)" in told.stderr


def test_csv_that_another_prompt_made_is_known_too(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("text,n\n=1+1,1\n-x,2\n")
    with fault_server(echo) as server:
        words = ("run", "rows.csv", "-o", "out.csv", "--config", str(settings_for(server.url + "/v1", tmp_path)))
        assert run(*words, "--prompt", "{text}", home=tmp_path).returncode == 0
        told = run(*words, "--prompt", "Say {text}", home=tmp_path)
    assert told.returncode == 2
    assert "which asked otherwise (prompt)" in told.stderr
    assert "; prompt: was '{text}', is 'Say {text}'" in told.stderr


def test_a_fork_keeps_the_rows_that_both_ask_alike(tmp_path: Path) -> None:
    rows = write_rows(tmp_path, 4)
    with fault_server(echo) as server:
        config = ("--config", str(settings_for(server.url + "/v1", tmp_path)), "-o", "out.jsonl")
        assert "no run that is kept wrote" in run("run", rows, "--prompt", "{text}", "--fork", *config, home=tmp_path).stderr
        assert run("run", rows, "--prompt", "Say {text}", "--limit", "2", *config, home=tmp_path).returncode == 0
        assert run("run", rows, "--prompt", "Say {text}", "--system", "Be kind.", "--fork", *config, home=tmp_path).returncode == 0
        assert len(server.requests) == 6
        told = run("run", rows, "--prompt", "Say {text}", "--system", "Be kind.", "--fork", *config, home=tmp_path)
        assert "4 of 4 rows answered (4 earlier)" in told.stderr
        assert len(server.requests) == 6


def test_an_output_that_no_run_wrote_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out.jsonl").write_text("precious\n")
    with fault_server(echo) as server:
        words = ("run", write_rows(tmp_path, 1), "--prompt", "{text}", "-o", "out.jsonl")
        told = run(*words, "--config", str(settings_for(server.url + "/v1", tmp_path)), home=tmp_path)
        assert len(server.requests) == 0
    assert told.returncode == 2
    assert "exists and no run that is kept wrote it" in told.stderr
    assert (tmp_path / "out.jsonl").read_text() == "precious\n"


def away(folder: Path) -> str:
    """Settings with one model in the cloud and no other."""
    path = folder / "away.toml"
    path.write_text('[providers.openai]\napi_key = "sk-nobody"\n[providers.embedded]\nenabled = false\n')
    path.chmod(0o600)
    return str(path)


@pytest.mark.parametrize("airgap", [False, True])
def test_a_run_that_nobody_may_be_asked_for_is_one_error(tmp_path: Path, airgap: bool) -> None:
    rows, config = write_rows(tmp_path, 30), away(tmp_path)
    if airgap:
        Path(config).write_text(Path(config).read_text() + "[routing]\nairgap = true\n")
    words = () if airgap else ("--private",)
    Path(rows).write_text(Path(rows).read_text() + '{"id": 1}\n')
    told = run("run", rows, "--prompt", "{text}", "-o", "out.jsonl", "--config", config, *words, home=tmp_path)
    assert (told.returncode, told.stdout) == (2, "")
    assert len(told.stderr.splitlines()) == 1
    assert not (tmp_path / "out.jsonl").exists()


def test_rows_that_nobody_may_see_fail_alone(scene: Any, tmp_path: Path) -> None:
    """The first rows are private by their words, and there is only a cloud: the run goes on for those that are not."""
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"text": f"my password is hunter{n}" if n < 25 else f"row {n}"}) + "\n" for n in range(27)))
    words = RunWords(source=str(path), prompt="{text}")
    prepared = prepare_run(words, stdin=io.BytesIO(), scratch=tmp_path).unwrap()
    made, log = scene(), memory_log()
    found = survey(prepared.job, log.standings).unwrap()
    tally = Cell(found.tally)

    def plan(request: LLMRequest) -> Result[Plan, LLMError]:
        return Failure(PolicyBlocked(message="no local model")) if "password" in (request.prompt or "") else manager.plan(request)

    manager = scripted_manager(scripted(*("fine",) * 27, provider="openai", model="m"))

    async def ask() -> LLMError | None:
        world = fake_world()
        run = Run(
            session=evolve(made.session, manager=evolve(manager, plan=plan)), prepared=prepared, plan=plan_of(words, prepared), world=world
        )
        rendering = Rendering(prepared.job, prepared.layout, log.rows)
        with (
            sink_for(prepared.target, made.session.output, rendering, world.run_blocking) as sink,
            showing(made.session.output, found.tally, world.now) as progress,
        ):
            return await Asking(run=run, found=found, log=log, tally=tally, sink=sink.unwrap()).ask(progress)

    assert run_virtual(ask()) is None
    assert tally.read().done == 27


def test_cells_may_stand_apart_by_other_marks(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("id;text\n1;hello, you\n")
    with fault_server(echo) as server:
        words = ("run", "rows.csv", "--prompt", "{text}", "--config", str(settings_for(server.url + "/v1", tmp_path)))
        told = run(*words, home=tmp_path)
        assert told.returncode == 2
        assert told.stderr == (
            "error: rows.csv, line 1 has the one column 'id;text': it looks separated by ;, so say --delimiter ';', or ',' if it is "
            "one column\n"
        )
        told = run(*words, "--delimiter", ";", home=tmp_path)
        assert told.stdout.splitlines()[1].startswith('1,"hello, you","HELLO, YOU"')
        (tmp_path / "rows.csv").write_text("id\ttext\n1\thello\n")
        assert "looks separated by tab, so say --delimiter 'tab'" in run(*words, home=tmp_path).stderr
        assert run(*words, "--delimiter", "tab", home=tmp_path).returncode == 0
        (tmp_path / "rows.csv").write_text("a;b\nx;y\n")
        assert run(*words[:3], "{a;b}", *words[4:], "--delimiter", ",", home=tmp_path).returncode == 0
