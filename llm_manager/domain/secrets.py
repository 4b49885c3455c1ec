"""A value that is used and never shown."""

import hashlib
import hmac
from typing import Never


class Secret:
    """Hold a key so that no print, log, pickle or traceback can show it; only `reveal` gives it out."""

    __slots__ = ("__fingerprint", "__value")

    def __init__(self, value: str) -> None:
        self.__value = value
        self.__fingerprint = ""

    def reveal(self) -> str:
        """Give the value to the one place that sends it."""
        return self.__value

    @property
    def fingerprint(self) -> str:
        """Name the key without telling it: eight hexadecimal digits of its SHA-256."""
        if not self.__fingerprint:
            self.__fingerprint = hashlib.sha256(self.__value.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        return self.__fingerprint

    def __repr__(self) -> str:
        return f"Secret({self.fingerprint})"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        ours, theirs = self.__value.encode("utf-8", "surrogatepass"), other.reveal().encode("utf-8", "surrogatepass")
        return hmac.compare_digest(ours, theirs)

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: object) -> "Secret":
        return self

    def __reduce_ex__(self, protocol: object) -> Never:
        raise TypeError("a Secret is not written anywhere: read it again from where it is kept")
