"""What watchers are told is small, tells no keys, and comes back as it was told."""

from llm_manager.domain.run_pulses import RunPulse
from llm_manager.domain.standing import BreakerStanding, KeyStanding, ScopeStanding, Standing
from llm_manager.domain.wire import Kind, from_plain, to_plain
from llm_manager.runs.pulses import pulse_now
from llm_manager.runs.tallies import Tally

MANY = Standing(
    breakers=(BreakerStanding(provider="p", endpoint="https://e", phase="open", probe_in_seconds=90.0),),
    scopes=tuple(ScopeStanding(provider="p", endpoint=f"https://e{number}") for number in range(100)),
    keys=(KeyStanding(provider="p", fingerprint="f"),),
    online=False,
)


def test_a_pulse_tells_the_pace_and_what_holds_the_run_back() -> None:
    pulse = pulse_now(Tally(rows=10, answered=4, earlier=2), seconds=2.0, under_way=3, standing=MANY, wall=5.0)
    assert (pulse.at, pulse.rows_done, pulse.under_way, pulse.rows_per_second, pulse.seconds_left) == (5.0, 6, 3, 2.0, 2.0)
    assert pulse.waiting == "e is down, tried again in 90 s"
    assert pulse.standing.breakers == MANY.breakers
    assert (len(pulse.standing.scopes), pulse.standing.keys, pulse.standing.online) == (20, (), False)
    assert from_plain(Kind("RunPulse", RunPulse), to_plain(pulse)).unwrap() == pulse


def test_what_it_says_itself_comes_before_what_its_limits_say() -> None:
    pulse = pulse_now(Tally(rows=1), seconds=0.0, under_way=0, standing=MANY, wall=5.0, waiting="offline")
    assert (pulse.waiting, pulse.rows_per_second, pulse.seconds_left) == ("offline", None, None)
