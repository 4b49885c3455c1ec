"""The audit trail on the command line: kept when there is a key, shown, anchored and checked."""

import json
import sqlite3
from pathlib import Path

from tests.cli.program import run, settings_for
from tests.loopback import Received, Respond, fault_server, json_reply


def _hello(_: Received) -> Respond:
    choice = {"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}
    return json_reply({"id": "c", "object": "chat.completion", "model": "tiny", "choices": [choice]})


def _config(url: str, home: Path) -> str:
    path = settings_for(url + "/v1", home)
    store = f'[store]\nurl = "sqlite:///{home}/kept.db"\naudit_key = "sealed-with-this"\naudit_anchors = "{home}/anchors.jsonl"\n'
    path.write_text(path.read_text() + store)
    path.chmod(0o600)
    return str(path)


def test_what_was_asked_is_kept_and_a_change_shows(tmp_path: Path) -> None:
    """From the first question to a trail that somebody tampered with; no word of the prompt is in it."""
    with fault_server(_hello) as server:
        config = _config(server.url, tmp_path)
        assert run("generate", "my secret question", "--config", config, home=tmp_path).returncode == 0
    shown = run("audit", "show", "--config", config, "--json", home=tmp_path)
    rows = json.loads(shown.stdout)["rows"]
    assert [row["kind"] for row in rows] == ["AttemptStarted", "AttemptAnswered"]
    assert "secret" not in shown.stdout and rows[0]["facts"]["model"] == "tiny"
    assert run("audit", "show", "--last", "1", "--config", config, home=tmp_path).stdout.count("Attempt") == 1
    anchored = json.loads(run("audit", "anchor", "--config", config, home=tmp_path).stdout)
    assert anchored["rows"] == 2 and len(anchored["digest"]) == 64
    whole = run("audit", "verify", "--config", config, home=tmp_path)
    assert whole.returncode == 0 and "2 rows, as they were written" in whole.stderr
    kept = sqlite3.connect(tmp_path / "kept.db")
    for statement in ("drop trigger audit_no_update", "update audit set at = 1 where number = 1"):
        kept.execute(statement)
    kept.commit()
    kept.close()
    changed = run("audit", "verify", "--config", config, "--json", home=tmp_path)
    assert changed.returncode == 1
    assert json.loads(changed.stdout)["faults"] == [{"problem": "edited", "number": 1}]
    told = run("audit", "verify", "--config", config, home=tmp_path)
    assert told.stdout == "row 1 is not as it was written\n"
    kept = sqlite3.connect(tmp_path / "kept.db")
    kept.execute("update audit set at = 9e300, facts = '{broken' where number = 1")
    kept.commit()
    kept.close()
    shown = run("audit", "show", "--config", config, home=tmp_path)
    assert shown.returncode == 0 and "a later time" in shown.stdout and "{broken" in shown.stdout, "what was changed is still shown"
    assert json.loads(run("audit", "show", "--json", "--config", config, home=tmp_path).stdout)["rows"][0]["facts"] == "{broken"


def test_another_key_than_it_was_written_with_is_told_as_that_too(tmp_path: Path) -> None:
    """And a key that can be guessed is warned of, though not shown."""
    with fault_server(_hello) as server:
        config = Path(_config(server.url, tmp_path))
        assert run("generate", "hi", "--config", str(config), home=tmp_path).returncode == 0
    config.write_text(config.read_text().replace("sealed-with-this", "kurz"))
    told = run("audit", "verify", "--config", str(config), home=tmp_path)
    assert told.returncode == 1
    assert "it is not the key they were written with" in told.stderr
    assert "store.audit_key has less than 16 letters" in told.stderr
    assert "kurz" not in told.stderr + told.stdout


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    """No key, no such file of anchors, an empty trail."""
    none = run("audit", "verify", home=tmp_path)
    assert none.returncode == 2 and "set store.audit_key" in none.stderr
    config = _config("http://127.0.0.1:9", tmp_path)
    absent = run("audit", "verify", "--anchors", str(tmp_path / "nowhere"), "--config", config, home=tmp_path)
    assert absent.returncode == 2 and "cannot be read" in absent.stderr
    empty = run("audit", "show", "--config", config, home=tmp_path)  # who looks vouches for nothing
    assert empty.returncode == 0 and "the trail is empty" in empty.stderr
    nothing = run("audit", "verify", "--config", config, home=tmp_path)
    assert nothing.returncode == 0 and "without anchors" in nothing.stderr
