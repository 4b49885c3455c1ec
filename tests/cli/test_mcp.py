"""The program as an MCP server, asked by a real MCP client that starts it."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from llm_manager.cli.mcp import mcp
from llm_manager.testing import FakeWorld
from llm_manager.tools.from_mcp import tools_of_mcp_server
from llm_manager.tools.mcp_connecting import McpCommand
from tests.cli.conftest import Setting
from tests.cli.program import ANSWER, settings_for, surroundings
from tests.loopback import json_reply


async def test_others_start_it_and_ask_its_models(serve: Callable[..., str], tmp_path: Path) -> None:
    config = settings_for(serve(json_reply(ANSWER)), tmp_path)
    words = ("-m", "llm_manager", "mcp", "--config", str(config))
    started = McpCommand(sys.executable, arguments=words, environ=surroundings(tmp_path), folder=str(tmp_path))
    async with tools_of_mcp_server(started, only=("generate",)) as tools:
        (generate,) = tools.unwrap()
        prepared = generate.prepare('{"prompt": "Hello?", "model": "tiny"}').unwrap()
        assert (await prepared(FakeWorld().run_blocking)).unwrap() == "Hello \x1b[31mred\x1b[0m."


async def test_without_its_package_it_says_which_to_install(scene: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mcp", None)
    at = scene()
    assert await mcp(at.session) == 2
    assert "[mcp]" in at.err.getvalue()
    assert at.out.getvalue() == ""
