"""A ring of keys: one that works is picked, one that is out of use never, and whatever is taken comes back."""

from math import inf

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from llm_manager.domain.errors import AuthenticationFailed, LLMError, ModelUnavailable, NetworkError, QuotaExhausted, RateLimitExceeded
from llm_manager.domain.secrets import Secret
from llm_manager.policies.keys import (
    Key,
    Ring,
    Rotation,
    answered,
    any_works,
    failed,
    is_news,
    lease,
    pick,
    refreshed,
    ring_of,
    works_beside,
)

A, B, C = Secret("key-a"), Secret("key-b"), Secret("key-c")
FAILOVER, SPREAD = Rotation(), Rotation(kind="spread")
WRONG = AuthenticationFailed(model="m", message="wrong")
SPENT = QuotaExhausted(model="m", message="spent")


def slow_down(seconds: float | None = 10.0) -> LLMError:
    return RateLimitExceeded(model="m", retry_after_seconds=seconds)


def picked(ring: Ring, rotation: Rotation, now: float = 0.0) -> Secret | None:
    return pick(ring, rotation, now)[1]


def after(ring: Ring, secret: Secret, error: LLMError | None, now: float = 0.0) -> Ring:
    return failed(lease(ring, secret, now)[0], secret, error, now)[0]


def standing(ring: Ring, secret: Secret) -> Key:
    (key,) = [key for key in ring.keys if key.secret is secret]
    return key


def test_failover_keeps_to_the_first_that_works_and_returns_to_it() -> None:
    ring = after(ring_of([A, B, C]), A, slow_down(10.0))
    assert [picked(ring, FAILOVER, now) for now in (0.0, 9.9, 10.0)] == [B, B, A]


def test_equal_keys_are_one() -> None:
    assert [key.secret for key in ring_of([A, Secret("key-a"), B]).keys] == [A, B]


def test_a_refused_key_is_out_alone_and_for_good() -> None:
    ring = after(ring_of([A, B]), A, WRONG)
    assert standing(ring, A).out == "refused"
    assert picked(ring, FAILOVER, 1e9) is B
    assert standing(ring, B).out is None


def test_a_spent_quota_and_a_missing_right_are_passed_over_for_a_while() -> None:
    forbidden = AuthenticationFailed(model="m", message="", reason="permission")
    for error, why, seconds in ((SPENT, "quota", 3600.0), (forbidden, "not_allowed", 300.0)):
        ring = after(ring_of([A, B]), A, error)
        assert standing(ring, A).out == why
        assert [picked(ring, FAILOVER, now) for now in (seconds - 1, seconds)] == [B, A]


def test_what_is_no_matter_of_the_key_changes_nothing() -> None:
    for error in (
        NetworkError(model="m", message="reset"),
        ModelUnavailable(model="m", message="down"),
        QuotaExhausted(model="m", message="all", scope="account"),
        RateLimitExceeded(model="m", scope="account", retry_after_seconds=9.0),
        RateLimitExceeded(model="m", local=True, retry_after_seconds=9.0),
        None,
    ):
        assert picked(after(ring_of([A, B]), A, error), FAILOVER) is A


def test_when_none_works_the_one_that_comes_back_soonest_is_sent() -> None:
    ring = after(after(after(ring_of([A, B, C]), A, WRONG), B, slow_down(30.0)), C, slow_down(20.0))
    assert picked(ring, FAILOVER) is C
    assert picked(ring, SPREAD) is C
    assert picked(after(after(ring_of([A, B]), A, WRONG), B, WRONG), FAILOVER) is A
    assert pick(Ring(), FAILOVER, 0.0)[1] is None


def test_those_that_were_all_refused_are_sent_in_turn() -> None:
    ring = after(after(ring_of([A, B]), A, WRONG), B, WRONG)
    ring, first = pick(ring, FAILOVER, 0.0)
    assert (first, picked(ring, FAILOVER)) == (A, B)


