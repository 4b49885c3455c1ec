"""What is known of a model before its file is read, and what is assumed where settings are silent."""

from typing import Final

from llm_manager.clients.data.needs import LOCAL_SECONDS
from llm_manager.clients.data.shapes import ProviderFacts
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.models import FREE, ModelProfile

PROVIDER: Final = "llama_cpp_cli"
ONLY_MODEL: Final = "only-model"
"""Stands for the model of a folder that holds one."""
DEFAULT_PROGRAM: Final = "~/llama.cpp/build/bin/llama-cli"
DEFAULT_MODELS_DIR: Final = "~/llama.cpp/models"
_LOADING_SECONDS: Final = 600.0

FACTS: Final = ProviderFacts(name=PROVIDER, base_url="", needs_key=False, tiers={"default": ONLY_MODEL})


def describe(name: str, settings: ProviderSettings) -> ModelProfile:
    """Any model of the folder. One at a time unless settings say otherwise: each request loads the model anew."""
    return ModelProfile(
        name=name,
        provider=PROVIDER,
        locality="local",
        family="llama",
        context_window=settings.context_length,
        vision=False,
        tools=False,
        json_schema=True,
        price=FREE,
        quality=0.45,
        latency_seconds=LOCAL_SECONDS[1],
        concurrency=settings.concurrency or 1,
        load_seconds=_LOADING_SECONDS,
        unsupported=("reasoning",),
    )
