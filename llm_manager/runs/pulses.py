"""The pulse of a run as plain data, which is how a store keeps it, and back."""

from collections.abc import Mapping
from typing import Any, Final

from returns.result import Failure

from llm_manager.domain.run_pulses import RunPulse
from llm_manager.domain.runs import RunRecord
from llm_manager.domain.wire import Kind, from_plain, to_plain
from llm_manager.outcomes import sealed

_PULSE: Final[Kind[RunPulse]] = Kind("RunPulse", RunPulse)


def pulse_plain(pulse: RunPulse) -> Mapping[str, Any]:
    """A pulse as plain data."""
    plain: Mapping[str, Any] = to_plain(pulse)
    return plain


def pulse_of(record: RunRecord) -> RunPulse | None:
    """The last pulse of a run; None for one that never told any, or told it in a form that is not ours."""
    read = sealed(from_plain(_PULSE, record.standing)) if record.standing else None
    return None if read is None or isinstance(read, Failure) else read.unwrap()
