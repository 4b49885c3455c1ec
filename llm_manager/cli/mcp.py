"""`llm-manager mcp`: the manager as an MCP server on standard input and output."""

from returns.result import Failure

from llm_manager.cli.exits import OK
from llm_manager.cli.session import Session
from llm_manager.outcomes import sealed
from llm_manager.tools.mcp_server import mcp_server_of, serve_on_standard_streams


async def mcp(session: Session) -> int:
    """Serve until the other side ends; standard output carries the protocol, all words go to standard error."""
    made = sealed(mcp_server_of(session.manager))
    if isinstance(made, Failure):
        return session.output.failure(made.failure())
    await serve_on_standard_streams(made.unwrap())
    return OK
