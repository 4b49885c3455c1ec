"""Where requests go and with which header fields; judged once, when the client is built."""

import hashlib
from typing import Final

from attrs import evolve, field, frozen
from msgspec.structs import replace
from returns.result import Failure, Result, Success

from llm_manager.clients.data.shapes import ProviderFacts
from llm_manager.domain.attempts import Attempt, Limits
from llm_manager.domain.configuration import NetworkSettings, ProviderSettings, Sign, TokenSource
from llm_manager.domain.errors import AuthenticationFailed, ConfigurationError, LLMError, Origin
from llm_manager.domain.models import Endpoint
from llm_manager.domain.secrets import Secret
from llm_manager.domain.wire_requests import WireRequest
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.addresses import parse_endpoint
from llm_manager.policies.headers import header_fields, usable_key
from llm_manager.policies.keys import fetches_keys, own_keys
from llm_manager.policies.names import KEY_VARIABLES
from llm_manager.services.key_at_hand import key_at_hand
from llm_manager.services.transport import Envelope

_Fields = tuple[tuple[bytes, bytes], ...]

_OWN: Final[_Fields] = ((b"content-type", b"application/json"), (b"user-agent", b"llm-manager"))
_BEARER: Final = (b"authorization", b"Bearer ")


@frozen(kw_only=True)
class Addressed:
    """An endpoint with the fields that every request to it carries; ``keyed`` are the same with our own key.

    ``tokens`` gives what is sent in a key's place; ``lock`` is the field that holds either, and what stands before it.
    ``sign`` gives further fields for each request as it goes out.
    """

    endpoint: Endpoint
    key: Secret | None
    fields: _Fields = field(repr=False)
    keyed: _Fields = field(repr=False)
    takes_keys: bool = True
    lock: tuple[bytes, bytes] = _BEARER
    tokens: TokenSource | None = field(default=None, repr=False)
    sign: Sign | None = field(default=None, repr=False)
    version_path: str = ""

    async def envelope(self, attempt: Attempt, path: str, body: bytes) -> Settled[Envelope, LLMError]:
        """A request as it goes out, with the attempt's key."""
        fields = self.keyed
        if attempt.key is not self.key or self.tokens is not None:
            made = await self._with_key(attempt.key, attempt.model.name)
            if isinstance(made, Failure):
                return made
            fields = made.unwrap()
        wire = attempt.wire
        if wire.headers:
            extra = sealed(header_fields(self.endpoint.provider, dict(wire.headers)))
            if isinstance(extra, Failure):
                return extra
            fields = (*fields, *extra.unwrap())
        if self.sign is not None:
            signed = self._signed(self.sign, replace(wire, path=path, body=body, notices=()), attempt.model.name)
            if isinstance(signed, Failure):
                return signed
            fields = (*fields, *signed.unwrap())
        return Success(
            Envelope(
                method=wire.method,
                url=self.endpoint.base_url + path,
                headers=fields,
                body=body,
                limits=attempt.limits,
                local=self.endpoint.locality == "local",
                provider=self.endpoint.provider,
                model=attempt.model.name,
            )
        )

    async def question(
        self, path: str, limits: Limits, model: str, *, above_base: bool = False, method: str = "GET", body: bytes = b""
    ) -> Settled[Envelope, LLMError]:
        """A question that is no attempt, with our own key; ``above_base`` leaves the version out of the path."""
        key = self.key_now()
        made = Success(self.keyed) if self.tokens is None and key is self.key else await self._with_key(key, model)
        if isinstance(made, Failure):
            return made
        fields = made.unwrap()
        if self.sign is not None:
            signed = self._signed(self.sign, WireRequest(method=method, path=path, body=body), model)
            if isinstance(signed, Failure):
                return signed
            fields = (*fields, *signed.unwrap())
        base = self.endpoint.base_url.removesuffix(self.version_path) if above_base else self.endpoint.base_url
        return Success(
            Envelope(
                method=method,
                url=base + path,
                headers=fields,
                body=body,
                limits=limits,
                local=self.endpoint.locality == "local",
                provider=self.endpoint.provider,
                model=model,
            )
        )

    def key_now(self) -> Secret | None:
        """The key of a request that is no attempt: the one chosen for it, else our own."""
        return key_at_hand(self.endpoint, self.key)

    async def _with_key(self, key: Secret | None, model: str) -> Settled[_Fields, LLMError]:
        lock = self.lock
        if self.tokens is not None:
            given = await self._token(self.tokens, model)
            if isinstance(given, Failure):
                return given
            key, lock = given.unwrap(), _BEARER
        if key is None or not self.takes_keys:
            return Success(self.fields)
        usable = sealed(usable_key(self.endpoint.provider, key))
        return usable if isinstance(usable, Failure) else Success((*self.fields, _locked(lock, usable.unwrap())))

    def _signed(self, sign: Sign, wire: WireRequest, model: str) -> Settled[_Fields, LLMError]:
        """The fields that prove a request; of an exception only its kind is told."""
        provider = self.endpoint.provider
        try:
            given = dict(sign(wire))
        except Exception as error:  # noqa: BLE001 - somebody else's function, which may fail in any way
            origin = Origin(provider=provider, endpoint=self.endpoint.base_url)
            message = f"the signer of {provider} signed nothing: it raised {type(error).__name__}"
            return Failure(AuthenticationFailed(model=model, message=message, origin=origin))
        return sealed(header_fields(provider, given))

    async def _token(self, source: TokenSource, model: str) -> Settled[Secret, LLMError]:
        """The token to send now; of an exception only its kind is told, for its words may hold what they should not."""
        provider = self.endpoint.provider
        try:
            token: object = await source()
            why = f"it gave no Secret but {type(token).__name__}"
        except Exception as error:  # noqa: BLE001 - somebody else's function, which may fail in any way
            token, why = None, f"it raised {type(error).__name__}"
        if isinstance(token, Secret):
            return Success(token)
        origin = Origin(provider=provider, endpoint=self.endpoint.base_url)
        return Failure(AuthenticationFailed(model=model, message=f"the token source of {provider} gave no token: {why}", origin=origin))


