"""Every value survives its plain form, and no plain data is an exception."""

import json
from decimal import Decimal
from types import NoneType
from typing import Any, Literal, get_args, get_origin

import attrs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Failure, Success

from llm_manager.domain import wire
from llm_manager.domain.errors import AllModelsFailed, AttemptRecord, InvalidRequest, ModelUnavailable, Origin, RequestTimeout
from llm_manager.domain.messages import ImageData, UseTool
from llm_manager.domain.requests import JsonSchema, LLMRequest, Preferences
from llm_manager.domain.secrets import Secret
from llm_manager.domain.usage import Priced
from llm_manager.testing import samples
from llm_manager.testing import strategies as some
from llm_manager.testing.values import json_values, values_of


def as_written(value: Any) -> Any:
    """What is read back: an `InvalidRequest` keeps the digest of its request in place of the request."""
    if isinstance(value, InvalidRequest) and value.request is not None:
        return attrs.evolve(value, request=None, request_digest=wire.request_digest(value.request))
    if isinstance(value, AllModelsFailed):
        return AllModelsFailed(causes=tuple(as_written(cause) for cause in value.causes))
    if attrs.has(type(value)):
        changed = {one.name: as_written(getattr(value, one.name)) for one in attrs.fields(type(value))}
        return attrs.evolve(value, **changed)
    if isinstance(value, msgspec.Struct):
        return msgspec.structs.replace(value, **{name: as_written(getattr(value, name)) for name in value.__struct_fields__})
    if isinstance(value, tuple):
        return tuple(as_written(one) for one in value)
    return value


@pytest.mark.parametrize("kind", wire.KINDS, ids=lambda kind: kind.name)
def test_every_kind_survives_its_plain_form(kind: wire.Kind[Any]) -> None:
    """Written and read again, a value is the same, through plain data and through JSON alike."""

    @settings(max_examples=15, deadline=None)
    @given(values_of(kind.form))
    def check(value: Any) -> None:
        expected = as_written(value)
        assert wire.from_plain(kind, wire.to_plain(value)) == Success(expected)
        written = wire.to_json(value)
        assert wire.from_json(kind, written) == Success(expected)
        assert wire.to_json(expected) == written

    check()


@pytest.mark.parametrize("kind", wire.KINDS, ids=lambda kind: kind.name)
def test_any_data_gets_a_result(kind: wire.Kind[Any]) -> None:
    """Rubbish, with and without a tag of ours, is a failure or a value, never an exception."""
    tags = st.sampled_from([member.tag for member in get_args(kind.form) if hasattr(member, "tag")] or ["none"])
    tagged = st.dictionaries(st.text(max_size=5), json_values, max_size=3).flatmap(
        lambda fields: tags.map(lambda tag: {**fields, "_tag": tag})
    )

    @settings(max_examples=25, deadline=None)
    @given(json_values | tagged)
    def check(data: Any) -> None:
        outcome = wire.from_plain(kind, data)
        assert isinstance(outcome, Success | Failure)
        if isinstance(outcome, Failure):
            assert isinstance(outcome.failure(), str)

    check()


@given(st.binary(max_size=30))
def test_any_bytes_get_a_result(text: bytes) -> None:
    """JSON that is none is a failure."""
    assert isinstance(wire.from_json(wire.ERROR, text), Success | Failure)


@settings(max_examples=30, deadline=None)
@given(some.errors(), st.data())
def test_a_misfit_is_told_by_place_and_not_by_value(error: Any, data: st.DataObject) -> None:
    """A failure names the field and the type, never what stood there: it may be a prompt."""
    plain = wire.to_plain(error)
    name = data.draw(st.sampled_from(sorted(set(plain) - {"_tag"})))
    told = wire.from_plain(wire.ERROR, {**plain, name: {"canary-7f3a": "canary-7f3a"}})
    if isinstance(told, Failure):
        assert "canary-7f3a" not in told.failure()
        assert f"$.{name}" in told.failure()


