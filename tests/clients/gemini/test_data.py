"""What is known of Gemini's models."""

from llm_manager.clients.data.gemini import GEMINI
from llm_manager.clients.data.gemini_manners import THINKING, efforts_of, wants_signatures
from llm_manager.policies.names import LOCALITY, canonical_provider, provider_of_model

KNOWN = {model.name: model for model in GEMINI.models}


def test_the_data_is_sound() -> None:
    """Tiers name models that are served; replacements are known and served; what is gone has one."""
    assert canonical_provider("Google AI") == GEMINI.name == "gemini"
    assert LOCALITY[GEMINI.name] == "cloud"
    for name in (*GEMINI.tiers.values(), GEMINI.embedding_model or ""):
        assert not KNOWN[name].retired
        assert KNOWN[name].replaced_by is None
    for row in GEMINI.models:
        assert row.replaced_by is not None or not row.retired
        assert row.replaced_by is None or not KNOWN[row.replaced_by].retired
        assert 0.0 < row.quality < 1.0
        assert row.retired or (row.rates is not None and row.window is not None)
        assert (row.dimensions is not None) == (row.kind == "embedding" and not row.retired)
        assert row.kind == "embedding" or provider_of_model(row.name) == "gemini"


def test_every_model_that_thinks_has_its_efforts() -> None:
    """And no other."""
    for row in GEMINI.models:
        if row.kind == "chat" and not row.retired:
            thinks = row.reasoning or row.name.startswith(GEMINI.reasoning)
            assert (efforts_of(row.name) is not None) is thinks


def test_any_name_has_its_manners() -> None:
    """The last line fits all."""
    assert THINKING[-1][0] == ""
    assert efforts_of("") == efforts_of("gemini-9-nova") is not None
    assert [wants_signatures(name) for name in ("gemini-2.0-flash", "gemini-2.5-pro", "gemini-3-flash-preview", "x")] == [
        False,
        False,
        True,
        True,
    ]