def test_a_refused_key_that_works_when_it_is_sent_again_is_good_again() -> None:
    ring = after(ring_of([A]), A, WRONG, now=5.0)
    began_before = answered(lease(ring, A, 6.0)[0], A, began=4.0)
    assert standing(began_before, A).out == "refused"
    assert standing(answered(lease(ring, A, 6.0)[0], A, began=6.0), A) == Key(A, uses=2, since=5.0)


def test_spread_takes_the_least_held_and_of_those_the_longest_untaken() -> None:
    ring, taken = ring_of([A, B, C]), []
    for _ in range(6):
        ring, secret = pick(ring, SPREAD, 0.0)
        taken.append(secret)
    assert taken == [A, B, C, A, B, C]
    assert picked(lease(ring, A, 0.0)[0], SPREAD) is B


@given(st.integers(1, 6), st.integers(1, 200))
def test_spread_is_even(keys: int, picks: int) -> None:
    secrets = [Secret(f"key-{n}") for n in range(keys)]
    ring, counts = ring_of(secrets), dict.fromkeys(secrets, 0)
    for _ in range(picks):
        ring, secret = pick(ring, SPREAD, 0.0)
        assert secret is not None
        counts[secret] += 1
    assert max(counts.values()) - min(counts.values()) <= 1


def test_a_key_that_is_added_gets_its_share_and_no_more() -> None:
    ring = ring_of([A])
    for _ in range(50):
        ring, _ = pick(ring, SPREAD, 0.0)
    ring, _ = refreshed(ring, [A, B])
    taken = []
    for _ in range(4):
        ring, secret = pick(ring, SPREAD, 0.0)
        taken.append(secret)
    assert taken == [B, A, B, A]


def test_rotation_by_uses_moves_on_after_so_many() -> None:
    ring, taken = ring_of([A, B]), []
    for _ in range(7):
        ring, secret = pick(ring, Rotation(uses=3), 0.0)
        taken.append(secret)
    assert taken == [A, A, A, B, B, B, A]


def test_rotation_by_time_moves_on_when_it_is_over() -> None:
    ring, taken = ring_of([A, B, C]), []
    for now in (0.0, 5.0, 10.0, 11.0, 20.0, 31.0):
        ring, secret = pick(ring, Rotation(seconds=10.0), now)
        taken.append(secret)
    assert taken == [A, A, B, B, C, A]


def test_rotation_passes_over_what_does_not_work() -> None:
    ring, _ = pick(ring_of([A, B, C]), Rotation(uses=100), 0.0)
    assert picked(after(after(ring, A, WRONG), B, WRONG), Rotation(uses=100)) is C
    alone = after(ring_of([A, B]), B, WRONG)
    for _ in range(5):
        alone, secret = pick(alone, Rotation(uses=1), 0.0)
        assert secret is A


def test_a_key_that_is_removed_stays_with_those_who_hold_it_and_is_picked_no_more() -> None:
    held, why = lease(ring_of([A, B]), A, 0.0)
    assert why is None
    ring, (added, retired) = refreshed(held, [B, C])
    assert (added, retired) == ((C,), (A,))
    assert standing(ring, A).leases == 1
    assert picked(ring, FAILOVER) is B
    assert lease(ring, A, 0.0)[1] == "retired"
    assert [key.secret for key in failed(ring, A, None, 0.0)[0].keys] == [B, C]
    assert [key.secret for key in answered(ring, A, 0.0).keys] == [B, C]
    assert [key.secret for key in failed(ring, A, WRONG, 0.0)[0].keys] == [B, C]
    assert answered(ring_of([B]), A, 0.0) == ring_of([B])
    assert failed(ring_of([B]), A, WRONG, 0.0) == (ring_of([B]), None)


def test_a_key_that_is_given_again_is_the_same_one() -> None:
    ring = after(ring_of([A, B]), A, WRONG)
    again, news = refreshed(ring, [Secret("key-a"), B])
    assert news == ((), ())
    assert standing(again, A).out == "refused"
    held = lease(ring_of([A]), A, 0.0)[0]
    gone, _ = refreshed(held, [B])
    back, (added, _) = refreshed(gone, [A, B])
    assert (added, standing(back, A).leases) == ((A,), 1)


