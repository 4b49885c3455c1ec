"""Routes, models and health, as tables for people and documents for programs."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve
from returns.result import Failure, Success

from llm_manager.cli.documents import cost_usd
from llm_manager.cli.health import health
from llm_manager.cli.models.listing import Sought, matching, models
from llm_manager.cli.plan import plan
from llm_manager.domain.configuration import EmbeddedSettings, LLMConfig, ProviderSettings
from llm_manager.domain.errors import NetworkError, PolicyBlocked
from llm_manager.domain.models import FREE, Endpoint, Health, KnownPrice, ModelProfile
from llm_manager.domain.plans import Plan, PlanStep, Refusal, TaskClassification
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.standing import BreakerStanding, BudgetStanding, KeyStanding, ScopeStanding, Standing
from llm_manager.domain.usage import Cost, Priced, Unpriced
from llm_manager.policies.standing_words import standing_lines

Setting = Callable[..., Any]

NEAR = ModelProfile(name="small", provider="lmstudio", locality="local", context_window=4096, price=FREE)
FAR = ModelProfile(
    name="big\x1b[2J", provider="openai", vision=True, price=KnownPrice(input_usd=Decimal("2.50"), output_usd=Decimal(10), version="v")
)
OLD = ModelProfile(name="old", provider="openai", retired=True, replaced_by="big")
SIGHT = ModelProfile(
    name="sight",
    provider="openai",
    vision=True,
    reasoning=True,
    context_window=200_000,
    price=KnownPrice(input_usd=Decimal(1), output_usd=Decimal(9), version="v"),
)
VECTORS = ModelProfile(name="vectors", provider="lmstudio", locality="local", kind="embedding", tools=False, json_schema=False)
GONE = ModelProfile(name="older", provider="openai", retired=True)
ROUTE = Plan(
    steps=(
        PlanStep(
            profile=NEAR,
            endpoint=Endpoint(provider="lmstudio", base_url="http://localhost:1234/v1", locality="local"),
            reasons=("local first",),
        ),
    ),
    refused=(
        Refusal(provider="openai", model="big", rule="private", reason="private"),
        Refusal(provider="vllm", model="", rule="unconfigured", reason="not configured"),
        Refusal(provider="groq", model="", rule="unavailable", reason="no key"),
        Refusal(provider="gemini", model="", rule="unconfigured", reason="not configured: set GEMINI_API_KEY"),
    ),
    strategy="balanced",
    max_retries=3,
    classification=TaskClassification(
        task_type="sql", complexity="simple", sensitivity="private", prefers_local=True, reasons=("the word SELECT",)
    ),
    notices=("a small model",),
)

UP = Health(provider="lmstudio", healthy=True)
DOWN = Health(provider="openai", healthy=False, error_message="refused")
TOY = Health(provider="embedded", healthy=True)


async def test_a_plan_tells_every_step_and_every_refusal(scene: Setting) -> None:
    at = scene(planned=Success(ROUTE))
    assert await plan(at.session, LLMRequest("x")) == 0
    assert at.out.getvalue().splitlines() == [
        "strategy balanced; a simple private request of type sql (the word SELECT)",
        "1. small at lmstudio (local): local first",
        "-  big at openai: private",
        "-  groq: no key",
        "not configured: vllm, gemini",
        "note: a small model",
    ]
    assert at.asked == []


async def test_a_plan_as_a_document(scene: Setting) -> None:
    at = scene(planned=Success(ROUTE), json=True)
    assert await plan(at.session, LLMRequest("x")) == 0
    document = json.loads(at.out.getvalue())
    assert document["steps"][0]["reasons"] == ["local first"]
    assert len(document["refused"]) == 4
    assert document["refused"][2] == {"provider": "groq", "model": None, "reason": "no key"}


async def test_no_plan_is_an_error(scene: Setting) -> None:
    at = scene(planned=Failure(PolicyBlocked(message="no local model")))
    assert await plan(at.session, LLMRequest("x")) == 2


async def test_models_in_a_pipe_are_tab_separated(scene: Setting) -> None:
    at = scene(models=Success((NEAR, FAR, OLD)))
    assert await models(at.session) == 0
    lines = [line.split("\t") for line in at.out.getvalue().splitlines()]
    assert {len(line) for line in lines} == {7}
    assert lines[1] == ["lmstudio", "small", "local", "default", "4096", "free", "tools, schema"]
    assert lines[2][5] == "2.5 / 10"
    assert [line[0] for line in lines[2:]] == ["openai", "openai"]
    assert lines[3][6] == "retired, use big"


async def test_models_on_a_terminal_are_a_clean_table(scene: Setting) -> None:
    at = scene(models=Success((NEAR, FAR, GONE)), terminal=True)
    assert await models(at.session) == 0
    assert "\x1b[2J" not in at.out.getvalue()
    assert "small" in at.out.getvalue()
    assert at.out.getvalue().count("openai") == 1, "a group is named once"
    at = scene(models=Success((NEAR, FAR, GONE)), terminal=True)
    assert await models(at.session, Sought(order="name")) == 0
    assert at.out.getvalue().count("openai") == 2


async def test_models_as_documents_keep_what_is_unknown(scene: Setting) -> None:
    at = scene(models=Success((NEAR, OLD)), json=True)
    assert await models(at.session) == 0
    near, old = json.loads(at.out.getvalue())
    assert (near["input_usd"], old["input_usd"], old["context_window"]) == ("0", None, None)


async def test_a_filter_that_leaves_nothing_fails(scene: Setting) -> None:
    at = scene(models=Success((NEAR,)))
    assert await models(at.session, Sought(words="absent")) == 1
    assert at.out.getvalue() == ""
    assert await models(scene(models=Failure(NetworkError(model="m", message="x"))).session) == 1


@pytest.mark.parametrize(
    ("sought", "found"),
    [
        (Sought(), ("small", "vectors", "old", "sight")),
        (Sought(words="SMA"), ("small",)),
        (Sought(words="s h t"), ("sight",)),
        (Sought(provider="GPT"), ("old", "sight")),
        (Sought(locality="local"), ("small", "vectors")),
        (Sought(words="small", locality="cloud"), ()),
        (Sought(kind="embedding"), ("vectors",)),
        (Sought(can=frozenset({"images", "tools"})), ("sight",)),
        (Sought(can=frozenset({"documents"})), ()),
        (Sought(can=frozenset({"reasoning", "schema"})), ("sight",)),
        (Sought(least_window=5000), ("sight",)),
        (Sought(most_usd=3), ("small", "sight")),
        (Sought(most_usd=2.9), ("small",)),
        (Sought(cheapest=True), ("small",)),
        (Sought(cheapest=True, locality="cloud"), ("sight",)),
        (Sought(cheapest=True, kind="embedding"), ()),
        (Sought(order="price"), ("small", "sight", "old", "vectors")),
        (Sought(order="window"), ("sight", "small", "old", "vectors")),
        (Sought(order="name"), ("old", "sight", "small", "vectors")),
    ],
)
def test_filters(sought: Sought, found: tuple[str, ...]) -> None:
    assert tuple(profile.name for profile in matching((NEAR, OLD, SIGHT, VECTORS), sought)) == found


async def test_health_is_good_when_one_endpoint_answers(scene: Setting) -> None:
    up = Health(provider="lmstudio", healthy=True, latency_seconds=0.01, models=tuple("abcdefg"))
    down = Health(provider="openai", healthy=False, error_message="refused")
    at = scene(health=Success((up, down)))
    assert await health(at.session) == 0
    assert at.out.getvalue().splitlines()[1:] == ["lmstudio\thealthy\t0.010\ta, b, c, d, e, and 2 more", "openai\tdown\t\trefused"]


BUSY = Standing(
    online=False,
    breakers=(
        BreakerStanding(provider="openai", endpoint="https://api.openai.com/v1", phase="open", failures=5, probe_in_seconds=41.6),
        BreakerStanding(provider="groq", endpoint="https://api.groq.com", phase="half_open", probes=1),
        BreakerStanding(provider="lmstudio", endpoint="http://localhost:1234/v1", failures=2),
    ),
    scopes=(
        ScopeStanding(provider="openai", endpoint="e", key_fingerprint="ab12", paused_seconds=7.2, waiting=3),
        ScopeStanding(provider="groq", endpoint="e", waiting=1),
        ScopeStanding(provider="lmstudio", endpoint="e", under_way=4),
    ),
    keys=(
        KeyStanding(provider="openai", fingerprint="cd34", usable=False, reason="refused", back_in_seconds=60.0),
        KeyStanding(provider="openai", fingerprint="ab12"),
    ),
    budgets=(
        BudgetStanding(
            budget="daily",
            of="ann",
            unit="usd",
            limit=Decimal(5),
            spent=Decimal("1.25"),
            reserved=Decimal("0.5"),
            unknown=Decimal(0),
            left=Decimal("3.25"),
        ),
    ),
)


@pytest.mark.parametrize("terminal", [False, True])
async def test_health_tells_beside_what_holds_requests_back(scene: Setting, terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is as usual is not told; plain words, on a terminal or in a pipe."""
    monkeypatch.setenv("NO_COLOR", "1")
    at = scene(health=Success((UP, DOWN)), standing=BUSY, terminal=terminal)
    assert await health(at.session) == 0
    assert at.err.getvalue().splitlines() == [
        "note: offline: no provider elsewhere could be reached just now; local models are asked first",
        "note: the breaker of openai (https://api.openai.com/v1) is open after 5 failures; it is tried again in 42 s",
        "note: the breaker of groq (https://api.groq.com) is half open: 1 probe under way",
        "note: openai with key ab12 asked us to pause: nothing is sent for 7 s; 3 requests waiting",
        "note: groq is at its limit; 1 request waiting",
        "note: key cd34 of openai is not used: refused; it is tried again in 60 s",
        "note: budget daily of ann: 1.25 of 5 USD spent, 0.5 held for calls under way, 3.25 left",
    ]
    assert "\x1b[" not in at.err.getvalue()


