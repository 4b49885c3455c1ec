"""Whatever is written anywhere, reading it gives a `Result`, and no fault repeats a value."""

import json
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from returns.result import Failure, Result

from llm_manager.settings import Places, check_config, describe_config, read_config
from llm_manager.settings.formats import parse
from llm_manager.settings.schema import BUDGET_SETTINGS, PROVIDER_SETTINGS, SECTIONS
from llm_manager.settings.tables import read_table
from llm_manager.settings.variables import VARIABLES, Variable

CANARY = "sk-canary-0123456789"
_some = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

_keys = st.sampled_from(
    [
        *SECTIONS,
        "providers",
        "models",
        "profiles",
        "budgets",
        "openai",
        "claude",
        "custom_headers",
        "ladders",
        *(setting.name for section in SECTIONS.values() for setting in section),
        *(setting.name for setting in (*PROVIDER_SETTINGS, *BUDGET_SETTINGS)),
    ]
) | st.text(max_size=5)
_leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(CANARY) | st.just([CANARY])
_tables = st.recursive(_leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=4), max_leaves=12)


@_some
@given(st.text(max_size=80), st.sampled_from([".toml", ".yaml", ".yml", ".json", ".txt", ""]))
def test_any_text_parses_or_does_not(text: str, form: str) -> None:
    assert isinstance(parse(text, form), Result)


@_some
@given(st.text(alphabet="{}[]&*<>:-'\"\n ab1,|!?%@#=.", max_size=60), st.sampled_from([".toml", ".yaml", ".json"]))
def test_any_punctuation_parses_or_does_not(text: str, form: str) -> None:
    assert isinstance(parse(text, form), Result)


@_some
@given(st.dictionaries(_keys, _tables, max_size=4))
def test_any_table_gives_a_result_and_no_fault_repeats_a_value(tmp_path: Path, table: dict[str, object]) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps(table), encoding="utf-8")
    outcome = read_config(path, {}, places=Places())
    assert isinstance(outcome, Result)
    if isinstance(outcome, Failure):
        assert CANARY not in repr(outcome.failure())
        assert outcome.failure().faults == check_config(path, {}, places=Places())


@_some
@given(st.dictionaries(st.text(max_size=4) | st.integers() | st.booleans(), _tables, max_size=4))
def test_any_mapping_gives_entries_or_faults(table: dict[str, object]) -> None:
    assert CANARY not in repr(read_table(table, source="c.yaml"))


@_some
@given(st.dictionaries(st.sampled_from([each.name for each in VARIABLES]), st.text(max_size=12) | st.just(f"{CANARY} "), max_size=6))
def test_any_environment_gives_a_result_and_no_fault_repeats_a_value(environ: dict[str, str]) -> None:
    outcome = read_config(None, environ, places=Places())
    if isinstance(outcome, Failure):
        assert CANARY not in repr(outcome.failure())
    else:
        assert CANARY not in repr(outcome.unwrap().warnings)


@_some
@given(st.text(alphabet="OPENAI_KY=LM'\"\\ \n#${}ab", max_size=60))
def test_any_dotenv_file_gives_a_result(tmp_path: Path, text: str) -> None:
    (tmp_path / ".env").write_text(text)
    assert isinstance(read_config(None, {}, places=Places(dotenv=tmp_path / ".env")), Result)


@pytest.mark.parametrize("variable", [each for each in VARIABLES if each.kind.secret], ids=lambda each: each.name)
def test_no_secret_is_shown_anywhere(variable: Variable) -> None:
    value = f"http://user:{CANARY}@proxy:1" if "proxy" in variable.key else CANARY
    read = read_config(None, {variable.name: value}, places=Places()).unwrap()
    assert CANARY not in repr(read)
    assert CANARY not in repr(describe_config(read))


BOMBS = {
    "sequences": "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)),
    "merges": "a: &a {k1: 1, k2: 2, k3: 3}\n"
    + "".join(f"{new}: &{new} {{<<: [{','.join([f'*{old}'] * 9)}]}}\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_file_that_unfolds_without_end_is_refused_at_once(tmp_path: Path, bomb: str) -> None:
    (tmp_path / "warm.yaml").write_text("cache: {}")
    check_config(tmp_path / "warm.yaml", {}, places=Places())
    (tmp_path / "c.yaml").write_text(BOMBS[bomb])
    began = time.process_time()
    (fault,) = check_config(tmp_path / "c.yaml", {}, places=Places())
    assert time.process_time() - began < 0.1
    assert "unfolds to more than settings may hold" in fault.problem


def test_a_file_of_very_many_values_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("[" + "a," * 25_000 + "]")
    (fault,) = check_config(tmp_path / "c.yaml", {}, places=Places())
    assert "unfolds" in fault.problem


def test_honest_aliases_are_welcome(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("ollama: &one {timeout: 5}\nlmstudio: {<<: *one, threads: 2}\nvllm: *one\n")
    made = read_config(tmp_path / "c.yaml", {}, places=Places()).unwrap().config.providers
    assert [made[name].timeout_ms for name in ("ollama", "lmstudio", "vllm")] == [5000] * 3