def addressed(facts: ProviderFacts, settings: ProviderSettings, network: NetworkSettings) -> Result[Addressed, LLMError]:
    """Judge address, headers and key of a provider's settings."""
    endpoint = sealed(parse_endpoint(facts.name, settings.base_url or facts.base_url, network.local_hosts, account=_account(settings)))
    if isinstance(endpoint, Failure):
        return endpoint
    custom = sealed(header_fields(facts.name, _headers(facts, settings)))
    if isinstance(custom, Failure):
        return custom
    dialects = sealed(header_fields(facts.name, facts.own_headers))
    if isinstance(dialects, Failure):
        return dialects
    named = {name.lower() for name, _ in custom.unwrap()}
    fields = (*(each for each in (*_OWN, *dialects.unwrap()) if each[0] not in named), *custom.unwrap())
    lock = (facts.key_header.encode(), facts.key_scheme.encode())
    takes_keys = lock[0] not in named and _BEARER[0] not in named
    bare = Addressed(
        endpoint=endpoint.unwrap(),
        key=None,
        fields=fields,
        keyed=fields,
        takes_keys=takes_keys,
        lock=lock,
        tokens=settings.token_source if takes_keys else None,
        sign=settings.sign,
        version_path=facts.version_path,
    )
    for each in (settings.api_key, *settings.api_keys):
        usable = None if each is None else sealed(usable_key(facts.name, each))
        if isinstance(usable, Failure):
            return usable
    own = own_keys(settings)
    if own:
        key = own[0]
        return Success(evolve(bare, key=key, keyed=(*fields, _locked(lock, key)) if takes_keys else fields))
    if facts.needs_key and takes_keys and bare.tokens is None and not fetches_keys(settings) and bare.endpoint.base_url == facts.base_url:
        variable = KEY_VARIABLES.get(facts.name, f"{facts.name.upper()}_API_KEY")
        return Failure(ConfigurationError(message=f"{facts.name} needs a key: set {variable}"))
    return Success(bare)


def _headers(facts: ProviderFacts, settings: ProviderSettings) -> dict[str, str]:
    """The fields that settings ask for, by the provider's own names."""
    wanted = (
        (facts.organization_header, settings.organization),
        (facts.project_header, settings.project),
        (facts.app_name_header, settings.app_name),
        (facts.app_url_header, settings.app_url),
    )
    return {**{name: value for name, value in wanted if name and value}, **settings.custom_headers}


def _account(settings: ProviderSettings) -> str:
    """What tells two accounts at one address apart, without telling a secret: custom headers count by their digest."""
    parts = [part for part in (settings.organization, settings.project, settings.api_version) if part]
    if settings.custom_headers:
        text = repr(sorted(settings.custom_headers.items()))
        parts.append(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8])
    return " ".join(parts)


def _locked(lock: tuple[bytes, bytes], key: Secret) -> tuple[bytes, bytes]:
    return lock[0], lock[1] + key.reveal().encode("ascii")