async def test_health_as_documents_has_breaker_and_pause(scene: Setting) -> None:
    at = scene(health=Success((UP, DOWN)), standing=BUSY, json=True)
    assert await health(at.session) == 0
    up, down = json.loads(at.out.getvalue())
    assert (up["breaker"], up["paused_seconds"]) == ("closed", 0.0)
    assert (down["breaker"], down["paused_seconds"]) == ("open", 7.2)


def test_at_most_twenty_lines_of_a_kind_are_told() -> None:
    shut = tuple(BreakerStanding(provider=f"p{number}", endpoint="e", phase="open") for number in range(25))
    lines = list(standing_lines(Standing(breakers=shut)))
    assert (len(lines), lines[-1]) == (21, "and 5 more")


async def test_health_fails_when_none_answers(scene: Setting) -> None:
    down = Health(provider="openai", healthy=False, error_message="refused")
    at = scene(health=Success((down,)), json=True)
    assert await health(at.session) == 1
    assert json.loads(at.out.getvalue())[0]["error"] == "refused"
    assert await health(scene(health=Failure(NetworkError(model="m", message="x"))).session) == 1


@pytest.mark.parametrize(
    ("config", "found", "code"),
    [
        (LLMConfig(), (TOY,), 0),
        (LLMConfig(), (TOY, DOWN), 1),
        (LLMConfig(providers={"anthropic": ProviderSettings()}), (TOY,), 1),
        (LLMConfig(providers={"anthropic": ProviderSettings(enabled=False)}), (TOY,), 0),
        (LLMConfig(embedded=EmbeddedSettings(enabled=True)), (TOY, DOWN), 0),
        (LLMConfig(), (DOWN, UP), 0),
        (LLMConfig(), (), 1),
    ],
)
async def test_the_embedded_model_makes_nothing_well_that_it_does_not_stand_in_for(
    scene: Setting, config: LLMConfig, found: tuple[Health, ...], code: int
) -> None:
    at = scene(health=Success(found), config=config)
    assert await health(at.session) == code
    assert at.err.getvalue().count("\n") == code


