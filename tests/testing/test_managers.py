"""A manager over scripted models is made so quickly that each example of a property can have its own."""

import sys
from collections import Counter
from types import FrameType

from llm_manager import LLMRequest, settle
from llm_manager.testing import run_virtual, scripted, scripted_manager


async def _answered() -> str:
    manager = scripted_manager(scripted("x"))
    return (await settle(manager.generate(LLMRequest("hi")))).unwrap().content


def test_making_a_manager_works_out_no_annotation() -> None:
    """What is subscripted in a nested function is worked out each time that it is made: that was most of the time."""
    assert run_virtual(_answered()) == "x"
    worked_out: Counter[str] = Counter()

    def look(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        inside = "typing.py" in code.co_filename or "_collections_abc" in code.co_filename
        if event == "call" and inside and code.co_name in ("inner", "__getitem__", "__class_getitem__") and frame.f_back is not None:
            caller = frame.f_back.f_code
            worked_out[f"{caller.co_filename}:{caller.co_name}"] += 1

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        scripted_manager(scripted("x"))
    finally:
        sys.setprofile(before)
    heavy = {place: times for place, times in worked_out.items() if "llm_manager" in place}
    assert sum(heavy.values()) <= 30, heavy
