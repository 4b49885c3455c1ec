"""How each type is written as plain data and read again: the converter behind `wire`, built at first use."""

import base64
import binascii
import hashlib
import json
import math
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, Never, get_args, get_origin

import attrs
import msgspec

from llm_manager.domain import errors
from llm_manager.domain.errors import AllModelsFailed, InvalidRequest
from llm_manager.domain.secrets import Secret

if TYPE_CHECKING:
    from cattrs import Converter

TAG = "_tag"


class MisfitError(Exception):
    """Plain data is not what the type asks for; its text names types and tags, never values."""


@cache
def converter() -> "Converter":
    """The one converter: tags written and read, wrong types refused, secrets never written."""
    from cattrs import Converter

    attrs.resolve_types(AllModelsFailed, vars(errors))
    made = Converter(unstruct_collection_overrides={tuple: list}, detailed_validation=True)
    for exact in (str, bool, int):
        made.register_structure_hook(exact, _only(exact))
    made.register_structure_hook(float, _float_from)
    made.register_unstructure_hook(float, _float_to)
    made.register_structure_hook(bytes, _bytes_from)
    made.register_unstructure_hook(bytes, _bytes_to)
    made.register_structure_hook(Decimal, _decimal_from)
    made.register_unstructure_hook(Decimal, str)
    made.register_unstructure_hook(Secret, _refuse_secret)
    made.register_unstructure_hook_factory(_is_struct, _writing_fields)
    made.register_structure_hook_factory(_is_struct, _reading_fields)
    made.register_unstructure_hook_factory(_is_tagged, _writing_tag)
    made.register_unstructure_hook_factory(_is_union_of_tagged, lambda _: made.unstructure)
    made.register_structure_hook_factory(_is_union_of_tagged, lambda union: _reading_tag(union, made))
    made.register_structure_hook_factory(_is_tuple, _reading_list)
    return made


def canonical(data: object) -> bytes:
    """Plain data as JSON in ASCII, keys sorted, without spaces; TypeError or ValueError for what JSON has not."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def digest(data: object) -> str:
    """The SHA-256 of the canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical(data)).hexdigest()


def _is_tagged(form: Any) -> bool:
    return (_is_struct(form) or _is_attrs(form)) and isinstance(getattr(form, "tag", None), str)


def _is_attrs(form: Any) -> bool:
    return isinstance(form, type) and attrs.has(form)


def _is_struct(form: Any) -> bool:
    return isinstance(form, type) and issubclass(form, msgspec.Struct)


def _fields_of(form: type[msgspec.Struct]) -> "list[attrs.Attribute[Any]]":
    """The fields of a struct as those of an attrs class, which the converter knows how to write and read."""
    told: dict[str, Any] = {}
    for one in msgspec.structs.fields(form):
        if one.default_factory is not msgspec.NODEFAULT:
            told[one.name] = attrs.field(type=one.type, factory=one.default_factory)
        else:
            told[one.name] = attrs.field(type=one.type, default=attrs.NOTHING if one.default is msgspec.NODEFAULT else one.default)
    return list(attrs.fields(attrs.make_class(form.__name__, told, kw_only=True)))


def _writing_fields(form: type, converter: "Converter") -> Callable[[Any], Mapping[str, Any]]:
    from cattrs.gen import make_dict_unstructure_fn, make_dict_unstructure_fn_from_attrs

    if _is_struct(form):
        return make_dict_unstructure_fn_from_attrs(_fields_of(form), form, converter)
    return make_dict_unstructure_fn(form, converter)


def _reading_fields(form: type, converter: "Converter") -> Callable[[Any, Any], Any]:
    from cattrs.gen import make_dict_structure_fn_from_attrs

    return make_dict_structure_fn_from_attrs(_fields_of(form), form, converter)


def _is_union_of_tagged(form: Any) -> bool:
    members = get_args(form)
    classes = [member for member in members if member is not NoneType and get_origin(member) is not Literal]
    return bool(classes) and get_origin(form) is not tuple and all(_is_tagged(member) for member in classes)


def _is_tuple(form: Any) -> bool:
    return get_origin(form) is tuple


def _writing_tag(form: type, converter: "Converter") -> Callable[[Any], Mapping[str, Any]]:
    write = _writing_fields(form, converter)

    def written(value: Any) -> Mapping[str, Any]:
        if isinstance(value, InvalidRequest):
            plain = dict(write(attrs.evolve(value, request=None, request_digest=_digest_for(value, converter))))
            del plain["request"]
            return {TAG: value.tag, **plain}
        return {TAG: value.tag, **write(value)}

    return written


def _digest_for(error: InvalidRequest, converter: "Converter") -> str | None:
    if error.request is None:
        return error.request_digest
    try:
        return digest(converter.unstructure(error.request))
    except Exception:  # noqa: BLE001 - a request that is refused may hold anything
        return error.request_digest


def _reading_tag(union: Any, converter: "Converter") -> Callable[[Any, Any], Any]:
    members = get_args(union)
    classes = {member.tag: member for member in members if _is_tagged(member)}
    words = {word for member in members if get_origin(member) is Literal for word in get_args(member)}
    if NoneType in members:
        words.add(None)

    def read(data: Any, _: Any) -> Any:
        if isinstance(data, str | None) and data in words:
            return data
        tag = data.get(TAG) if isinstance(data, Mapping) else None
        if not isinstance(tag, str) or tag not in classes:
            raise MisfitError(f"no {TAG} of {', '.join(sorted(classes))}")
        return converter.structure(data, classes[tag])

    return read


def _reading_list(form: Any, converter: "Converter") -> Callable[[Any, Any], Any]:
    from cattrs.cols import homogenous_tuple_structure_factory

    ends_open = get_args(form)[-1:] == (Ellipsis,)
    read = homogenous_tuple_structure_factory(form, converter) if ends_open else converter.gen_structure_hetero_tuple(form)

    def listed(data: Any, wanted: Any) -> Any:
        if not isinstance(data, list | tuple):
            raise MisfitError("not a list")
        return read(data, wanted)

    return listed


def _only(wanted: type) -> Callable[[Any, Any], Any]:
    def exactly(data: Any, _: Any) -> Any:
        if type(data) is not wanted:
            raise MisfitError(f"not of type {wanted.__name__}")
        return data

    return exactly


def _float_from(data: Any, _: Any) -> float:
    if type(data) in (int, float) or data in ("inf", "-inf", "nan"):
        return float(data)
    raise MisfitError("not a number")


def _float_to(value: float) -> float | str:
    number = float(value) + 0.0
    return number if math.isfinite(number) else str(number)


def _bytes_from(data: Any, _: Any) -> bytes:
    try:
        return base64.b64decode(data.encode("ascii"), validate=True)
    except (AttributeError, UnicodeEncodeError, binascii.Error):
        raise MisfitError("not base64") from None


def _bytes_to(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _decimal_from(data: Any, _: Any) -> Decimal:
    try:
        return Decimal(data) if isinstance(data, str) else Decimal(_only(int)(data, int))
    except InvalidOperation:
        raise MisfitError("not a decimal number") from None


def _refuse_secret(_: Secret) -> Never:
    raise TypeError("a Secret is not written anywhere")