@pytest.mark.parametrize("union", wire.UNIONS, ids=lambda kind: kind.name)
def test_tags_of_a_union_are_complete_and_distinct(union: wire.Kind[Any]) -> None:
    """Each member has a tag, which is its name unless it says otherwise, and no two share one."""
    members = [member for member in get_args(union.form) if get_origin(member) is not Literal]
    tags = [member.tag for member in members]
    assert len(set(tags)) == len(members)
    assert {member.__name__: member.tag for member in members if member.tag != member.__name__} in (
        {},
        {"RequestTimeout": "TimeoutError"},
    )


def test_every_tagged_class_of_the_domain_is_in_a_union() -> None:
    """A class with a tag that no union lists could be written and never read."""
    from llm_manager.domain import errors, events, messages, models, requests, streaming, usage

    tagged = {
        value
        for module in (errors, events, messages, models, requests, streaming, usage)
        for value in vars(module).values()
        if isinstance(value, type) and (attrs.has(value) or issubclass(value, msgspec.Struct)) and hasattr(value, "tag")
    }
    listed = {member for union in wire.UNIONS for member in get_args(union.form) if get_origin(member) is not Literal}
    assert tagged == listed


def test_there_is_a_sample_of_each_error() -> None:
    """The laws try every error."""
    assert [type(error) for error in samples.ERRORS] == list(get_args(wire.ERROR.form))


def test_the_timeout_is_called_timeouterror() -> None:
    """The specification's name is kept on the wire, though Python has another class of that name."""
    assert wire.to_plain(RequestTimeout(model="m", timeout_ms=5))["_tag"] == "TimeoutError"


def test_plain_data_is_plain() -> None:
    """Bytes are base64, decimals text, tuples lists, literals and None themselves."""
    assert wire.to_plain(ImageData(data=b"\xff\x00")) == {
        "_tag": "ImageData",
        "data": "/wA=",
        "media_type": "image/png",
    }
    assert wire.to_plain(Priced(usd=Decimal("0.10"), price_version="1"))["usd"] == "0.10"
    request = LLMRequest("x", preferences=Preferences(stop=("a",)), tool_choice=UseTool(name="f"))
    plain = wire.to_plain(request)
    assert plain["preferences"]["stop"] == ["a"]
    assert plain["tool_choice"] == {"_tag": "UseTool", "name": "f"}
    assert wire.to_plain(LLMRequest("x"))["tool_choice"] == "auto"
    assert json.loads(wire.to_json(request)) == plain


def test_json_is_sorted_ascii_without_spaces() -> None:
    """Equal values are equal bytes."""
    assert wire.to_json(UseTool(name="ü")) == b'{"_tag":"UseTool","name":"\\u00fc"}'
    assert wire.to_json(Preferences(temperature=1)) == wire.to_json(Preferences(temperature=1.0))


def test_a_request_is_never_written_with_its_error() -> None:
    """The digest stands for it, and is that of the canonical request."""
    request = LLMRequest("canary-1b2c")
    plain = wire.to_plain(InvalidRequest(message="m", request=request))
    assert "request" not in plain
    assert plain["request_digest"] == wire.request_digest(request)
    assert b"canary-1b2c" not in wire.to_json(InvalidRequest(message="m", request=request))


def test_an_error_is_written_even_when_its_request_cannot_be() -> None:
    """Logging an error must not fail."""
    odd = LLMRequest("x", output=JsonSchema(schema={"a": object()}))
    assert wire.to_plain(InvalidRequest(message="m", request=odd, request_digest="d"))["request_digest"] == "d"


def test_secrets_are_refused() -> None:
    """A key that strays into a value stops the writing."""
    for value in (Secret("canary"), {"key": Secret("canary")}, [Secret("canary")]):
        with pytest.raises(TypeError) as refusal:
            wire.to_plain(value)
        assert "canary" not in str(refusal.value)


