"""What is typed in a chat: words for the model, or a command after a slash."""

from typing import Final, Literal, TypeAlias, get_args

from attrs import frozen

from llm_manager.policies.names import nearest

CommandName: TypeAlias = Literal["help", "new", "title", "model", "system", "branch", "show", "save", "quit"]

COMMANDS: Final[tuple[CommandName, ...]] = get_args(CommandName)

LEAVING: Final = ("exit", "quit")
"""Words that end a chat where a person types them alone; elsewhere they are words for the model."""

_ALSO: Final[dict[str, CommandName]] = {"exit": "quit", "q": "quit", "bye": "quit"}

HELP: Final = """\
/help            show this
/new             begin another conversation
/title [WORDS]   call this one so; without words, show its title
/model [NAME]    ask this model from now on; auto lets the router choose
/system [WORDS]  what the model is told first; - for nothing
/branch [N]      go on from turn N in a new conversation, from here without N
/show            show all that was said
/save FILE       write it to a new file: .md, or else JSON
/quit            end; so do /exit, Ctrl-D, and exit or quit alone on a terminal

A line that ends in a backslash goes on in the next one, and a line of three quotes begins and ends a text of several lines; on a
terminal Alt-Enter begins a new line. // begins words that start with a slash. Ctrl-C stops an answer and keeps what was said."""


@frozen(kw_only=True)
class Said:
    """Words for the model."""

    text: str


@frozen(kw_only=True)
class Command:
    """Something to do, with the rest of the line."""

    name: CommandName
    rest: str = ""


@frozen(kw_only=True)
class NoCommand:
    """A slash before a word that is no command; ``meant`` are those that are like it."""

    word: str
    meant: tuple[str, ...] = ()


Typed: TypeAlias = Said | Command | NoCommand


def typed(text: str) -> Typed:
    """Say what was typed. What begins like a path, with a second slash in its first word, is words.

    >>> typed("/title Rivers of France"), typed("//etc"), typed("/titel x").meant
    (Command(name='title', rest='Rivers of France'), Said(text='/etc'), ('title',))
    """
    if text.startswith("//"):
        return Said(text=text[1:])
    if not text.startswith("/"):
        return Said(text=text)
    word, _, rest = text[1:].partition(" ")
    word = word.strip()
    if "/" in word:
        return Said(text=text)
    for name in COMMANDS:
        if word.lower() == name:
            return Command(name=name, rest=rest.strip())
    if word.lower() in _ALSO:
        return Command(name=_ALSO[word.lower()], rest=rest.strip())
    return NoCommand(word=word[:40], meant=nearest(word, COMMANDS))
