"""Every client's encoding keeps the laws of codecs; a new one joins by a line in the table."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings

from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import LLMRequest
from llm_manager.services.model_client import Encode
from llm_manager.testing import scripted
from llm_manager.testing import strategies as some
from llm_manager.testing.laws import encodes

ENCODINGS: Mapping[str, Encode] = {"scripted": scripted().client.encode}


@pytest.mark.parametrize("codec", ENCODINGS)
def test_any_request_is_written_or_refused(codec: str) -> None:
    """As JSON, the same bytes each time, with no newline in a header."""

    @settings(max_examples=60, deadline=None)
    @given(some.requests(), some.profiles())
    def check(request: LLMRequest, profile: ModelProfile) -> None:
        encodes(ENCODINGS[codec], request, profile)

    check()
