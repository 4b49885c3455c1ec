"""When this model calls a tool: it cannot choose between talking and calling, so the turn chooses for it.

How it is made to call one is `policies.tool_emulation`'s.
"""

from llm_manager.domain.messages import ToolSpec
from llm_manager.domain.requests import LLMRequest
from llm_manager.policies.tool_emulation import tools_to_call


def callable_tools(request: LLMRequest) -> tuple[ToolSpec, ...]:
    """The tools of which the answer must call one; none when the answer is to be words.

    When the request leaves the choice, it calls a tool when the user has spoken, and talks when a tool has answered.
    """
    conversation = request.conversation()
    answered = request.tool_choice == "auto" and bool(conversation) and conversation[-1].role == "tool"
    return () if answered else tools_to_call(request)
