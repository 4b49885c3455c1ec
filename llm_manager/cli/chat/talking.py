"""`llm-manager chat`: a conversation that is kept, asked and answered line by line."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar, assert_never

from attrs import define, evolve, field
from returns.result import Failure

from llm_manager.cli.chat.lines import ReadText
from llm_manager.cli.chat.typed import HELP, LEAVING, Command, NoCommand, Said, typed
from llm_manager.cli.conversations.at_hand import SHORT
from llm_manager.cli.conversations.moving import form_for, written_out
from llm_manager.cli.conversations.show import as_text
from llm_manager.cli.exits import OK, exit_code
from llm_manager.cli.export_targets import write_target
from llm_manager.cli.generate import summary
from llm_manager.cli.session import Session
from llm_manager.cli.signals import obeyed
from llm_manager.cli.streaming import shown
from llm_manager.domain.conversations import Conversation, ConversationDescription
from llm_manager.domain.errors import LLMError
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.effects import settle
from llm_manager.outcomes import Settled
from llm_manager.policies.plurals import counted
from llm_manager.policies.printing import one_line

_Value = TypeVar("_Value")

_LONGEST_TITLE: Final = 60
_AUTO: Final = "auto"
_NOTHING: Final = "-"


@define(kw_only=True)
class Chat:
    """One chat: which conversation it is in, and how its next question is asked. ``request`` has all but the words."""

    session: Session
    read: ReadText
    conversation: Conversation
    request: LLMRequest
    new_id: Callable[[], str]
    prepared: bool = False
    code: int = field(default=OK)

    async def run(self) -> int:
        """Go on until there is nothing more to read; the first failure decides how it ends, where nobody sees it happen."""
        output = self.session.output
        if output.terminal:
            said = self.conversation
            where = f"{said.title or 'this conversation'}, {counted(said.version, 'turn')}" if said.version else "a new conversation"
            output.note(f"{where} ({said.id[:SHORT]}); /help shows commands, Ctrl-D ends")
        while (text := await self.read()) is not None:
            if not text.strip():
                continue
            match what := typed(text.strip()):
                case Said(text=words) if output.terminal and words.lower() in LEAVING:
                    break
                case Said(text=words):
                    await self._ask(words)
                case Command(name="quit"):
                    break
                case Command():
                    await self._do(what)
                case NoCommand(word=word, meant=meant):
                    output.note(f"/{word} is no command; {'did you mean /' + ' or /'.join(meant) if meant else '/help shows them'}")
                case _:
                    assert_never(what)
        return OK if output.terminal else self.code

    async def _ask(self, words: str) -> None:
        session, asked = self.session, evolve(self.request, prompt=words)
        if not self.prepared:
            ready = await session.prepare(asked)
            if isinstance(ready, Failure):
                return self._failed(ready.failure())
            self.prepared = True
        if self.conversation.began is not None and await self._is_gone():
            session.output.note("note: this conversation was deleted meanwhile; it begins anew with what you say now")
            self.conversation = Conversation(id=self.conversation.id)
        answering = shown(session.output, session.manager.converse_stream(self.conversation.id, asked))
        answered, stopped = await _unless_interrupted(answering)
        if stopped:
            session.output.note("stopped; what was said so far is kept")
        elif isinstance(answered, Failure):
            self._failed(answered.failure())
        elif answered is not None:
            self._told(answered.unwrap())
        return await self._entitle(words)

    async def _entitle(self, words: str) -> None:
        """Call it by the first words of which anything is kept."""
        if self.conversation.began is None:
            kept = await settle(self.session.manager.conversations.load(self.conversation.id))
            if isinstance(kept, Failure) or not kept.unwrap().turns:
                return
            self.conversation = evolve(self.conversation, began=kept.unwrap().began)
        if self.conversation.title is None:
            await self._describe(ConversationDescription(title=one_line(words)[:_LONGEST_TITLE]))

    async def _is_gone(self) -> bool:
        kept = await settle(self.session.manager.conversations.load(self.conversation.id))
        return not isinstance(kept, Failure) and kept.unwrap().began is None

    def _told(self, response: LLMResponse) -> None:
        output = self.session.output
        for notice in response.notices:
            output.note(f"note: {notice}")
        for call in response.tool_calls:
            output.note(f"note: the model wants to call {call.name}({call.arguments})")
        if not response.complete:
            output.note("note: the answer was cut at its length limit; --max-tokens sets another")
        if self.session.config.display.verbose_output:
            output.note(summary(response))
        if response.conversation_id is not None:
            self.conversation = evolve(self.conversation, id=response.conversation_id)

    async def _do(self, command: Command) -> None:
        output, rest = self.session.output, command.rest
        match command.name:
            case "help":
                output.text(HELP)
            case "new":
                self.conversation = Conversation(id=self.new_id())
                output.note(f"a new conversation ({self.conversation.id[:SHORT]})")
            case "title" if rest:
                await self._describe(ConversationDescription(title=one_line(rest)))
            case "title":
                output.note(self.conversation.title or "it has no title")
            case "model":
                self._choose(rest)
            case "system" if rest:
                await self._describe(ConversationDescription(system="" if rest == _NOTHING else rest))
                self.request = evolve(self.request, system=None)
            case "system":
                output.note(self.request.system or self.conversation.system or "the model is told nothing first")
            case "branch":
                await self._branch(rest)
            case "show":
                await self._show()
            case "save":
                await self._save(rest)
            case "quit":
                return
            case _:
                assert_never(command.name)

    def _choose(self, name: str) -> None:
        wishes = self.request.preferences
        if not name:
            self.session.output.note(wishes.model or "the router chooses")
        elif name == _AUTO:
            self.request = evolve(self.request, preferences=evolve(wishes, model=None, provider=None, exact=False))
        else:
            self.request = evolve(self.request, preferences=evolve(wishes, model=name, provider=None, exact=True))
            self.prepared = False

    async def _describe(self, description: ConversationDescription) -> None:
        told = await settle(self.session.manager.conversations.describe(self.conversation.id, description))
        if isinstance(told, Failure):
            return self._failed(told.failure())
        title, system = description.title, description.system
        if title is not None:
            self.conversation = evolve(self.conversation, title=title or None)
        if system is not None:
            self.conversation = evolve(self.conversation, system=system or None)
        return None

    async def _branch(self, rest: str) -> None:
        output, storage = self.session.output, self.session.manager.conversations
        loaded = await self._loaded()
        if loaded is None:
            return None
        if rest and not (rest.isascii() and rest.isdigit() and int(rest) <= loaded.version):
            output.note(f"give the number of a turn, up to {loaded.version}")
            return None
        branch = await settle(storage.branch(loaded.id, int(rest) if rest else loaded.version, self.new_id()))
        if isinstance(branch, Failure):
            return self._failed(branch.failure())
        self.conversation = branch.unwrap()
        output.note(f"a branch after turn {self.conversation.version} ({self.conversation.id[:SHORT]})")
        return None

    async def _show(self) -> None:
        loaded = await self._loaded()
        if loaded is not None:
            self.session.output.text(as_text(loaded))

    async def _save(self, name: str) -> None:
        if not name:
            return self.session.output.note("give a file: /save talk.md")
        loaded = await self._loaded()
        if loaded is None:
            return None
        written = _saved(loaded, name)
        if isinstance(written, Failure):
            return self._failed(written.failure())
        return self.session.output.note(f"{counted(loaded.version, 'turn')}: {name}")

    async def _loaded(self) -> Conversation | None:
        loaded = await settle(self.session.manager.conversations.load(self.conversation.id))
        if isinstance(loaded, Failure):
            self._failed(loaded.failure())
            return None
        return loaded.unwrap()

    def _failed(self, error: LLMError) -> None:
        self.session.output.failure(error)
        self.code = self.code or exit_code(error)


def _saved(conversation: Conversation, name: str) -> Settled[None, LLMError]:
    """Write it to a new file."""
    path = Path(name).expanduser()
    return write_target(path, written_out([conversation], form_for(path)), overwrite=False)


async def _unless_interrupted(
    work: Coroutine[Any, Any, Settled[LLMResponse, LLMError] | None],
) -> tuple[Settled[LLMResponse, LLMError] | None, bool]:
    """Do it; an interrupt from the keyboard ends it alone. Says whether there was one."""
    task = asyncio.ensure_future(work)
    stopped = False

    def stop() -> None:
        nonlocal stopped
        stopped = True
        task.cancel()

    with _heeding(stop):
        try:
            return await task, stopped
        except asyncio.CancelledError:
            if not stopped:
                raise
            return None, True


@contextmanager
def _heeding(stop: Callable[[], None]) -> Iterator[None]:
    """Obey SIGINT in the block, where the loop can."""
    before = signal.getsignal(signal.SIGINT)
    heeded = obeyed(signal.SIGINT, stop)
    try:
        yield
    finally:
        if heeded:
            asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
            if before is not None:
                signal.signal(signal.SIGINT, before)
