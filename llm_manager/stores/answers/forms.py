"""How a remembered value is written: answers as JSON, vectors as the numbers themselves."""

import struct
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from attrs import frozen
from returns.result import Failure, Result, Success

from llm_manager.domain.embeddings import Vector
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.wire import RESPONSE, from_json, to_json

_Value = TypeVar("_Value")

_NUMBER: Final = 8


@frozen
class Form(Generic[_Value]):
    """A kind of value by its name in the store; what cannot be read is a failure, and counts as not remembered."""

    kind: str
    write: Callable[[_Value], bytes]
    read: Callable[[bytes], Result[_Value, str]]


def _numbers(vector: Vector) -> bytes:
    return struct.pack(f"<{len(vector)}d", *vector)


def _vector(data: bytes) -> Result[Vector, str]:
    try:
        return Success(struct.unpack(f"<{len(data) // _NUMBER}d", data))
    except struct.error:
        return Failure("not a vector")


def _answer(data: bytes) -> Result[LLMResponse, str]:
    return from_json(RESPONSE, data)


ANSWER: Final = Form("answer", to_json, _answer)
VECTOR: Final = Form("vector", _numbers, _vector)
