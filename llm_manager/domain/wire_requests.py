"""A request in a provider's own words, before any key is added."""

from typing import ClassVar

from attrs import field, frozen

from llm_manager.domain.records import Veiled


class WireRequest(Veiled, frozen=True, kw_only=True):
    """What is sent, encoded as not streamed: a path under the endpoint's base URL, extra headers without secrets, a body."""

    veiled: ClassVar[frozenset[str]] = frozenset({"body"})

    method: str = "POST"
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    notices: tuple[str, ...] = ()
    """What was left out or changed to fit the model, told to the caller with the answer."""


@frozen(kw_only=True)
class WireReply:
    """What came back, whole. Header names are lower case."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)

    def header(self, name: str) -> str | None:
        """The first value of the header called ``name`` (lower case), or None."""
        for key, value in self.headers:
            if key == name:
                return value
        return None
