"""Flags from an allow-list; the first that is not on it is named."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Failure, Success

from llm_manager.clients.llama_cpp_cli.flags import ALLOWED, CACHE_TYPES, memory_flags, special_flags
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import ConfigurationError
from llm_manager.outcomes import sealed


def said(name: str, value: Any) -> ProviderSettings:
    more: dict[str, Any] = {name: value}
    return ProviderSettings(**more)


def fault_of(outcome: Any) -> tuple[str, str]:
    found = sealed(outcome)
    assert isinstance(found, Failure)
    error = found.failure()
    assert isinstance(error, ConfigurationError)
    (fault,) = error.faults
    return fault.key, fault.problem


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ((), ()),
        (("--jinja",), ("--jinja",)),
        (("--jinja", "--no-mmap"), ("--jinja", "--no-mmap")),
        (("--top-k 40", "--min-p", "0.05"), ("--top-k", "40", "--min-p", "0.05")),
        (("--reasoning-budget -1",), ("--reasoning-budget", "-1")),
        (("-ot", r"\.ffn_.*=CPU"), ("-ot", r"\.ffn_.*=CPU")),
        (("-ts 3,1", "--chat-template chatml"), ("-ts", "3,1", "--chat-template", "chatml")),
    ],
)
def test_flags_of_the_list_are_words_of_the_command(flags: tuple[str, ...], words: tuple[str, ...]) -> None:
    assert special_flags(ProviderSettings(special_flags=flags)) == Success(words)


@pytest.mark.parametrize(
    "flag",
    [
        "--log-file /tmp/x",
        "--log_file /tmp/x",
        "--prompt-cache /tmp/x",
        "-hf evil/model",
        "--model-url http://x",
        "--lora x",
        "--rpc h:1",
        "-m /etc/passwd",
        "-f /etc/passwd",
        "--chat-template-file /etc/passwd",
        "--verbose-prompt",
        "-i",
        "--color",
        "-p hello",
        "hello",
        "--top-k=40",
        "-v",
        "--",
        "$(reboot)",
    ],
)
def test_everything_else_is_refused_by_name(flag: str) -> None:
    key, problem = fault_of(special_flags(ProviderSettings(special_flags=("--jinja", flag))))
    assert key == "providers.llama_cpp_cli.special_flags"
    assert repr(flag.split(maxsplit=1)[0]) in problem


@pytest.mark.parametrize("flag", ["--top-k", "--top-k --jinja", "--top-k $(x)", "--top-k -x", "--chat-template {{x}}", "--top-k \u0661"])
def test_a_flag_that_wants_a_value_gets_one(flag: str) -> None:
    assert fault_of(special_flags(ProviderSettings(special_flags=(flag,))))[1] == f"{flag.split(maxsplit=1)[0]} wants a value"


@given(st.lists(st.text(max_size=12) | st.sampled_from(sorted(ALLOWED)), max_size=4))
def test_no_flags_whatever_bring_in_another(flags: list[str]) -> None:
    """Each word is an allowed flag, or the value of one."""
    outcome = sealed(special_flags(ProviderSettings(special_flags=tuple(flags))))
    if isinstance(outcome, Failure):
        return
    words = iter(outcome.unwrap())
    for word in words:
        for _ in range(ALLOWED[word]):
            assert next(words) not in ALLOWED


def test_memory_settings_are_words_of_the_command() -> None:
    whole = ProviderSettings(gpu_layers=999, flash_attention=True, cache_type_k="q8_0", cache_type_v="q4_0")
    assert memory_flags(whole) == Success(("-ngl", "999", "-fa", "on", "-ctk", "q8_0", "-ctv", "q4_0"))
    assert memory_flags(ProviderSettings(flash_attention=False, cache_type_k="q8_0")) == Success(("-fa", "off", "-ctk", "q8_0"))
    assert memory_flags(ProviderSettings()) == Success(())


@pytest.mark.parametrize("name", ["cache_type_k", "cache_type_v"])
def test_the_types_of_the_cache_are_those_of_llama_cpp(name: str) -> None:
    for kind in CACHE_TYPES:
        assert isinstance(memory_flags(said(name, kind)), Success)
    key, problem = fault_of(memory_flags(said(name, "q3_k --log-file x")))
    assert key == f"providers.llama_cpp_cli.{name}"
    assert "q3_k --log-file x" in problem


def test_a_quantized_cache_of_values_wants_flash_attention() -> None:
    key, problem = fault_of(memory_flags(ProviderSettings(flash_attention=False, cache_type_v="q8_0")))
    assert (key, "flash attention" in problem) == ("providers.llama_cpp_cli.cache_type_v", True)
