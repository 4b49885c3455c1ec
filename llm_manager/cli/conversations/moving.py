"""`llm-manager conversations export`, `import` and `delete`: out to files, in from files, and away."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, TextIO, TypeAlias

from attrs import evolve
from returns.result import Failure, Success

from llm_manager.cli.agreeing import agreed, may_ask
from llm_manager.cli.conversations.at_hand import meant, short
from llm_manager.cli.exits import FAILED, OK
from llm_manager.cli.export_targets import file_name_for, write_target
from llm_manager.cli.files import text_of
from llm_manager.cli.session import Session
from llm_manager.domain.conversations import Conversation, ConversationQuery
from llm_manager.domain.errors import ConfigurationError, InvalidRequest, LLMError, StorageFailed
from llm_manager.effects import settle
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.conversation_json import conversations_from_json, conversations_to_json
from llm_manager.policies.conversation_markdown import conversation_from_markdown, conversation_to_markdown
from llm_manager.policies.plurals import counted
from llm_manager.services.conversation_storage import ConversationStorage

Form: TypeAlias = Literal["json", "markdown"]

_PAGE: Final = 200
_PAGE_ENDINGS: Final = (".md", ".markdown")
_JSON_ENDINGS: Final = (".json", ".jsonl", ".ndjson")
_WANTED: Final = "give what `llm-manager conversations export` writes: one JSON document, or a page of Markdown (.md)"


async def export_conversations(
    session: Session, storage: ConversationStorage, ids: Sequence[str], *, to: str, form: Form | None, overwrite: bool
) -> int:
    """Write conversations, all of them when none is named: to one file, to a folder with a file each, or to standard output."""
    output, target = session.output, Path(to)
    wanted = form or form_for(target)
    gathered = await _gathered(storage, ids)
    if isinstance(gathered, Failure):
        return output.failure(gathered.failure())
    said = gathered.unwrap()
    if to == "-":
        output.text(written_out(said, wanted))
        return OK
    if _is_folder(to):
        return _each_in(session, said, target, wanted, overwrite=overwrite)
    if wanted == "markdown" and len(said) != 1:
        message = f"a page holds one conversation, and {len(said)} are meant: name one, give a folder, or a .json file"
        return output.failure(ConfigurationError(message=message))
    written = write_target(target, written_out(said, wanted), overwrite=overwrite)
    if isinstance(written, Failure):
        return output.failure(written.failure())
    output.note(f"{counted(len(said), 'conversation')}: {to}")
    return OK


async def import_conversations(session: Session, storage: ConversationStorage, file: str, new_id: str, *, anew: bool) -> int:
    """Keep the conversations of a file: under their own ids, which must be free, or under new ones."""
    output = session.output
    read = _read(file, new_id)
    if isinstance(read, Failure):
        return output.failure(read.failure())
    said = read.unwrap()
    for number, conversation in enumerate(said):
        kept = evolve(conversation, id=f"{new_id}-{number + 1}" if len(said) > 1 else new_id) if anew else conversation
        put = await settle(storage.put(kept))
        if isinstance(put, Failure):
            error = put.failure()
            if isinstance(error, StorageFailed) and error.reason == "conflict":
                error = ConfigurationError(message=f"{kept.id[:40]!r} is kept already: --anew keeps what comes in under new ids")
            if number:
                output.note(f"note: {counted(number, 'conversation')} before it came in")
            return output.failure(error)
    output.note(f"{counted(len(said), 'conversation')} came in from {file}")
    return OK


async def delete_conversations(
    session: Session, storage: ConversationStorage, ids: Sequence[str], *, terminal: TextIO, yes: bool = False
) -> int:
    """Forget conversations for good; a person is told which, and asked first."""
    output, chosen = session.output, dict[str, Conversation]()
    for beginning in ids:
        found = await meant(storage, beginning)
        if isinstance(found, Failure):
            return output.failure(found.failure())
        chosen[found.unwrap().id] = found.unwrap()
    which = ", ".join(_named(each) for each in chosen.values())
    if not yes and may_ask(output, terminal) and not agreed(output, terminal, f"{which}: delete for good?"):
        output.note("nothing was deleted")
        return FAILED
    for conversation_id in chosen:
        gone = await settle(storage.delete(conversation_id))
        if isinstance(gone, Failure):
            return output.failure(gone.failure())
    output.note(f"{counted(len(chosen), 'conversation')} forgotten: {which}")
    return OK


def _named(conversation: Conversation) -> str:
    return f"{short(conversation.id)} ({conversation.title or 'untitled'}, {counted(conversation.version, 'turn')})"


async def forget_conversations(session: Session, storage: ConversationStorage, before: float) -> int:
    """Forget what nobody has added to since."""
    gone = await settle(storage.forget(before))
    if isinstance(gone, Failure):
        return session.output.failure(gone.failure())
    session.output.note(f"{counted(gone.unwrap(), 'conversation')} forgotten")
    return OK


async def _gathered(storage: ConversationStorage, ids: Sequence[str]) -> Settled[list[Conversation], LLMError]:
    said: list[Conversation] = []
    names, after = list(ids), None
    while not ids:
        page = await settle(storage.find(ConversationQuery(limit=_PAGE, after=after)))
        if isinstance(page, Failure):
            return page
        names += [head.id for head in page.unwrap().heads]
        after = page.unwrap().after
        if after is None:
            break
    for name in names:
        found = await (meant(storage, name) if ids else settle(storage.load(name)))
        if isinstance(found, Failure):
            return found
        said.append(found.unwrap())
    return Success(said)


def _each_in(session: Session, said: Sequence[Conversation], folder: Path, form: Form, *, overwrite: bool) -> int:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        return session.output.failure(ConfigurationError(message=f"{folder} cannot be made: {why}"))
    for conversation in said:
        path = folder / file_name_for(conversation.id, ".md" if form == "markdown" else ".json")
        written = write_target(path, written_out([conversation], form), overwrite=overwrite)
        if isinstance(written, Failure):
            return session.output.failure(written.failure())
    session.output.note(f"{counted(len(said), 'conversation')}: {folder}")
    return OK


def _is_folder(to: str) -> bool:
    try:
        return to.endswith("/") or Path(to).is_dir()
    except (OSError, ValueError):
        return False


def form_for(path: Path) -> Form:
    """What a file of this name holds."""
    return "markdown" if path.suffix.lower() in _PAGE_ENDINGS else "json"


def written_out(said: Sequence[Conversation], form: Form) -> str:
    """Conversations as the text of one file."""
    return "\n".join(map(conversation_to_markdown, said)) if form == "markdown" else conversations_to_json(said)


def _read(file: str, new_id: str) -> Settled[tuple[Conversation, ...], LLMError]:
    text = text_of(file)
    if isinstance(text, Failure):
        return text
    if not text.unwrap().strip():
        return Failure(InvalidRequest(message=f"{file} is empty: {_WANTED}"))
    if _is_json(file, text.unwrap()):
        read = sealed(conversations_from_json(text.unwrap()))
    else:
        read = sealed(conversation_from_markdown(text.unwrap(), new_id).map(lambda conversation: (conversation,)))
    if isinstance(read, Failure) and isinstance(error := read.failure(), InvalidRequest):
        return Failure(evolve(error, message=f"{file}: {error.message}; {_WANTED}"))
    return read


def _is_json(file: str, text: str) -> bool:
    ending = Path(file).suffix.lower()
    return ending in _JSON_ENDINGS or (ending not in _PAGE_ENDINGS and (text.lstrip().startswith("{") or _looks_like_json(text)))


def _looks_like_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
