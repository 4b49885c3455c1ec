"""`llm-manager conversations`: the words of its commands. What they do stands in the files named after them."""

import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import App, Parameter
from cyclopts.types import PositiveInt
from returns.result import Failure

from llm_manager.cli.conversations.at_hand import meant
from llm_manager.cli.conversations.moving import (
    Form,
    delete_conversations,
    export_conversations,
    forget_conversations,
    import_conversations,
)
from llm_manager.cli.conversations.show import list_conversations, search_conversations, show_conversation
from llm_manager.cli.exits import OK
from llm_manager.cli.parsing import Config, Json
from llm_manager.cli.session import Session, conduct, standard_output
from llm_manager.domain.conversations import ConversationDescription, ConversationQuery
from llm_manager.domain.errors import InvalidRequest
from llm_manager.effects import settle
from llm_manager.policies.moments import moment_of
from llm_manager.services.conversation_storage import ConversationStorage

Id = Annotated[str, Parameter(help="The conversation: its id, the beginning of it, or last.", allow_leading_hyphen=True)]
Tenant = Annotated[str | None, Parameter(help="Those of this tenant.")]
Last = Annotated[PositiveInt, Parameter(help="So many of the newest.")]

_EPILOGUE: Final = """\
Examples:

  llm-manager conversations list --since 7d
  llm-manager conversations show last
  llm-manager conversations search "tax return"
  llm-manager conversations export last -o talk.md
  llm-manager conversations delete --older-than 90d"""


def add(app: App) -> None:
    """Add the commands."""
    conversations = App(name="conversations", help="Look at what was said, find it again, export or forget it.", help_epilogue=_EPILOGUE)
    for name, command in (
        ("list", _list),
        ("show", _show),
        ("search", _search),
        ("title", _title),
        ("export", _export),
        ("import", _import),
        ("delete", _delete),
    ):
        conversations.command(command, name=name, help_epilogue="")
    app.command(conversations)


def on_conversations(
    work: Callable[[Session, ConversationStorage], Coroutine[Any, Any, int]], *, tenant: str | None, json: bool, config: Path | None
) -> int:
    """Do something with the conversations of a tenant, or of nobody in particular."""

    async def command(session: Session) -> int:
        mine = session.manager.conversations
        return await work(session, mine.of_tenant(tenant) if tenant else mine)

    return conduct(standard_output(json=json), command, config=config)


def _list(
    *,
    title: Annotated[str, Parameter(help="Only those with all these words in their title.")] = "",
    since: Annotated[str | None, Parameter(help="Only those used since: 12h, 7d, 2026-01-31.")] = None,
    last: Last = 20,
    tenant: Tenant = None,
    json: Json = False,
    config: Config = None,
) -> int:
    """Show the conversations last used."""
    moment = None if since is None else moment_of(since, _wall())
    if since is not None and moment is None:
        return _no_moment("--since", json=json)
    query = ConversationQuery(title=title, since=moment, limit=last)
    return on_conversations(lambda session, mine: list_conversations(session, mine, query), tenant=tenant, json=json, config=config)


def _show(conversation: Id, /, *, tenant: Tenant = None, json: Json = False, config: Config = None) -> int:
    """Show one conversation whole."""
    return on_conversations(lambda session, mine: show_conversation(session, mine, conversation), tenant=tenant, json=json, config=config)


def _search(
    words: Annotated[str, Parameter(help="Words that were all said in one turn, in whatever case.")],
    /,
    *,
    last: Last = 20,
    tenant: Tenant = None,
    json: Json = False,
    config: Config = None,
) -> int:
    """Find what was said."""
    return on_conversations(lambda session, mine: search_conversations(session, mine, words, last), tenant=tenant, json=json, config=config)


def _title(
    conversation: Id,
    title: Annotated[str, Parameter(help="What to call it; an empty text takes its title away.")],
    /,
    *,
    tenant: Tenant = None,
    config: Config = None,
) -> int:
    """Give a conversation a title."""

    async def entitle(session: Session, mine: ConversationStorage) -> int:
        found = await meant(mine, conversation)
        told = found if isinstance(found, Failure) else await settle(mine.describe(found.unwrap().id, ConversationDescription(title=title)))
        return session.output.failure(told.failure()) if isinstance(told, Failure) else OK

    return on_conversations(entitle, tenant=tenant, json=False, config=config)


def _export(
    *conversation: Id,
    output: Annotated[str, Parameter(name=("--output", "-o"), help="A file, or a folder for a file each; - is standard output.")] = "-",
    format: Annotated[Form | None, Parameter(help="By the ending of the file otherwise; else JSON.")] = None,  # noqa: A002 - the option's name
    overwrite: Annotated[bool, Parameter(negative=(), help="Replace a file that is there.")] = False,
    tenant: Tenant = None,
    config: Config = None,
) -> int:
    """Write conversations to a file, a folder or standard output: those that are named, or all."""
    return on_conversations(
        lambda session, mine: export_conversations(session, mine, conversation, to=output, form=format, overwrite=overwrite),
        tenant=tenant,
        json=False,
        config=config,
    )


def _import(
    file: Annotated[str, Parameter(help="JSON or Markdown, as export writes it.")],
    /,
    *,
    anew: Annotated[bool, Parameter(negative=(), help="Keep them under new ids.")] = False,
    tenant: Tenant = None,
    config: Config = None,
) -> int:
    """Keep the conversations of a file."""
    from llm_manager.real_world import real_world

    new_id = real_world().new_id()
    return on_conversations(
        lambda session, mine: import_conversations(session, mine, file, new_id, anew=anew), tenant=tenant, json=False, config=config
    )


def _delete(
    *conversation: Id,
    older_than: Annotated[str | None, Parameter(help="All that nobody has added to for so long: 12h, 90d, 8w.")] = None,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"), negative=(), help="Without asking first, as it does on a terminal.")] = False,
    tenant: Tenant = None,
    config: Config = None,
) -> int:
    """Forget conversations for good."""
    if (older_than is None) == (not conversation):
        return standard_output().failure(InvalidRequest(message="say which to forget: their ids, or --older-than alone"))
    if older_than is None:
        return on_conversations(
            lambda session, mine: delete_conversations(session, mine, conversation, terminal=sys.stdin, yes=yes),
            tenant=tenant,
            json=False,
            config=config,
        )
    before = moment_of(older_than, _wall())
    if before is None:
        return _no_moment("--older-than", json=False)
    scope = tenant or ""  # everybody's are forgotten by the settings alone
    return on_conversations(
        lambda session, mine: forget_conversations(session, mine.of_tenant(scope), before), tenant=None, json=False, config=config
    )


def _no_moment(option: str, *, json: bool) -> int:
    return standard_output(json=json).failure(InvalidRequest(message=f"{option}: give a time such as 12h, 7d, 2w or 2026-01-31"))


def _wall() -> float:
    from llm_manager.real_world import real_world

    return real_world().wall()