def test_what_json_lacks_is_refused() -> None:
    """`to_json` writes JSON or says that it cannot."""
    with pytest.raises(TypeError):
        wire.to_json(JsonSchema(schema={"a": object()}))


def test_infinite_numbers_survive() -> None:
    """JSON has no infinity; it is written as text and read again."""
    record = AttemptRecord(number=1, step=0, provider="p", model="m", after_seconds=0.0, seconds=float("inf"))
    assert wire.from_json(wire.ATTEMPT_RECORD, wire.to_json(record)) == Success(record)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"_tag": "Nobody"}, "no _tag of"),
        ({"model": "m"}, "no _tag of"),
        ({"_tag": ["TimeoutError"]}, "no _tag of"),
        ({"_tag": "TimeoutError", "model": "m"}, "missing @ $.timeout_ms"),
        ({"_tag": "TimeoutError", "model": "m", "timeout_ms": True}, "not of type int @ $.timeout_ms"),
        ({"_tag": "TimeoutError", "model": "m", "timeout_ms": 1.5}, "not of type int @ $.timeout_ms"),
        ({"_tag": "TimeoutError", "model": "m", "timeout_ms": 1, "phase": "tea"}, "does not fit @ $.phase"),
        ({"_tag": "AllModelsFailed", "causes": "abc"}, "not a list @ $.causes"),
        ({"_tag": "AllModelsFailed", "causes": [{"_tag": "ToolFailed"}]}, "missing @ $.causes[0].tool"),
    ],
)
def test_misfits_are_explained(data: Any, told: str) -> None:
    """A failure says where and why."""
    outcome = wire.from_plain(wire.ERROR, data)
    assert isinstance(outcome, Failure)
    assert told in outcome.failure()


@pytest.mark.parametrize(
    ("kind", "data", "told"),
    [
        (wire.PART, {"_tag": "ImageData", "data": "not base64!"}, "not base64"),
        (wire.COST, {"_tag": "Priced", "usd": "much", "price_version": "1"}, "not a decimal"),
        (wire.COST, {"_tag": "Priced", "usd": 0.1, "price_version": "1"}, "not of type int"),
        (wire.HEALTH, {"provider": "p", "healthy": True, "latency_seconds": "soon"}, "not a number"),
        (wire.ROUTING_POLICY, {"ladders": [["sql"]]}, "$.ladders[0]"),
        (wire.STATISTICS, {"models": ["m"]}, "$.models"),
    ],
)
def test_other_misfits_are_explained(kind: wire.Kind[Any], data: Any, told: str) -> None:
    """Each plain type refuses what is not of it."""
    outcome = wire.from_plain(kind, data)
    assert isinstance(outcome, Failure)
    assert told in outcome.failure()


def test_unknown_keys_are_ignored() -> None:
    """What a newer version wrote can be read."""
    error = ModelUnavailable(model="m", message="x", origin=Origin(provider="p"))
    assert wire.from_plain(wire.ERROR, {**wire.to_plain(error), "later": 1}) == Success(error)


def test_bottomless_data_is_a_failure() -> None:
    """Nesting deeper than the stack is a failure like any other."""
    data: dict[str, Any] = {"_tag": "AllModelsFailed", "causes": []}
    for _ in range(5000):
        data = {"_tag": "AllModelsFailed", "causes": [data]}
    assert wire.from_plain(wire.ERROR, data) == Failure("LLMError: nested too deeply")
    assert isinstance(wire.from_json(wire.ERROR, b"[" * 100_000), Failure)


def test_none_is_read_where_it_may_stand() -> None:
    """An optional union is None or one of its members."""
    assert NoneType in get_args(attrs.fields(AttemptRecord).error.type)
    record = AttemptRecord(number=1, step=0, provider="p", model="m", after_seconds=0.0, seconds=1.0)
    assert wire.from_plain(wire.ATTEMPT_RECORD, wire.to_plain(record)) == Success(record)
