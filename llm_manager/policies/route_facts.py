"""What of a request its plan depends on: whom it names, what it is about, what it needs, how large it is."""

from attrs import frozen
from returns.result import Failure, Result, Success

from llm_manager.domain.errors import ConfigurationError, LLMError
from llm_manager.domain.messages import DocumentUrl, ImageUrl
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.plans import Candidate, RoutingPolicy, Snapshot, TaskClassification
from llm_manager.domain.requests import JsonSchema, LLMRequest
from llm_manager.policies.absent_models import Catalogue, absent_model, is_alike, unknown_model, wrongly_joined
from llm_manager.policies.addresses import is_elsewhere
from llm_manager.policies.classification import classify
from llm_manager.policies.names import AUTO, PROVIDERS, canonical_provider, nearest, provider_of_model, short_name
from llm_manager.policies.tokens import estimate_request_tokens


@frozen(kw_only=True)
class Wish:
    """What the request names: a provider in canonical words, a model, both or neither."""

    provider: str | None = None
    model: str | None = None

    def matches(self, candidate: Candidate) -> bool:
        """Say whether the candidate is what was named."""
        profile = candidate.profile
        return (self.provider is None or profile.provider == self.provider) and (self.model is None or profile.name == self.model)

    def __bool__(self) -> bool:
        return self.provider is not None or self.model is not None


_NO_WISH = Wish()


@frozen(kw_only=True)
class Facts:
    """All of a request that its plan depends on; ``tokens`` is the estimated prompt and the answer's limit."""

    wish: Wish
    classification: TaskClassification
    task_named: bool
    has_images: bool
    has_documents: bool
    has_tools: bool
    needs_schema: bool
    tokens: int
    exact: bool = False
    files_elsewhere: bool = False
    """Whether a server that is asked would fetch a file from a host that is not local."""


def read_facts(request: LLMRequest, snapshot: Snapshot, policy: RoutingPolicy, catalogue: Catalogue = tuple) -> Result[Facts, LLMError]:
    """Read what a plan depends on; a misspelt provider or model is an error that names the nearest."""
    named = named_in(request, snapshot)
    wrong = misspelt(named, snapshot, catalogue)
    return Success(facts_of(request, policy, named)) if wrong is None else Failure(wrong)


def named_in(request: LLMRequest, snapshot: Snapshot) -> Wish:
    """Read what a request names; ``auto`` and an empty name name nothing, ``openai/gpt-4o`` may name both."""
    return wish_for(request.preferences.provider, request.preferences.model, snapshot)


def wish_for(said: str | None, model: str | None, snapshot: Snapshot) -> Wish:
    """Read names of a provider and a model, as they were written; a short name such as ``claude`` stands for what it means."""
    if not said and not model:
        return _NO_WISH
    provider = None if not said or said == AUTO else canonical_provider(said) or said
    if not model or model == AUTO:
        return Wish(provider=provider)
    if provider is None and "/" in model and not _is_known(model, snapshot):
        vendor, name = model.split("/", 1)
        owner = canonical_provider(vendor)
        if owner is not None and any(candidate.profile.provider == owner for candidate in snapshot.candidates):
            provider, model = owner, name
    meant = short_name(model)
    if meant is not None and provider in (None, meant[0]) and not _is_known(model, snapshot):
        return Wish(provider=meant[0], model=_called(*meant, snapshot) if meant[1] else None)
    return Wish(provider=provider, model=model)


def _called(provider: str, word: str, snapshot: Snapshot) -> str | None:
    """The model of a provider whose name holds a word; None for any of its models when none does."""
    own = (each.profile.name for each in snapshot.candidates if each.profile.provider == provider and not each.only_named)
    known = (name for name in reversed(snapshot.known_names) if provider_of_model(name) == provider)
    return next((name for name in (*own, *known) if word in name.lower()), None)


def _is_known(model: str, snapshot: Snapshot) -> bool:
    """Say whether a model is in the settings, or in what is known of the providers at hand."""
    return model in snapshot.known_names or any(
        candidate.profile.name == model and not candidate.only_named for candidate in snapshot.candidates
    )


def misspelt(named: Wish, snapshot: Snapshot, catalogue: Catalogue = tuple) -> LLMError | None:
    """Say which name was probably meant, when a name is known to nobody.

    New models come out daily: a name that differs in its numbers is believed, and so is any beside its provider's.
    """
    own = {candidate.profile.provider for candidate in snapshot.candidates}
    if named.provider is not None and named.provider not in PROVIDERS and named.provider not in own:
        meant = nearest(named.provider, PROVIDERS) or tuple(PROVIDERS)
        return ConfigurationError(message=f"no provider is called {named.provider!r}; did you mean {', '.join(meant)}?")
    if named.model is None or named.provider is not None or _is_known(named.model, snapshot):
        return None
    if (joined := wrongly_joined(named.model)) is not None:
        return joined
    names = {candidate.profile.name for candidate in snapshot.candidates}
    if named.model in names or provider_of_model(named.model) is not None:
        others = sorted({*names, *snapshot.known_names} - {named.model})
        meant = tuple(name for name in nearest(named.model, others) if is_alike(name, named.model))
        return unknown_model(named.model, meant) if meant else None
    return absent_model(named.model, snapshot, catalogue)


def facts_of(request: LLMRequest, policy: RoutingPolicy, named: Wish) -> Facts:
    """Read the rest of what a plan depends on."""
    return Facts(
        wish=named,
        classification=classify(request, default_sensitivity=policy.default_sensitivity, private_rule=policy.private_rule),
        task_named=request.task_type is not None,
        has_images=request.has_images,
        has_documents=request.has_documents,
        has_tools=bool(request.tools),
        needs_schema=isinstance(request.output, JsonSchema),
        tokens=tokens_of(request),
        exact=request.preferences.exact,
        files_elsewhere=has_files_elsewhere(request, policy),
    )


def has_files_elsewhere(request: LLMRequest, policy: RoutingPolicy) -> bool:
    """Say whether a message refers to a file at a host that is not local, by an address that whoever is asked fetches."""
    return any(
        isinstance(part, ImageUrl | DocumentUrl) and is_elsewhere(part.url, policy.local_hosts)
        for message in request.messages
        for part in message.content
    )


def tokens_of(request: LLMRequest) -> int:
    """Guess how many tokens of a window the request and its answer may take."""
    return estimate_request_tokens(request) + (request.preferences.max_tokens or 0)


def overfull(profile: ModelProfile, tokens: int, *, by: float = 1.0) -> bool:
    """Say whether so many tokens pass the model's window ``by`` a factor."""
    return profile.context_window is not None and tokens > profile.context_window * by
