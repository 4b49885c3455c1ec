"""The net of private words: what it catches, and, said openly, what it does not."""

import base64

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.messages import DocumentData, Message, TextPart
from llm_manager.domain.requests import LLMRequest
from llm_manager.policies.sensitivity import private_word, said_in, sensitivity_of

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


@pytest.mark.parametrize(
    "document",
    [
        DocumentData(data=b"Of the patient: nothing", media_type="text/plain"),
        DocumentData(data=b"%PDF-", media_type="application/pdf", name="patient 12.pdf"),
    ],
)
def test_a_document_of_text_is_read_for_words_and_every_document_by_its_name(document: DocumentData) -> None:
    request = LLMRequest(messages=(Message(role="user", content=(TextPart(text="Sum this up"), document)),))
    assert sensitivity_of(None, said_in(request)) == ("private", "the word patient makes it private")
    assert sensitivity_of(None, said_in(evolve(request, messages=(Message(role="user", content="Sum this up"),))))[0] == "public"