async def test_models_of_an_endpoint_that_does_not_answer_are_told_as_known_beforehand(scene: Setting) -> None:
    at = scene(models=Success((NEAR, OLD)), health=Success((TOY, DOWN)))
    assert await models(at.session) == 0
    assert "small" in at.out.getvalue()
    assert at.err.getvalue().splitlines() == [
        "warning: openai did not tell its models (refused); the models shown for it are those known beforehand",
        "note: no endpoint told its models; llm-manager health asks each whether it answers",
    ]
    at = scene(models=Success((NEAR, OLD)), health=Success((TOY, evolve(DOWN, error_tag="AuthenticationFailed"))))
    assert await models(at.session) == 1, "a wrong key is the user's to mend"
    assert at.err.getvalue().splitlines()[-1].startswith("error: no endpoint told its models")


EMBEDDED = ModelProfile(name="smollm2-135m", provider="embedded", locality="local", price=FREE, toy=True)
KNOWN = ((SIGHT, "not configured: set OPENAI_API_KEY"), (VECTORS, None), (EMBEDDED, None))


async def test_where_only_a_toy_can_be_asked_all_that_are_known_are_listed(scene: Setting) -> None:
    at = scene(models=Success((EMBEDDED,)))
    assert await models(evolve(at.session, catalogue=lambda: KNOWN)) == 0
    rows = [line.split("\t") for line in at.out.getvalue().splitlines()]
    assert [(row[1], row[-1]) for row in rows] == [
        ("model", "state"),
        ("sight", "not configured"),
        ("vectors", "configured"),
        ("smollm2-135m", "configured"),
    ]
    assert at.err.getvalue() == "note: no model can be asked but the embedded one; these are known beforehand (models --known)\n"