def test_who_waited_with_a_key_that_met_an_error_meanwhile_picks_again() -> None:
    ring = after(ring_of([A, B]), A, slow_down(10.0))
    assert lease(ring, A, 1.0)[1] == "cooling"
    assert lease(ring, A, 10.0)[1] is None
    assert lease(after(ring_of([A]), A, WRONG), A, 0.0)[1] is None, "there is no other one"


def test_a_change_is_told_once() -> None:
    ring, told = is_news(ring_of([A, B]), A, FAILOVER)
    assert not told, "the first one is no change"
    ring, told = is_news(ring, A, FAILOVER)
    assert not told
    ring, told = is_news(ring, B, FAILOVER)
    assert told
    assert not is_news(ring, A, SPREAD)[1]
    ring = lease(lease(ring_of([A]), A, 0.0)[0], A, 0.0)[0]
    ring, first = failed(ring, A, WRONG, 0.0)
    assert (first, failed(ring, A, WRONG, 0.0)[1]) == ("refused", None)


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["wrong", "spent", "slow", "well"]), st.floats(0, 100)), max_size=30))
def test_what_works_is_always_picked_before_what_does_not(history: list[tuple[int, str, float]]) -> None:
    secrets = [Secret(f"key-{n}") for n in range(4)]
    errors: dict[str, LLMError | None] = {"wrong": WRONG, "spent": SPENT, "slow": slow_down(), "well": None}
    ring, now = ring_of(secrets), 0.0
    for place, met, seconds in history:
        now += seconds
        ring = after(ring, secrets[place], errors[met], now)
        for rotation in (FAILOVER, SPREAD, Rotation(uses=2), Rotation(seconds=5.0)):
            chosen = picked(ring, rotation, now)
            assert chosen is not None
            assert standing(ring, chosen).back <= now or not any_works(ring, now)
            assert works_beside(ring, chosen, now) == any(key.back <= now and key.secret is not chosen for key in ring.keys)


class Refreshing(RuleBasedStateMachine):
    """Keys come and go while attempts hold them: none that is gone is picked, each goes when its last lease ends."""

    def __init__(self) -> None:
        super().__init__()
        self.all = [Secret(f"key-{n}") for n in range(5)]
        self.ring = ring_of(self.all[:2])
        self.given = set(self.all[:2])
        self.held: list[Secret] = []
        self.now = 0.0

    @rule(kept=st.sets(st.integers(0, 4), min_size=1))
    def refresh(self, kept: set[int]) -> None:
        self.given = {self.all[n] for n in kept}
        self.ring, _ = refreshed(self.ring, [self.all[n] for n in sorted(kept)])

    @rule(spread=st.booleans(), seconds=st.floats(0, 20))
    def take(self, spread: bool, seconds: float) -> None:
        self.now += seconds
        self.ring, secret = pick(self.ring, SPREAD if spread else Rotation(seconds=10.0), self.now)
        assert secret in self.given
        assert secret is not None
        self.ring, why = lease(self.ring, secret, self.now)
        if why is None:
            self.held.append(secret)

    @rule(place=st.integers(0, 100), met=st.sampled_from([None, WRONG, SPENT, "answered"]))
    def end(self, place: int, met: LLMError | str | None) -> None:
        if self.held:
            secret = self.held.pop(place % len(self.held))
            if isinstance(met, str):
                self.ring = answered(self.ring, secret, self.now)
            else:
                self.ring, _ = failed(self.ring, secret, met, self.now)

    @invariant()
    def leases_are_those_held(self) -> None:
        assert sum(key.leases for key in self.ring.keys) == len(self.held)
        assert {key.secret for key in self.ring.keys} == self.given | set(self.held)
        assert {key.secret for key in self.ring.keys if key.kept} == self.given


TestRefreshing = Refreshing.TestCase
TestRefreshing.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


def test_a_key_out_for_good_says_so() -> None:
    assert standing(after(ring_of([A, B]), A, WRONG), A).back == inf
    assert standing(after(ring_of([A, B]), A, slow_down(None)), A).back == 1.0
