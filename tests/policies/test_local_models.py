"""Which models to have on one's own machine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.clients.data.ollama import OLLAMA
from llm_manager.policies.local_models import LOCAL_CATALOGUE, placed, recommend, recommended_pulls

SPECIFIED = {
    "llama3.2:1b": (1.3, 2.0, 5, 2),
    "llama3.2:3b": (2.0, 3.0, 4, 3),
    "qwen2.5:3b": (1.9, 2.5, 4, 3),
    "phi3:mini": (2.3, 3.0, 4, 3),
    "deepseek-r1:1.5b": (1.1, 1.5, 5, 3),
    "mistral:7b": (4.1, 5.0, 3, 4),
}


def test_the_catalogue_is_as_specified() -> None:
    """Disk, VRAM and stars for speed and capability; each model is known to the client too."""
    told = {model.name: (model.disk_gb, model.vram_gb, model.speed, model.capability) for model in LOCAL_CATALOGUE}
    assert {name: told[name] for name in SPECIFIED} == SPECIFIED
    assert set(told) - set(SPECIFIED) == {"qwen2.5:7b", "llama3.1:8b"}
    known = {model.name for model in OLLAMA.models}
    assert set(told) <= known
    (offloaded,) = [model.name for model in LOCAL_CATALOGUE if model.cpu_offload]
    assert offloaded == "mistral:7b"


def test_a_gpu_of_four_gigabytes() -> None:
    told = [(each.model.name, each.placement) for each in recommend(4)]
    assert told == [
        ("deepseek-r1:1.5b", "gpu"),
        ("qwen2.5:3b", "gpu"),
        ("llama3.2:3b", "gpu"),
        ("phi3:mini", "gpu"),
        ("llama3.2:1b", "gpu"),
        ("mistral:7b", "shared"),
    ]


def test_more_and_none_at_all() -> None:
    assert [each.model.name for each in recommend(12)][:3] == ["mistral:7b", "qwen2.5:7b", "llama3.1:8b"]
    assert {each.placement for each in recommend(0)} == {"cpu"}
    assert recommend(float("nan")) == recommend(-1.0) == recommend(0.0)
    assert recommended_pulls(0) == ("llama3.2:3b", "llama3.2:1b", "deepseek-r1:1.5b")
    assert recommended_pulls(6) == ("llama3.2:3b", "llama3.2:1b", "deepseek-r1:1.5b", "qwen2.5:7b")


@given(st.floats(), st.floats(0, 100))
def test_more_memory_never_takes_a_model_away(vram_gb: float, more: float) -> None:
    order = {"gpu": 0, "shared": 1, "cpu": 2, None: 3}
    for model in LOCAL_CATALOGUE:
        assert order[placed(model, vram_gb + more)] <= order[placed(model, vram_gb)]
    assert len({each.model.name for each in recommend(vram_gb)}) == len(recommend(vram_gb))


@pytest.mark.parametrize("vram_gb", [0, 2, 4, 6, 8, 24])
def test_what_is_fetched_is_recommended(vram_gb: float) -> None:
    assert set(recommended_pulls(vram_gb)) <= {each.model.name for each in recommend(vram_gb)}
