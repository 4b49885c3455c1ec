"""Which of the program's flags settings may name: an allow-list, each flag with the number of its values.

Not on it: what reads or writes other files, uses a network, shows the prompt, changes what is printed, or starts a dialogue.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from returns.result import Failure, Result, Success

from llm_manager.clients.llama_cpp_cli.profile import PROVIDER
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import ConfigurationError, Fault, LLMError

CACHE_TYPES: Final = ("f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1")
"""The types in which llama.cpp keeps keys and values."""

_UNQUANTIZED: Final = frozenset({"f32", "f16", "bf16"})
_SWITCHES: Final = (
    "--jinja --no-jinja --mmap --no-mmap --mlock -dio --direct-io -ndio --no-direct-io -kvo --kv-offload -nkvo --no-kv-offload"
    " --repack -nr --no-repack --no-host --swa-full --check-tensors -cmoe --cpu-moe --op-offload --no-op-offload --perf --no-perf --offline"
)
_WITH_VALUE: Final = (
    "-tb --threads-batch -b --batch-size -ub --ubatch-size --keep -C --cpu-mask -Cr --cpu-range --cpu-strict --prio --poll --numa"
    " -dev --device -ot --override-tensor -ncmoe --n-cpu-moe -sm --split-mode -ts --tensor-split -mg --main-gpu -fit --fit"
    " -fitt --fit-target -fitc --fit-ctx -lm --load-mode"
    " --rope-scaling --rope-scale --rope-freq-base --rope-freq-scale --yarn-orig-ctx --yarn-ext-factor --yarn-attn-factor"
    " --yarn-beta-slow --yarn-beta-fast"
    " --samplers --top-k --min-p --top-nsigma --xtc-probability --xtc-threshold --typical --repeat-last-n --repeat-penalty"
    " --presence-penalty --frequency-penalty --dry-multiplier --dry-base --dry-allowed-length --dry-penalty-last-n"
    " --dynatemp-range --dynatemp-exp --mirostat --mirostat-lr --mirostat-ent"
    " --chat-template -rea --reasoning --reasoning-budget"
)
ALLOWED: Final[Mapping[str, int]] = MappingProxyType(dict.fromkeys(_SWITCHES.split(), 0) | dict.fromkeys(_WITH_VALUE.split(), 1))
"""Flag to the number of its values."""

_VALUE: Final = re.compile(r"-?[0-9][\w.,+-]{0,99}|[A-Za-z0-9_.\\][\w.,;:=+*|()\[\]\\^$-]{0,199}", re.ASCII)


def special_flags(settings: ProviderSettings) -> Result[tuple[str, ...], LLMError]:
    """The words that settings add to the command, or the first that may not be there."""
    words = [word for flag in settings.special_flags for word in flag.split()]
    places = iter(words)
    for word in places:
        arity = ALLOWED.get(word)
        if arity is None:
            return _refused("special_flags", f"{word[:100]!r} is not among the flags that may be given", _hint(word))
        if arity:
            value = next(places, None)
            if value is None or value in ALLOWED or _VALUE.fullmatch(value) is None:
                return _refused("special_flags", f"{word} wants a value", f"write it as the next word: {word} VALUE")
    return Success(tuple(words))


def memory_flags(settings: ProviderSettings) -> Result[tuple[str, ...], LLMError]:
    """GPU layers, flash attention and the types of the cache as words of the command."""
    words: list[str] = []
    if settings.gpu_layers is not None:
        words += ("-ngl", str(settings.gpu_layers))
    if settings.flash_attention is not None:
        words += ("-fa", "on" if settings.flash_attention else "off")
    for name, flag, kind in (("cache_type_k", "-ctk", settings.cache_type_k), ("cache_type_v", "-ctv", settings.cache_type_v)):
        if kind is None:
            continue
        if kind not in CACHE_TYPES:
            return _refused(name, f"{kind[:100]!r} is no type of llama.cpp's cache", f"choose one of {', '.join(CACHE_TYPES)}")
        words += (flag, kind)
    if settings.flash_attention is False and (settings.cache_type_v or "f16") not in _UNQUANTIZED:
        return _refused("cache_type_v", "a quantized cache of values needs flash attention", "leave flash_attention out or set it to true")
    return Success(tuple(words))


def _hint(word: str) -> str:
    if "=" in word:
        return "write a flag's value as the next word"
    return "threads, gpu_layers, flash_attention, cache_type_k, cache_type_v and context_length are settings of their own"


def _refused(setting: str, problem: str, fix: str) -> Failure[LLMError]:
    fault = Fault(source="settings", key=f"providers.{PROVIDER}.{setting}", problem=problem, fix=fix)
    return Failure(ConfigurationError(message=str(fault), faults=(fault,)))
