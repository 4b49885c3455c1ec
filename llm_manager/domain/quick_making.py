"""Making frozen records in two thirds of the time, for those of which every call makes some.

A frozen class of attrs sets each of its fields by a call of its own. Here the fields are set while the record is still of a class
with the same fields that is not frozen, and then it becomes what it is; all else about it is as attrs made it.
"""

from typing import Any, Final, TypeVar

from attrs import NOTHING, Factory, fields

_Form = TypeVar("_Form")

_BECOME: Final = object.__dict__["__class__"].__set__
"""Sets the class of an object that does not let its fields be set."""


def quickly_made(form: type[_Form]) -> type[_Form]:
    """Make a class quicker to make: a frozen one with slots, no ``weakref_slot`` and no validators."""
    names: dict[str, Any] = {
        "NOTHING": NOTHING,
        "become": _BECOME,
        "open_form": type(form.__name__, (), {"__slots__": form.__dict__["__slots__"]}),
        "form": form,
    }
    taken, named, body = ["self"], list[str](), list[str]()
    for one in fields(form):  # type: ignore[arg-type]  # a class of attrs, which `type` cannot say
        default, value = "", one.name
        if isinstance(one.default, Factory):  # type: ignore[arg-type]  # it is a class, whatever its stub says
            names[f"make_{one.name}"] = one.default.factory
            default, value = "=NOTHING", f"make_{one.name}() if {one.name} is NOTHING else {one.name}"
        elif one.default is not NOTHING:
            names[f"default_{one.name}"] = one.default
            default = f"=default_{one.name}"
        if one.converter is not None:
            names[f"convert_{one.name}"] = one.converter
            value = f"convert_{one.name}({value})"
        (named if one.kw_only else taken).append(one.name + default)
        body.append(f"    self.{one.name} = {value}\n")
    head = f"def __init__({', '.join([*taken, '*', *named] if named else taken)}):\n    become(self, open_form)\n"
    exec(head + "".join(body) + "    self.__class__ = form\n", names)  # noqa: S102 - attrs does the same, with the names of fields alone
    made = names["__init__"]
    made.__annotations__ = dict(form.__init__.__annotations__)
    made.__qualname__ = f"{form.__qualname__}.__init__"
    form.__init__ = made  # type: ignore[method-assign]  # the one that it takes the place of takes and does the same
    return form
