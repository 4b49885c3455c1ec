"""What was said so far, in turns that are never split; and how conversations are asked for."""

from attrs import evolve, field, frozen

from llm_manager.domain.messages import Message

Metadata = tuple[tuple[str, str], ...]
"""Names and values of one's own, each name once."""


@frozen(kw_only=True)
class Turn:
    """Messages that belong together: a user's words and all that answered them, tool calls with their results."""

    messages: tuple[Message, ...]
    at: float | None = None
    """When it was said, in seconds since 1970."""
    cut: bool = False
    """Whether its answer ended before the model was done: it was stopped, interrupted, or came to its longest."""
    private: bool = False
    """Whether it was private by its label or its words; then the whole conversation is from here on."""


@frozen(kw_only=True)
class BranchPoint:
    """Where a conversation began: with the first ``turns`` of another one."""

    conversation: str
    turns: int


@frozen(kw_only=True)
class ConversationSummary:
    """What the first ``turns`` of a conversation came to, in the words of a model."""

    text: str = field(repr=False)
    turns: int


@frozen(kw_only=True)
class Conversation:
    """A list of turns; ``version`` counts the turns ever appended, so that two writers notice each other."""

    id: str
    turns: tuple[Turn, ...] = ()
    version: int = 0
    title: str | None = None
    metadata: Metadata = ()
    system: str | None = None
    """What the model is told before all of it, unless a request says something else."""
    origin: BranchPoint | None = None
    summary: ConversationSummary | None = None
    began: float | None = None
    """When it was first kept, in seconds since 1970; None when it is not."""
    changed: float | None = None
    """When something was last said in it."""

    def messages(self) -> tuple[Message, ...]:
        """Every message, oldest first."""
        return tuple(message for turn in self.turns for message in turn.messages)

    @property
    def private(self) -> bool:
        """Say whether any of it was asked as private."""
        return any(turn.private for turn in self.turns)


@frozen(kw_only=True)
class ConversationDescription:
    """What to say of a conversation; None leaves as it is, and an empty text takes away. ``metadata`` replaces all there was."""

    title: str | None = None
    system: str | None = None
    metadata: Metadata | None = None
    summary: ConversationSummary | None = None


@frozen(kw_only=True)
class ConversationHead:
    """A conversation without its turns, of which there are so many."""

    id: str
    turns: int
    title: str | None = None
    metadata: Metadata = ()
    origin: BranchPoint | None = None
    began: float = 0.0
    changed: float = 0.0


@frozen(kw_only=True)
class ConversationQuery:
    """Which conversations to list: those whose id begins with ``id``, whose title holds every word of ``title``, that have all of
    ``metadata``, and in which something was said at or after ``since`` and before ``until``. ``after`` goes on where a page ended."""

    id: str = ""
    title: str = ""
    metadata: Metadata = ()
    since: float | None = None
    until: float | None = None
    limit: int = 50
    after: str | None = None


@frozen(kw_only=True)
class ConversationPage:
    """Some conversations, the last one used first; ``after`` is where the next page goes on, None at the end."""

    heads: tuple[ConversationHead, ...]
    after: str | None = None


@frozen(kw_only=True)
class FoundTurn:
    """A turn in which all words of a search occur; ``excerpt`` is one line around the first of them. Turns count from 1."""

    conversation: ConversationHead
    turn: int
    excerpt: str = field(repr=False)
    at: float | None = None


def described(conversation: Conversation, description: ConversationDescription) -> Conversation:
    """The conversation as it is now described."""

    def said(new: str | None, old: str | None) -> str | None:
        return old if new is None else new or None

    return evolve(
        conversation,
        title=said(description.title, conversation.title),
        system=said(description.system, conversation.system),
        metadata=conversation.metadata if description.metadata is None else tuple(sorted(dict(description.metadata).items())),
        summary=description.summary or conversation.summary,
    )


def branched(conversation: Conversation, turns: int, new_id: str) -> Conversation:
    """Another conversation that begins with the first turns of this one; there are at most as many as there are."""
    kept = conversation.turns[: max(0, turns)]
    summary = conversation.summary
    return evolve(
        conversation,
        id=new_id,
        turns=kept,
        version=len(kept),
        origin=BranchPoint(conversation=conversation.id, turns=len(kept)),
        summary=summary if summary is not None and summary.turns <= len(kept) else None,
        began=None,
        changed=None,
    )


def head_of(conversation: Conversation) -> ConversationHead:
    """The conversation without its turns."""
    return ConversationHead(
        id=conversation.id,
        turns=conversation.version,
        title=conversation.title,
        metadata=conversation.metadata,
        origin=conversation.origin,
        began=conversation.began or 0.0,
        changed=conversation.changed or 0.0,
    )
