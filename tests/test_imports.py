"""Importing costs next to nothing and touches nothing outside."""

import json
import subprocess
import sys
from typing import Any

import pytest

HEAVY = (
    "alembic",
    "anthropic",
    "asyncpg",
    "httpx2",
    "jsonschema",
    "mcp",
    "numpy",
    "opentelemetry",
    "pydantic",
    "redis",
    "rich",
    "sqlalchemy",
    "sqlite3",
    "xllamacpp",
)

_WATCH = """
import json, sys, threading
opened, before = [], set(sys.modules)
sys.addaudithook(lambda name, _: opened.append(name) if name.startswith(("socket.", "subprocess.", "os.fork", "os.posix_spawn")) else None)
{work}
modules = sorted(set(sys.modules) - before)  # a tool that measures tests has loaded its own before
loaded = sorted({{module.partition(".")[0] for module in modules}})
print(json.dumps({{"opened": opened, "threads": threading.active_count(), "loaded": loaded, "modules": modules}}))
"""

WORK = {
    "import": "import llm_manager",
    "touch": "import llm_manager\nllm_manager.LLMRequest, llm_manager.Failure, llm_manager.ModelUnavailable",
    "touch everything": "import llm_manager\nfor name in llm_manager.__all__: getattr(llm_manager, name, None)",
    "make a manager": "import llm_manager\nllm_manager.make_llm_manager(llm_manager.LLMConfig()).unwrap()",
}


def watched(work: str) -> dict[str, Any]:
    """What a fresh interpreter did."""
    ran = subprocess.run([sys.executable, "-c", _WATCH.format(work=work)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    seen: dict[str, Any] = json.loads(ran.stdout)
    return seen


@pytest.mark.parametrize("work", WORK)
def test_nothing_outside_is_touched(work: str) -> None:
    """No socket, no process, no thread, and none of the heavy packages."""
    seen = watched(WORK[work])
    assert seen["opened"] == []
    assert seen["threads"] == 1
    assert not set(HEAVY) & set(seen["loaded"])


def test_values_do_not_load_the_machinery() -> None:
    """Touching a request, a result and an error loads no client, no codec and no converter."""
    seen = watched(WORK["touch"])
    assert not {"asyncio", "cattrs", "msgspec", "anyio", "logging"} & set(seen["loaded"])
    assert not [one for one in seen["modules"] if one.startswith("llm_manager.") and "domain" not in one]


def test_testing_does_not_need_hypothesis() -> None:
    """Only its strategies do."""
    seen = watched("import llm_manager.testing\nfrom llm_manager.testing import scripted, laws, run_virtual")
    assert "hypothesis" not in seen["loaded"]
    assert "hypothesis" in watched("from llm_manager.testing import strategies")["loaded"]
