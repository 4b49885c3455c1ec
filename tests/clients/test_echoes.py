"""Nothing long of a prompt stays in a provider's words."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.clients.echoes import SHORTEST_ECHO, without_echoes
from llm_manager.clients.redaction import redacted

PROMPT = 'Die Patientin Jürgen Röhm, geboren 1980,\nwohnt in "Köln" 🙂 und ist krank.'


@pytest.mark.parametrize(
    "said",
    [
        PROMPT,
        json.dumps(PROMPT),
        json.dumps(PROMPT, ensure_ascii=False),
        json.dumps({"error": json.dumps({"input": PROMPT})}),
        json.dumps(f"you said: {PROMPT[:45]}..."),
        f"{PROMPT[5:40]} ... {PROMPT[-30:]}",
    ],
    ids=["plain", "ascii JSON", "JSON", "JSON within JSON", "its start", "parts"],
)
def test_an_echo_is_hidden_however_it_is_spelt(said: str) -> None:
    shown = without_echoes(f"bad input {said}!", [PROMPT, "hi"])
    assert "[prompt]" in shown
    assert shown.startswith("bad ")
    for word in ("Patientin", "geboren", "Röhm", "krank", "u00f6"):
        assert word not in shown


def test_a_prompt_longer_than_what_is_looked_at_is_hidden() -> None:
    prompt = " ".join(f"The patient number {number} is ill." for number in range(2000))
    assert redacted(f"bad input: {prompt}", prompts=[prompt]) == "bad input:[prompt]1"  # the cut left no whole prompt


def test_a_prompt_that_holds_escapes_itself_is_hidden() -> None:
    prompt = r'Explain "\n" and "\u00e9" in C:\new\temp please'
    assert without_echoes(json.dumps({"input": prompt}), [prompt]) == '{"input": "[prompt]"}'


def test_words_that_only_the_provider_says_stay() -> None:
    said = r'{"error": {"message": "no \"such\" parameter: top_\u006b"}}'
    assert without_echoes(said, [PROMPT, "", "short"]) == said


@given(st.text(max_size=60), st.text(max_size=60), st.text(min_size=SHORTEST_ECHO + 3, max_size=200), st.data())
def test_no_run_of_a_prompt_survives(before: str, after: str, prompt: str, data: st.DataObject) -> None:
    """Wherever it was cut out of the prompt and put."""
    start = data.draw(st.integers(0, len(prompt) - SHORTEST_ECHO - 3))
    part = prompt[start : data.draw(st.integers(start + SHORTEST_ECHO + 3, len(prompt)))]
    shown = without_echoes(before + part + after, [prompt])
    assert "[prompt]" in shown
    assert part not in shown


@given(st.text(max_size=300), st.lists(st.text(max_size=50), max_size=3))
def test_any_text_is_read(text: str, prompts: list[str]) -> None:
    """Escapes of half a character, or none at all, are no trouble."""
    assert isinstance(without_echoes(text + r"\ud83d \u12 \q", prompts), str)
