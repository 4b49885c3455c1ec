"""What is known of Cohere's models."""

from llm_manager.clients.data.cohere import COHERE, THINKING
from llm_manager.policies.names import LOCALITY, canonical_provider, provider_of_model

KNOWN = {model.name: model for model in COHERE.models}


def test_the_data_is_sound() -> None:
    """Tiers name models that are served; replacements are known and served; what is gone has one."""
    assert canonical_provider("Cohere AI") == COHERE.name == "cohere"
    assert LOCALITY[COHERE.name] == "cloud"
    assert len(KNOWN) == len(COHERE.models)
    for name in (*COHERE.tiers.values(), COHERE.embedding_model or ""):
        assert not KNOWN[name].retired
        assert KNOWN[name].replaced_by is None
    for row in COHERE.models:
        assert row.replaced_by is not None or not row.retired
        assert row.replaced_by is None or not KNOWN[row.replaced_by].retired
        assert 0.0 < row.quality < 1.0
        assert row.retired or row.window is not None
        assert (row.dimensions is not None) == (row.kind == "embedding" and not row.retired)
        assert provider_of_model(row.name) == "cohere" or row.name.startswith("north-")


def test_every_effort_is_known() -> None:
    """A budget grows with it, and the highest has none."""
    budgets = [THINKING[effort].get("token_budget") for effort in ("low", "medium", "high")]
    assert budgets == [1024, 8192, None]
    assert THINKING["off"] == {"type": "disabled"}
