"""What of each event belongs in the audit trail."""

from hypothesis import given

from llm_manager.domain.error_questions import charge_of
from llm_manager.domain.errors import InvalidRequest, ModelUnavailable
from llm_manager.domain.events import AttemptStarted, CallFailed, Event
from llm_manager.domain.plain_data import canonical
from llm_manager.domain.requests import LLMRequest, RequestMetadata
from llm_manager.policies.audit_facts import audit_facts
from llm_manager.testing import strategies


@given(strategies.events())
def test_the_facts_of_any_event_are_plain(event: Event) -> None:
    """Or there are none."""
    facts = audit_facts(event)
    assert facts is None or canonical(facts).startswith(b"{")


def test_an_attempt_tells_whom_on_whose_behalf_and_with_which_key() -> None:
    """Names that are not given are left out."""
    metadata = RequestMetadata(user="ann", tenant="acme", run="r1")
    event = AttemptStarted(at=1.0, call_id="c", number=2, provider="openai", model="gpt-4o", key_fingerprint="ab12", metadata=metadata)
    assert audit_facts(event) == {
        "call": "c",
        "attempt": 2,
        "operation": "chat",
        "provider": "openai",
        "model": "gpt-4o",
        "key": "ab12",
        "user": "ann",
        "tenant": "acme",
        "run": "r1",
    }


def test_no_word_of_a_request_is_kept() -> None:
    """Not even of one that an error holds."""
    error = InvalidRequest(message="temperature: 9 is too hot", request=LLMRequest("my secret plan"))
    facts = audit_facts(CallFailed(at=1.0, call_id="c", seconds=0.0, error=error, metadata=RequestMetadata()))
    assert facts is not None and "secret" not in canonical(facts).decode()


def test_no_word_that_a_server_said_is_kept() -> None:
    """It may repeat a prompt that is too short to be found in what it says, and the trail forgets nothing."""
    error = ModelUnavailable(model="m", message="bad input: 'Ann is ill'", reason="server")
    facts = audit_facts(CallFailed(at=1.0, call_id="c", seconds=0.0, error=error, metadata=RequestMetadata()))
    assert facts == {"call": "c", "error": "ModelUnavailable", "charge": charge_of(error)}
