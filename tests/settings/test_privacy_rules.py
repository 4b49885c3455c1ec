"""Words of one's own and what looks like personal data only ever add the private label, and the plan says which rule spoke."""

import subprocess
import sys
import time

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Failure, Success

from llm_manager import LLMConfig, LLMRequest, Message, PolicyBlocked, describe, make_llm_manager, make_model_router, settle
from llm_manager.domain.configuration import PrivacySettings
from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.errors import ConfigurationError
from llm_manager.domain.plans import PrivateRule, RoutingPolicy
from llm_manager.domain.requests import Sensitivity
from llm_manager.policies.classification import classify
from llm_manager.policies.sensitivity import keyword_rule
from llm_manager.settings.privacy_rules import PrivateRules, private_rules
from llm_manager.testing import scripted, scripted_deps, scripted_manager

WORDS = ("Project Heron", "atlas", "\u60a3\u8005", "na\u00efve")


def rule_of(*keywords: str) -> PrivateRule:
    rule = keyword_rule(keywords)
    assert rule is not None
    return rule


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("what of Project Heron?", 1),
        ("PROJECT\n\t heron", 1),
        ("Pro\u200bject Heron", 1),
        ("\uff30roject Heron", 1),
        ("The ATLAS.", 2),
        ("\u65b0\u3057\u3044\u60a3\u8005\u306f", 3),
        ("a NA\u00cfVE one", 4),
        ("a nai\u0308ve one", 4),
        ("projects herons", None),
        ("atlases and an atlasmap2", None),
        ("", None),
    ],
)
def test_words_are_found_whole_in_any_case_and_told_by_their_place(text: str, place: int | None) -> None:
    told = rule_of(*WORDS)(text)
    assert told == (None if place is None else f"keyword {place} of privacy.keywords makes it private")


def test_no_words_make_no_rule() -> None:
    assert keyword_rule(()) is None
    assert keyword_rule(("  ", "\u200b")) is None
    assert private_rules(PrivacySettings()) == Success(None)


@given(st.text(max_size=200), st.lists(st.text(max_size=8), max_size=4))
def test_any_words_and_texts_can_be_judged(text: str, words: list[str]) -> None:
    rule = keyword_rule(words)
    assert rule is None or isinstance(rule(text), str | None)


@given(st.sampled_from(["public", "private", None]), st.booleans(), st.text(max_size=60))
def test_rules_only_add_the_label(label: Sensitivity | None, speaks: bool, text: str) -> None:
    request = LLMRequest(text, sensitivity=label)
    without = classify(request).sensitivity
    ruled = classify(request, private_rule=lambda _: "it is so" if speaks else None)
    if label is not None:
        assert ruled.sensitivity == label, "a label always wins"
    else:
        assert ruled.sensitivity == ("private" if speaks and text else without)
        assert without == "public" or ruled.sensitivity == "private"


def test_the_time_it_takes_is_linear() -> None:
    rule = rule_of(*WORDS, "a" * 50)
    for text in ("a" * 100_000, "project heron"[:-1] * 8000, "\u60a3 " * 50_000, " " * 100_000):
        began = time.perf_counter()
        rule(text)
        assert time.perf_counter() - began < 0.5


async def test_they_are_judged_for_everything_that_is_sent_and_the_plan_says_so() -> None:
    here, there = scripted("here", provider="near", locality="local"), scripted("there", provider="far", locality="cloud", able=("embed",))
    config = LLMConfig(privacy=PrivacySettings(keywords=("heron",)), routing=RoutingPolicy(local_first=False))
    manager = scripted_manager(there, here, config=config)
    for request in (
        LLMRequest("about the heron"),
        LLMRequest("hello", system="you know the Heron"),
        LLMRequest(messages=(Message(role="user", content="the heron"), Message(role="user", content="go on"))),
    ):
        plan = manager.plan(request).unwrap()
        assert {step.endpoint.locality for step in plan.steps} == {"local"}
        assert "keyword 1 of privacy.keywords makes it private" in plan.classification.reasons
        assert "heron" not in repr(plan).lower()
        assert isinstance(await settle(manager.generate(request)), Success)
    outcome = await settle(manager.embed(EmbedRequest(texts=("a", "the heron"))))
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.failure(), PolicyBlocked)
    assert there.count == 0
    assert there.besides == []
    assert isinstance(await settle(manager.embed(EmbedRequest(texts=("a", "the heron"), sensitivity="public"))), Success)


