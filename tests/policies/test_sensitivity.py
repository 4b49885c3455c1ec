"""The net of private words: what it catches, and, said openly, what it does not."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.policies.sensitivity import private_word

CAUGHT = {
    "capitals": "PATIENT",
    "full-width letters": "ｐａｔｉｅｎｔ",
    "mathematical letters": "𝐩𝐚𝐭𝐢𝐞𝐧𝐭",
    "a zero-width space": "pat\u200bient",
    "a soft hyphen": "pat\u00adient",
    "a word joiner": "pat\u2060ient",
    "a variation selector": "pat\ufe0fient",
    "a direction mark": "pat\u202eient",
    "an underscore": "patient_id",
    "a possessive": "the patient's file",
    "markup": "<b>patient</b>",
    "JSON": '{"patient": 1}',
}
MISSED = {
    "spaced letters": "p a t i e n t",
    "look-alike letters": "рatient",
    "digits for letters": "pat1ent",
    "a plural": "patients",
    "another language": "Patientin",
    "base64": base64.b64encode(b"patient").decode(),
    "JSON escapes": r"\u0070atient",
    "a synonym": "the person in bed four",
}


@pytest.mark.parametrize("kind", CAUGHT)
def test_disguises_that_are_seen_through(kind: str) -> None:
    assert private_word(f"About the {CAUGHT[kind]} again") == "patient"


def test_the_net_is_no_detector() -> None:
    """Eight of twenty disguises pass: a label, or ``default_sensitivity = private``, is the safe way."""
    passed = [kind for kind, text in (CAUGHT | MISSED).items() if private_word(text) is None]
    assert passed == list(MISSED)


@given(st.text(), st.sampled_from(["patient", "Hipaa", "PHI"]), st.text())
def test_a_whole_word_is_found_in_any_company(before: str, word: str, after: str) -> None:
    assert private_word(f"{before} {word} {after}") is not None