async def test_the_catalogue_asks_nobody(scene: Setting) -> None:
    """It is searched, sorted and written as the models at hand are; a program is told who is configured."""
    at = scene(models=Failure(NetworkError(model="m", message="x")), health=Failure(NetworkError(model="m", message="x")), json=True)
    session = evolve(at.session, catalogue=lambda: KNOWN)
    assert await models(session, Sought(known=True, order="name")) == 0
    told = json.loads(at.out.getvalue())
    assert [(row["name"], row["configured"]) for row in told] == [("sight", False), ("smollm2-135m", True), ("vectors", True)]
    assert at.err.getvalue() == ""
    assert await models(session, Sought(known=True, words="absent")) == 1
    at = scene(models=Success((NEAR,)))
    assert await models(evolve(at.session, catalogue=lambda: KNOWN), Sought(words="sight")) == 1
    assert "--known looks among those of all providers" in at.err.getvalue()


async def test_one_endpoint_that_answers_is_enough_unless_another_was_asked_for(scene: Setting) -> None:
    at = scene(models=Success((NEAR, OLD)), health=Success((UP, DOWN)))
    assert await models(at.session) == 0
    assert at.err.getvalue().count("\n") == 1
    assert await models(at.session, Sought(provider="gpt")) == 0
    wrong = scene(models=Success((NEAR, OLD)), health=Success((UP, evolve(DOWN, error_tag="AuthenticationFailed"))))
    assert await models(wrong.session, Sought(provider="gpt")) == 1
    at = scene(models=Success((NEAR,)), health=Failure(NetworkError(model="m", message="x")))
    assert (await models(at.session), at.err.getvalue()) == (0, "")


async def test_a_misspelt_command_is_told_as_one(scene: Setting) -> None:
    at = scene(models=Success((NEAR,)))
    assert await models(at.session, Sought(words="pul"), commands=("pull",)) == 1
    assert at.err.getvalue().endswith("did you mean llm-manager models pull?\n")


@pytest.mark.parametrize(
    ("cost", "told"), [(Priced(usd=Decimal("1E-7"), price_version="v"), "0.0000001"), (Unpriced(reason="no price is known"), None)]
)
def test_a_cost_is_decimal_text_or_not_known(cost: Cost, told: str | None) -> None:
    assert cost_usd(cost) == told


async def test_health_of_one_provider(scene: Setting) -> None:
    at = scene(health=Success((UP, DOWN)))
    assert await health(at.session, "LM Studio") == 0
    assert "openai" not in at.out.getvalue()
    at = scene(health=Success((UP, DOWN)))
    assert await health(at.session, "openai") == 1
    for name, said in (
        ("opnai", "there is no provider 'opnai'; did you mean openai?"),
        ("groq", "groq is not configured: set GROQ_API_KEY"),
    ):
        at = scene(health=Success((UP, DOWN)))
        assert await health(at.session, name) == 2
        assert at.err.getvalue() == f"error: {said}\n"
    at = scene(health=Success((TOY,)))
    assert await health(at.session, "embedded") == 0
