"""Local and cloud side by side, by use case: code goes to a local coder first, the rest by the built-in ladders.

A plan is a value: it names who would be asked, in which order, and why; nothing is sent. A short prompt stays local unless
its task is named. The models are scripted.
"""

from llm_manager import LLMConfig, LLMRequest, RoutingPolicy, TaskType
from llm_manager.testing import scripted, scripted_manager

MODELS = (
    scripted(provider="llamacpp", model="qwen3-coder-30b", profile={"family": "llama"}),
    scripted(provider="openai", model="gpt-4o", locality="cloud", profile={"family": "gpt"}),
    scripted(provider="openrouter", model="anthropic/claude-sonnet", locality="cloud", profile={"family": "claude"}),
)
POLICY = RoutingPolicy(ladders=(("code", ("qwen3-coder-30b", "gpt", "claude")),))
manager = scripted_manager(*MODELS, config=LLMConfig(routing=POLICY))


def show(prompt: str, task: TaskType | None = None) -> None:
    """Print the order of models for a prompt whose task is named, or read off it."""
    plan = manager.plan(LLMRequest(prompt, task_type=task)).unwrap()
    print(f"{plan.classification.task_type}: " + " > ".join(step.profile.name for step in plan.steps))


show("Write a Python function that parses a date")  # -> code: qwen3-coder-30b > gpt-4o > anthropic/claude-sonnet
show("Analyze why the error rate doubled after the deploy")  # -> analysis: anthropic/claude-sonnet > gpt-4o > qwen3-coder-30b
show("Write a React component with a table of orders")  # -> ui_generation: qwen3-coder-30b > gpt-4o > anthropic/claude-sonnet
show("Write a React component", task="ui_generation")  # -> ui_generation: gpt-4o > anthropic/claude-sonnet > qwen3-coder-30b
show("Which patient called?")  # -> general: qwen3-coder-30b

first = manager.plan(LLMRequest("Write a Python function that parses a date")).unwrap().steps[0]
print(*first.reasons[:2], sep="; ")
# -> rung 1 of the code ladder (qwen3-coder-30b > gpt > claude); local, default tier for a moderate request