async def test_a_function_of_ones_own_is_a_rule_and_one_that_raises_keeps_the_text_here() -> None:
    def rule(text: str) -> str | None:
        if "boom" in text:
            raise ValueError(text)
        return "my own rule" if "mine" in text else None

    there, here = scripted("there", provider="far", locality="cloud"), scripted("here", provider="near")
    routing = RoutingPolicy(private_rule=rule, local_first=False, strategy="performance")
    config = LLMConfig(privacy=PrivacySettings(keywords=("heron",)), routing=routing)
    manager = scripted_manager(there, here, config=config)
    said = {text: manager.plan(LLMRequest(text)).unwrap().classification for text in ("it is mine", "boom", "a heron", "hello")}
    assert [each.sensitivity for each in said.values()] == ["private", "private", "private", "public"]
    assert "my own rule" in said["it is mine"].reasons
    assert "a privacy rule raised ValueError, which makes it private" in said["boom"].reasons


def test_rules_are_made_once() -> None:
    config = LLMConfig(privacy=PrivacySettings(keywords=("heron",)))
    deps = scripted_deps(scripted("hi"), config=config)
    made = private_rules(config.privacy).unwrap()
    assert isinstance(made, PrivateRules)
    assert private_rules(config.privacy, made).unwrap() is made
    assert isinstance(make_llm_manager(config, evolve(deps, config=evolve(config, routing=RoutingPolicy(private_rule=made)))), Success)


def test_a_missing_package_is_an_error_that_names_the_extra() -> None:
    def missing() -> PrivateRule:
        raise ModuleNotFoundError("No module named 'datafog'")

    outcome = private_rules(PrivacySettings(pii="datafog"), importing=missing)
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.failure(), ConfigurationError)
    assert "llm-manager-effects[pii]" in describe(outcome.failure())


def test_nothing_foreign_is_imported_unless_it_is_asked_for() -> None:
    program = (
        "import sys; from llm_manager import LLMConfig, make_llm_manager; make_llm_manager(LLMConfig()).unwrap();"
        "print([name for name in sys.modules if name.partition('.')[0] in ('datafog', 'pydantic')])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert told.stdout.strip() == "[]"


class TestPersonalData:
    """With the package that finds it."""

    @pytest.fixture
    def rule(self) -> PrivateRule:
        pytest.importorskip("datafog")
        found = private_rules(PrivacySettings(pii="datafog")).unwrap()
        assert found is not None
        return found

    @pytest.mark.parametrize(
        ("text", "kind"),
        [
            ("write to john.doe@example.com today", "an e-mail address"),
            ("write to john.doe\uff20example.com today", "an e-mail address"),
            ("call (555) 123-4567", "a telephone number"),
            ("his number is 123-45-6789", "a social security number"),
            ("pay with 4111 1111 1111 1111", "a card number"),
        ],
    )
    def test_it_says_which_kind_it_found_and_never_what(self, rule: PrivateRule, text: str, kind: str) -> None:
        told = rule(text)
        assert told == f"what looks like {kind} makes it private (datafog)"
        assert rule(text) == told, "a text that was met before"

    @pytest.mark.parametrize("text", ["", "hello", "born on 1990-01-02", "to 94107", "at 10.0.0.1", "version 3.11.7", "a patent of 2024"])
    def test_what_points_to_nobody_is_left_alone(self, rule: PrivateRule, text: str) -> None:
        assert rule(text) is None

    def test_it_is_fast_whatever_the_text(self, rule: PrivateRule) -> None:
        for piece in ("1", "a@", "1-", "a.", " 1", "(5", "the quick brown fox "):
            text = piece * (100_000 // len(piece))
            began = time.perf_counter()
            rule(text)
            assert time.perf_counter() - began < 1.0

    def test_no_request_is_too_many_to_remember(self, rule: PrivateRule) -> None:
        assert [rule(f"text {n}") for n in range(5000)] == [None] * 5000

    def test_it_reaches_for_no_network_even_when_told_to(self) -> None:
        pytest.importorskip("datafog")
        program = (
            "import sys; seen = []; sys.addaudithook(lambda event, _: seen.append(event) if event.startswith('socket.') else None)\n"
            "from llm_manager.domain.configuration import PrivacySettings\n"
            "from llm_manager.settings.privacy_rules import private_rules\n"
            "rule = private_rules(PrivacySettings(pii='datafog')).unwrap()\n"
            "import threading; rule('john@example.com'); print(seen, threading.active_count())"
        )
        told = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True, env={"DATAFOG_TELEMETRY": "1"}
        )
        assert told.stdout.strip() == "[] 1"

    async def test_a_manager_keeps_it_here(self, rule: PrivateRule) -> None:
        there, here = scripted("there", provider="far", locality="cloud"), scripted("here", provider="near")
        config = LLMConfig(privacy=PrivacySettings(pii="datafog"), routing=RoutingPolicy(local_first=False))
        manager = scripted_manager(there, here, config=config)
        for _ in range(2):
            assert isinstance(await settle(manager.generate(LLMRequest("answer john.doe@example.com"))), Success)
        assert there.count == 0
        assert isinstance(make_model_router(config), Success)
