"""Names: one table, total on any text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.policies.names import (
    ALIASES,
    LOCALITY,
    PROVIDERS,
    canonical_provider,
    family_of,
    nearest,
    provider_of_model,
    short_name,
)


@pytest.mark.parametrize(
    ("spelt", "meant"),
    [
        ("claude", "anthropic"),
        ("Anthropic", "anthropic"),
        ("gpt", "openai"),
        ("OpenAI", "openai"),
        ("llama", "lmstudio"),
        ("local", "lmstudio"),
        ("lm-studio", "lmstudio"),
        ("lm_studio", "lmstudio"),
        ("LM Studio", "lmstudio"),
        ("llama-cpp", "llamacpp"),
        ("llama.cpp", "llamacpp"),
        ("llama_cpp_cli", "llama_cpp_cli"),
        ("llama-cli", "llama_cpp_cli"),
        ("llama-completion", "llama_cpp_cli"),
        ("google", "gemini"),
        ("together-ai", "together"),
        ("open_router", "openrouter"),
        ("Cohere", "cohere"),
        ("cohere.ai", "cohere"),
        ("embedded", "embedded"),
        ("auto", None),
        ("", None),
        ("nobody", None),
    ],
)
def test_every_spelling_has_one_meaning(spelt: str, meant: str | None) -> None:
    assert canonical_provider(spelt) == meant


def test_canonical_names_are_their_own_meaning() -> None:
    assert all(canonical_provider(name) == name for name in PROVIDERS)
    assert set(ALIASES.values()) == set(PROVIDERS)


@given(st.text(max_size=300))
def test_any_word_has_a_provider_or_none(word: str) -> None:
    assert canonical_provider(word) in {None, *PROVIDERS}
    assert provider_of_model(word) in {None, *PROVIDERS}
    assert family_of(word) in {"claude", "gpt", "llama", "other"}


@given(st.text(max_size=300), st.lists(st.text(max_size=30), max_size=20))
def test_what_is_near_is_known(word: str, known: list[str]) -> None:
    near = nearest(word, known)
    assert len(near) <= 3
    assert set(near) <= set(known)


def test_a_misspelt_name_finds_the_meant_one() -> None:
    assert nearest("antropic", PROVIDERS)[0] == "anthropic"
    assert nearest("Balanced ", ["cost", "performance", "balanced"]) == ("balanced",)
    assert nearest("zzz", PROVIDERS) == ()


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-4o-mini", "openai"),
        ("gpt-3.5-turbo", "openai"),
        ("o1", "openai"),
        ("o3-mini", "openai"),
        ("o4-mini", "openai"),
        ("chatgpt-4o-latest", "openai"),
        ("dall-e-3", "openai"),
        ("text-embedding-3-small", "openai"),
        ("ft:gpt-4o-mini:acme::abc", "openai"),
        ("claude-3-opus-20240229", "anthropic"),
        ("Claude-3-5-haiku-latest", "anthropic"),
        ("gemini-2.5-flash", "gemini"),
        ("models/gemini-2.5-pro", "gemini"),
        ("command-a-03-2025", "cohere"),
        ("command-r7b-12-2024", "cohere"),
        ("embed-v4.0", "cohere"),
        ("embed-multilingual-light-v3.0", "cohere"),
        ("command-r", None),
        ("smollm2", "embedded"),
        ("smollm2-135m-instruct", "embedded"),
        ("smollm2:135m", "ollama"),
        ("llama3.2:3b", "ollama"),
        ("llama3.2", "ollama"),
        ("mistral", "ollama"),
        ("gpt-oss:20b", "ollama"),
        ("hf.co/someone/model:Q4_K_M", "ollama"),
        ("meta-llama/llama-3-8b-instruct:free", "openrouter"),
        ("openai/gpt-4o", "openrouter"),
        ("anthropic/claude-3-haiku", "openrouter"),
        ("openrouter/auto", "openrouter"),
        ("llama-3.3-70b-versatile", "groq"),
        ("llama-3.2-3b-preview", "groq"),
        ("meta-llama/Llama-3.2-3B-Instruct-Turbo", "together"),
        ("meta-llama/Llama-3.2-3B-Instruct", None),
        ("openai/gpt-oss-20b", None),
        ("gpt-oss-20b", None),
        ("sqlcoder-7b-2", None),
        ("codellama-7b-instruct", None),
        ("oasis", None),
        ("", None),
    ],
)
def test_a_model_names_its_provider_only_when_sure(model: str, provider: str | None) -> None:
    assert provider_of_model(model) == provider


def test_local_providers_are_llamas() -> None:
    assert {family_of(name) for name, where in LOCALITY.items() if where == "local"} == {"llama"}
    assert [family_of(name) for name in ("anthropic", "openai", "gemini")] == ["claude", "gpt", "other"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("claude", ("anthropic", "")),
        ("GPT", ("openai", "")),
        ("local", ("lmstudio", "")),
        ("gemini", ("gemini", "")),
        ("sonnet", ("anthropic", "sonnet")),
        ("Claude Opus", ("anthropic", "opus")),
        ("claude-haiku", ("anthropic", "haiku")),
        ("gemini flash", ("gemini", "flash")),
        ("gpt-4o", None),
        ("claude-3-opus-20240229", None),
        ("gemini-2.5-flash", None),
        ("auto", None),
        ("", None),
    ],
)
def test_a_short_name_is_no_models_own(word: str, meant: tuple[str, str] | None) -> None:
    assert short_name(word) == meant
