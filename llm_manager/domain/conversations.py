"""What was said so far, in turns that are never split."""

from attrs import field, frozen

from llm_manager.domain.messages import Message


@frozen(kw_only=True)
class Turn:
    """Messages that belong together: a user's words and all that answered them, tool calls with their results."""

    messages: tuple[Message, ...]


@frozen(kw_only=True)
class Conversation:
    """A list of turns; ``version`` counts the turns ever appended, so that two writers notice each other."""

    id: str
    turns: tuple[Turn, ...] = ()
    version: int = 0
    title: str | None = None
    metadata: tuple[tuple[str, str], ...] = field(default=())

    def messages(self) -> tuple[Message, ...]:
        """Every message, oldest first."""
        return tuple(message for turn in self.turns for message in turn.messages)
