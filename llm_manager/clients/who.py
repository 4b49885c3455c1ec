"""Whom an answer comes from: what errors may say of it, and nothing of key or prompt."""

import re
from collections.abc import Iterable

from attrs import evolve, frozen

from llm_manager.clients.key_traces import without_traces
from llm_manager.clients.redaction import redacted
from llm_manager.domain.attempts import Attempt
from llm_manager.domain.errors import Charge, Origin
from llm_manager.domain.messages import Message, Thought, ToolCall
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.secrets import Secret

_REQUEST_IDS = frozenset({"x-request-id", "request-id", "x-generation-id"})
_ID = re.compile(r"[A-Za-z0-9_.:/+=@|~-]{1,200}")


@frozen(kw_only=True)
class Who:
    """Whom an answer comes from, for errors to name; ``request`` and ``key`` are only compared with what is echoed."""

    provider: str
    model: str
    endpoint: str = ""
    key: Secret | None = None
    request: LLMRequest | None = None

    def saying(self, texts: Iterable[str]) -> "Who":
        """The same, asked for what is no chat: an error that repeats one of the texts does not show it."""
        return evolve(self, request=LLMRequest(messages=tuple(Message(role="user", content=text) for text in texts)))

    @property
    def signer(self) -> str:
        """Who signs what is told: whose proofs go back to no other (`Thought.signed_by`)."""
        return _signer(self.provider, self.model)

    def safe(self, text: str) -> str:
        """The provider's words without our key and our prompt, cut."""
        return redacted(
            text,
            secrets=() if self.key is None else (self.key.reveal(),),
            prompts=() if self.request is None else self.request.texts(),
        )

    def safe_id(self, told: str | None) -> str | None:
        """An id that the provider gave; none when it is not shaped like one, or holds a trace of our key."""
        if told is None or _ID.fullmatch(told) is None or (self.key and without_traces(told, self.key.reveal(), "") != told):
            return None
        return told

    def origin(
        self,
        *,
        request_id: str | None = None,
        status: int | None = None,
        code: str | None = None,
        charge: Charge = "none",
        raw: str = "",
    ) -> Origin:
        """Where an error comes from, safe to log; ``raw`` and ``code`` are the provider's own words."""
        return Origin(
            provider=self.provider,
            endpoint=self.endpoint,
            key_fingerprint=None if self.key is None else self.key.fingerprint,
            request_id=self.safe_id(request_id),
            status=status,
            code=None if code is None else self.safe(code),
            charge=charge,
            raw=self.safe(raw) or None,
        )


def may_return(signed: Thought | ToolCall, profile: ModelProfile) -> bool:
    """Say whether a model may have a thought or a call back with its proof: it gave it itself, or nobody knows who did."""
    return signed.signed_by in ("", _signer(profile.provider, profile.name))


def _signer(provider: str, model: str) -> str:
    return f"{provider} {model}"


def who_answers(attempt: Attempt) -> Who:
    """Whom an attempt asks."""
    return Who(
        provider=attempt.endpoint.provider,
        model=attempt.model.name,
        endpoint=attempt.endpoint.base_url,
        key=attempt.key,
        request=attempt.request,
    )


def request_id(headers: Iterable[tuple[str, str]]) -> str | None:
    """The id by which the provider's support finds the call, as it came."""
    return next((value for name, value in headers if name in _REQUEST_IDS), None)
