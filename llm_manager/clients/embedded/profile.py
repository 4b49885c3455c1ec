"""What is known of the embedded model before it is loaded."""

from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from llm_manager.clients.embedded.weights import find_weights
from llm_manager.domain.configuration import EmbeddedSettings, ProviderSettings
from llm_manager.domain.models import FREE, ModelProfile

PROVIDER = "embedded"
MODEL = "smollm2-135m"
LOADING_SECONDS = 600.0
TOY_NOTICE = "A model of 135 million parameters in this process answered: good for trying things out, not for facts."


@frozen(kw_only=True)
class EngineParameters:
    """What one engine is loaded with; equal parameters share one engine."""

    path: Path
    context_length: int
    parallel: int
    threads: int


def engine_parameters(settings: ProviderSettings, embedded: EmbeddedSettings, environ: Mapping[str, str]) -> EngineParameters | None:
    """What the engine is loaded with, or None when the weights are not there."""
    path = find_weights(embedded, environ)
    if path is None:
        return None
    return EngineParameters(
        path=path,
        context_length=context_length(settings, embedded),
        parallel=max(1, embedded.parallel),
        threads=max(1, embedded.threads if settings.threads is None else settings.threads),
    )


def context_length(settings: ProviderSettings, embedded: EmbeddedSettings) -> int:
    """Tokens in all windows together."""
    return embedded.context_length if settings.context_length is None else settings.context_length


def describe(settings: ProviderSettings, embedded: EmbeddedSettings) -> ModelProfile:
    """The profile of the model that these settings load: the window is divided among the requests served at once."""
    name = model_name(embedded)
    toy = name == MODEL
    parallel = max(1, embedded.parallel)
    window = context_length(settings, embedded) // parallel
    return ModelProfile(
        name=name,
        provider=PROVIDER,
        locality="local",
        family="llama",
        tier="fast",
        context_window=window,
        max_output_tokens=window,
        vision=False,
        tools=True,
        json_schema=True,
        price=FREE,
        quality=0.05 if toy else 0.3,
        latency_seconds=1.0,
        concurrency=settings.concurrency or parallel,
        load_seconds=LOADING_SECONDS,
        toy=toy,
    )


def endpoint_url(embedded: EmbeddedSettings) -> str:
    """What tells this engine from others in cache keys and journals: the model, or the file named in the settings."""
    what = MODEL if embedded.model_path is None else str(Path(embedded.model_path).expanduser().absolute())
    return f"{PROVIDER}:{what}"


def model_name(embedded: EmbeddedSettings) -> str:
    """The model's name: its file's, when the settings name a file that is not a copy of the model we fetch."""
    if embedded.model_path is None:
        return MODEL
    stem = Path(embedded.model_path).stem.lower()
    return MODEL if stem.startswith(MODEL) else stem or MODEL
