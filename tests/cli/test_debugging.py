"""`--debug` tells what is sent and how it ended, and neither keys nor words."""

from pathlib import Path

from tests.cli.program import run_apart, settings_for
from tests.loopback import Received, Respond, fault_server, json_reply


def _hello(_: Received) -> Respond:
    choice = {"index": 0, "message": {"role": "assistant", "content": "an answer full of canaries"}, "finish_reason": "stop"}
    return json_reply({"id": "c", "object": "chat.completion", "model": "tiny", "choices": [choice]})


def test_what_is_sent_is_told_without_its_words(tmp_path: Path) -> None:
    """On standard error, wherever the option stands; the answer goes where it always goes."""
    with fault_server(_hello) as server:
        config = str(settings_for(server.url + "/v1", tmp_path))
        for words in (("--debug", "generate", "canary", "--config", config), ("generate", "a canary", "--config", config, "--debug")):
            told = run_apart(*words, home=tmp_path)
            assert told.returncode == 0 and told.stdout == "an answer full of canaries\n"
            assert "POST http://127.0.0.1" in told.stderr and '"role":"user"' in told.stderr and "answered 200" in told.stderr
            assert "canar" not in told.stderr
        assert "POST" not in run_apart("generate", "the canary", "--config", config, home=tmp_path).stderr


def test_a_prompt_may_still_be_called_debug(tmp_path: Path) -> None:
    """After two dashes it is a word like any other."""
    with fault_server(_hello) as server:
        config = str(settings_for(server.url + "/v1", tmp_path))
        told = run_apart("generate", "--config", config, "--", "--debug", home=tmp_path)
        assert "POST" not in told.stderr
