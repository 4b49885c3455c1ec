"""What a model is for, told by its name: the word of a server or of the data comes first."""

import re
from typing import Final

from llm_manager.domain.models import ModelKind

_LONGEST = 300
_EMBEDDING: Final = re.compile(
    r"(?:\A|[/:._-])(?:[a-z]{0,12}embed(?:ding|dings|der|dinggemma)?|bge|gte|e5(?!\d)|minilm|m2-bert)(?=[/:._0-9-]|\Z)"
)
_MODERATION: Final = re.compile(r"(?:\A|/)(?:omni|text)-moderation")
_IMAGE: Final = re.compile(r"(?:\A|/)(?:dall-e|(?:chatgpt|gpt)-image|flux|stable-diffusion|sdxl|sd-?3|imagen)|(?:\A|/)gpt-[\d.]{1,5}-image")
_OTHER: Final = re.compile(
    r"(?:\A|[/-])(?:whisper|tts|transcribe|realtime|translate|rerank|reranker|sora|veo)(?=[/:._0-9-]|\Z)"
    r"|\Agpt-live|-live(?:-|\Z)|\A(?:babbage|davinci|ada|curie)(?:-002)?\Z|\Agpt-3\.5-turbo-instruct"
)


def kind_of_model(name: str) -> ModelKind:
    """Say what a model is for; a name that says nothing is taken for one to chat with.

    >>> kind_of_model("text-embedding-3-small"), kind_of_model("dall-e-3"), kind_of_model("gpt-4o"), kind_of_model("whisper-1")
    ('embedding', 'image', 'chat', 'other')
    """
    name = name[:_LONGEST].lower()
    if _EMBEDDING.search(name):
        return "embedding"
    if _MODERATION.search(name):
        return "moderation"
    if _IMAGE.search(name):
        return "image"
    return "other" if _OTHER.search(name) else "chat"
