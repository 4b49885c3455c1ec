"""What of a request its plan depends on: whom it names, what it is about, what it needs, how large it is."""

from attrs import frozen
from returns.result import Failure, Result, Success

from llm_manager.domain.errors import ConfigurationError, LLMError
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.plans import Candidate, RoutingPolicy, Snapshot, TaskClassification
from llm_manager.domain.requests import JsonSchema, LLMRequest
from llm_manager.policies.classification import classify
from llm_manager.policies.names import PROVIDERS, canonical_provider, nearest, provider_of_model
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
    has_tools: bool
    needs_schema: bool
    tokens: int


def read_facts(request: LLMRequest, snapshot: Snapshot, policy: RoutingPolicy) -> Result[Facts, LLMError]:
    """Read what a plan depends on; a misspelt provider or model is an error that names the nearest."""
    named = named_in(request)
    wrong = misspelt(named, snapshot)
    return Success(facts_of(request, policy, named)) if wrong is None else Failure(wrong)


def named_in(request: LLMRequest) -> Wish:
    """Read what a request names; ``auto`` and an empty name name nothing."""
    said, model = request.preferences.provider, request.preferences.model
    if not said and not model:
        return _NO_WISH
    provider = None if not said or said == "auto" else (canonical_provider(said) or said)
    return Wish(provider=provider, model=model or None)


def misspelt(named: Wish, snapshot: Snapshot) -> LLMError | None:
    """Say which name was probably meant, when a name is known to nobody."""
    if named.provider is not None and named.provider not in PROVIDERS:
        known = nearest(named.provider, PROVIDERS) or tuple(PROVIDERS)
        return ConfigurationError(message=f"no provider is called {named.provider!r}; did you mean {', '.join(known)}?")
    if named.model is not None and named.provider is None:
        names = {candidate.profile.name for candidate in snapshot.candidates}
        if named.model not in names and provider_of_model(named.model) is None:
            known = nearest(named.model, sorted(names)) or tuple(sorted(names))
            return ConfigurationError(
                message=f"no configured provider has a model called {named.model!r}"
                + (f"; did you mean {', '.join(known)}?" if known else "")
                + " Name its provider too if it is new."
            )
    return None


def facts_of(request: LLMRequest, policy: RoutingPolicy, named: Wish) -> Facts:
    """Read the rest of what a plan depends on."""
    return Facts(
        wish=named,
        classification=classify(request, default_sensitivity=policy.default_sensitivity),
        task_named=request.task_type is not None,
        has_images=request.has_images,
        has_tools=bool(request.tools),
        needs_schema=isinstance(request.output, JsonSchema),
        tokens=tokens_of(request),
    )


def tokens_of(request: LLMRequest) -> int:
    """Guess how many tokens of a window the request and its answer may take."""
    return estimate_request_tokens(request) + (request.preferences.max_tokens or 0)


def overfull(profile: ModelProfile, tokens: int, *, by: float = 1.0) -> bool:
    """Say whether so many tokens pass the model's window ``by`` a factor."""
    return profile.context_window is not None and tokens > profile.context_window * by
