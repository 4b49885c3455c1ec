"""What the names of Ollama's models tell: which are the same, which are answered by a cloud, which only continue a text."""

import re
from typing import Final

from attrs import frozen

from llm_manager.clients.data.ollama import SAME

_LATEST: Final = ":latest"
_LIBRARY: Final = "library"
_REGISTRIES: Final = ("registry.ollama.ai", "ollama.com", "")
_BASE: Final = re.compile(r"[^:]{1,200}:(?:[\w.]{1,40}-)?(?:text|base|code)(?:-[\w.-]{1,80})?\Z")
_PART: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z")


def same_model(name: str) -> str:
    """A model's name in its fullest form, as far as it is known.

    >>> same_model("llama3.2"), same_model("llama3.2:latest"), same_model("nomic-embed-text:latest"), same_model("mine:7b")
    ('llama3.2:3b', 'llama3.2:3b', 'nomic-embed-text', 'mine:7b')
    """
    bare = name.removesuffix(_LATEST)
    return SAME.get(bare, bare)


def is_offloaded(name: str) -> bool:
    """Say whether a local server passes requests for a model of this name on to a cloud.

    >>> is_offloaded("gpt-oss:120b-cloud"), is_offloaded("glm-4.6:CLOUD"), is_offloaded("cloudy:7b")
    (True, True, False)
    """
    folded = name.strip().lower()
    return folded.endswith((":cloud", "-cloud"))


def only_continues(name: str) -> bool:
    """Say whether a model has learnt no conversation: it continues a text, as the tags of Ollama's library say.

    >>> only_continues("llama3:text"), only_continues("codellama:7b-code"), only_continues("qwen2.5-coder:7b-base-q4_K_M")
    (True, True, True)
    >>> only_continues("llama3.2:3b"), only_continues("codellama:7b"), only_continues("qwen3-coder")
    (False, False, False)
    """
    return _BASE.match(name) is not None


@frozen
class RegistryName:
    """Where the registry keeps a model."""

    namespace: str
    model: str
    tag: str

    @property
    def path(self) -> str:
        """The path of its manifest."""
        return f"/v2/{self.namespace}/{self.model}/manifests/{self.tag}"


def registry_name(name: str) -> RegistryName | None:
    """Where Ollama's registry keeps a model; None for one from elsewhere, or made on this machine by an odd name.

    >>> registry_name("llama3.2").path
    '/v2/library/llama3.2/manifests/latest'
    >>> registry_name("hf.co/someone/model:Q4") is None
    True
    """
    rest, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        rest, tag = name, "latest"
    *before, model = rest.split("/")
    host = before.pop(0) if len(before) == 2 else ""
    namespace = before[0] if before else _LIBRARY
    if host not in _REGISTRIES or len(before) > 1 or not all(_PART.match(part) for part in (namespace, model, tag)):
        return None
    return RegistryName(namespace, model, tag)
