"""One table of names: what a provider may be called, which model belongs to whom, and what was probably meant.

``auto`` is no provider: whoever reads a provider's name treats it as "let the plan decide" before asking here.
"""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

from llm_manager.domain.models import Family, Locality

AUTO: Final = "auto"
"""The word that leaves the choice to the plan."""

LOCALITY: Final[Mapping[str, Locality]] = MappingProxyType(
    {
        "openai": "cloud",
        "anthropic": "cloud",
        "gemini": "cloud",
        "groq": "cloud",
        "together": "cloud",
        "openrouter": "cloud",
        "cohere": "cloud",
        "ollama": "local",
        "lmstudio": "local",
        "llamacpp": "local",
        "vllm": "local",
        "embedded": "local",
        "llama_cpp_cli": "local",
    }
)
"""Where a provider is when its address does not say otherwise."""

KEY_VARIABLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "openai": "OPENAI_API_KEY",
        "anthropic": "ANTHROPIC_API_KEY",
        "gemini": "GEMINI_API_KEY",
        "groq": "GROQ_API_KEY",
        "together": "TOGETHER_API_KEY",
        "openrouter": "OPENROUTER_API_KEY",
        "cohere": "COHERE_API_KEY",
    }
)
"""The variable that holds the key of each provider that wants one."""

PROVIDERS: Final = tuple(LOCALITY)
"""The canonical names."""

ALIASES: Final[Mapping[str, str]] = MappingProxyType(
    {
        **{name.replace("_", ""): name for name in PROVIDERS},
        "claude": "anthropic",
        "gpt": "openai",
        "chatgpt": "openai",
        "google": "gemini",
        "googleai": "gemini",
        "togetherai": "together",
        "cohereai": "cohere",
        "llama": "lmstudio",
        "local": "lmstudio",
        "llamaserver": "llamacpp",
        "llamacppserver": "llamacpp",
        "llamacli": "llama_cpp_cli",
        "llamacompletion": "llama_cpp_cli",
        "inprocess": "embedded",
        "smollm2": "embedded",
    }
)
"""Every spelling that is understood, written without case, spaces, dots, hyphens and underscores."""

SHORT_NAMES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        **{f"{maker}{model}": ("anthropic", model) for maker in ("", "claude") for model in ("haiku", "sonnet", "opus")},
        "geminiflash": ("gemini", "flash"),
        "geminipro": ("gemini", "pro"),
    }
)
"""Words that people use for a model: whose it is, and what its name holds; written as in `ALIASES`."""

_CANONICAL = frozenset(PROVIDERS)
_LONGEST_NAME = 100
_LONGEST_MODEL = 300
_SEPARATORS = str.maketrans("", "", " .-_")


def canonical_provider(name: str) -> str | None:
    """Give a provider's canonical name, or None for a word that names none (``auto`` is such a word).

    >>> canonical_provider("Claude"), canonical_provider("LM Studio"), canonical_provider("llama.cpp")
    ('anthropic', 'lmstudio', 'llamacpp')
    """
    if name in _CANONICAL:
        return name
    return ALIASES.get(name[:_LONGEST_NAME].translate(_SEPARATORS).lower())


def short_name(model: str) -> tuple[str, str] | None:
    """Say whose model is meant by a word that is no model's name, and what the model's own name holds: nothing for any of them.

    >>> short_name("claude"), short_name("Claude Sonnet"), short_name("gpt-4o")
    (('anthropic', ''), ('anthropic', 'sonnet'), None)
    """
    provider = canonical_provider(model)
    if provider is not None:
        return provider, ""
    return SHORT_NAMES.get(model[:_LONGEST_NAME].translate(_SEPARATORS).lower())


def nearest(word: str, known: Iterable[str]) -> tuple[str, ...]:
    """Give the known words most like this one, the likeliest first, at most three.

    >>> nearest("opnai", PROVIDERS)
    ('openai',)
    """
    by_folded: dict[str, str] = {}
    for name in known:
        by_folded.setdefault(name.lower()[:_LONGEST_NAME], name)
    return tuple(by_folded[match] for match in get_close_matches(word.lower()[:_LONGEST_NAME], by_folded))


_FAMILIES: Mapping[str, Family] = {"anthropic": "claude", "openai": "gpt"}


def family_of(provider: str) -> Family:
    """Say on which rung of the task ladders a provider's models stand; every local one is a ``llama``."""
    if LOCALITY.get(provider) == "local":
        return "llama"
    return _FAMILIES.get(provider, "other")


_OPENAI = re.compile(r"(?:ft:)?(?:gpt-(?!oss)|chatgpt-|o[134](?:-|\Z))|dall-e-|text-embedding-(?:3|ada)|omni-moderation-")
_GEMINI = re.compile(r"(?:models/)?gemini-")
_COHERE = re.compile(
    r"(?:command-[a-z0-9-]{1,40}-\d{2}-20\d{2}|embed-(?:v4\.0|(?:english|multilingual)-(?:light-)?v[23]\.0)|c4ai-aya-[\w-]{1,40})\Z"
)
_GROQ = re.compile(r"llama-?[\w.-]{0,40}-(?:versatile|instant|preview|specdec)\Z")
_TOGETHER = re.compile(r"meta-llama/[\w.-]{0,80}-turbo(?:-free)?\Z")
_OPENROUTER_ONLY = re.compile(
    r"openrouter/|openai/(?:gpt-(?!oss)|chatgpt-|o[134](?:-|\Z))|anthropic/claude-|google/gemini-"
    r"|[^/:\s]{1,80}/[^/:\s]{1,120}:(?:free|nitro|floor|online|beta|extended|thinking|exacto)\Z"
)
_OLLAMA = re.compile(r"hf\.co/|[^/:\s]{1,120}:[\w.-]{1,80}\Z")
_OLLAMA_UNTAGGED = frozenset(
    {
        "llama2",
        "llama3",
        "llama3.1",
        "llama3.2",
        "llama3.3",
        "mistral",
        "mixtral",
        "qwen2",
        "qwen2.5",
        "qwen2.5-coder",
        "qwen3",
        "qwen3-coder",
        "phi3",
        "phi4",
        "gemma2",
        "gemma3",
        "codellama",
        "deepseek-r1",
        "deepseek-coder",
        "nomic-embed-text",
        "mxbai-embed-large",
    }
)  # the bare names of Ollama's own library; others spell them with hyphens


def provider_of_model(model: str) -> str | None:
    """Say which provider a model's name belongs to, when the name leaves no doubt; None otherwise.

    >>> provider_of_model("claude-3-opus-20240229"), provider_of_model("llama3.2:3b"), provider_of_model("my-tune")
    ('anthropic', 'ollama', None)
    """
    name = model[:_LONGEST_MODEL].lower()
    if name.startswith("claude-"):
        return "anthropic"
    if _OPENROUTER_ONLY.match(name):
        return "openrouter"
    if name.startswith("ft:") and _OPENAI.match(name):
        return "openai"
    if name in _OLLAMA_UNTAGGED or _OLLAMA.match(name):
        return "ollama"
    if _OPENAI.match(name):
        return "openai"
    if _GEMINI.match(name):
        return "gemini"
    if _COHERE.match(name):
        return "cohere"
    if name.startswith("smollm2"):
        return "embedded"
    if _GROQ.match(name):
        return "groq"
    return "together" if _TOGETHER.match(name) else None
