"""Writes `notes/api.md` out of the code: ``python -m tests.api_page > notes/api.md``."""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from types import ModuleType

import llm_manager
from llm_manager import testing
from tests.documents import ROOT

SECTIONS = {
    "Making a manager": """create_default_llm_manager make_llm_manager load_config default_deps make_guards ManagerDeps LLMManager blocking
        BlockingManager programs""",
    "Asking": """LLMRequest Preferences Message Role Part TextPart ImageUrl ImageData DocumentUrl DocumentData Thought ToolSpec
        ToolCall ToolChoice UseTool OutputForm Reasoning PromptCache
        read_parameters Parameters PlainText AnyJson JsonSchema RequestMetadata TaskType Complexity Sensitivity Priority CachePolicy""",
    "Runs": "RunReport FinishedRow RunPlan RunRecord RunCounts RunRow RunDoubt RunState RowState RunChange",
    "Prompts": "PromptTemplate SYSTEM_PROMPTS system_prompt render References references check_request printable",
    "Answers": """LLMResponse Finish Structured Usage Cost Priced Unpriced StreamEvent TextDelta ReasoningDelta ToolCallDelta
        StreamFinished collect""",
    "Besides chat": """EmbedRequest Embeddings Vector Purpose ModerationRequest Moderation Verdict ImageRequest MadeImage MadeImages
        TokenCount Ability""",
    "Tools that are called": """tool_from_function tool_from_schema tools_of_mcp_server McpCommand McpUrl mcp_server_of read_tool_spec
        build_tool_prompt Tool ToolRun ToolStep Confirm ReadyCall""",
    "Models on one's own server": """LocalModels LocalModel LocalModelDetails RunningModel PullProgress ModelUpdate recommend
        recommended_pulls Recommendation Placement CatalogueModel PullRole""",
    "Outcomes": "Result Success Failure FutureResult Settled settle sealed publish",
    "Errors": """LLMError ModelUnavailable RateLimitExceeded QuotaExhausted AuthenticationFailed RequestTimeout NetworkError
        MalformedResponse StreamInterrupted InvalidRequest ContextTooLarge ContentFiltered OutputInvalid ToolFailed ConfigurationError
        Fault PolicyBlocked BudgetExceeded CircuitOpen AllModelsFailed StorageFailed JobLocked Origin Charge Scope""",
    "Questions to an error": """describe is_transient resend retry_after may_fall_back may_try_another_key counts_for_breaker
        meets_every_model charge_of seed_tag recovery Recovery user_message moved_on_message""",
    "Routes": """make_model_router ModelRouter classify TaskClassification Plan PlanStep Refusal RefusalRule RoutingPolicy Strategy
        PrivateRule
        Snapshot Candidate Unavailable""",
    "Models and clients": """make_model_client list_providers validate_provider_config ProviderInfo ProviderStatus provider_statuses
        create_default_local_client check_local_model_health ModelClient ModelProfile Endpoint Health
        ModelKind Locality Family Tier Credits Price KnownPrice UnknownPrice PriceTier FREE search_models cheapest""",
    "Staying up": """Guards Standing BreakerStanding ScopeStanding BudgetStanding KeyStanding SharingStanding
Sharing UsageStats RateLimits estimate
        Estimate""",
    "Settings": """LLMConfig ProviderSettings CacheSettings ContextSettings PerformanceSettings DisplaySettings EmbeddedSettings
        NetworkSettings BreakerSettings AdmissionSettings HedgingSettings PrivacySettings Budget WeightsPolicy Secret TokenSource KeySource
        KeyRotation Sign StoreSettings""",
    "Remembering": """Cache Remembered Provenance Forgetting CacheStatistics CachedModel CacheReport SimilarSettings SimilarHit
        AcceptSimilar SimilarPrompts Near SimilarStatistics saved_by_prefixes""",
    "Parts that can be swapped": "ConversationStorage Journal World",
    "Conversations": """Conversation Turn ConversationHead ConversationDescription ConversationQuery ConversationPage FoundTurn BranchPoint
        ConversationSummary conversations_to_json conversations_from_json conversation_to_markdown conversation_from_markdown
        session_prompt""",
    "What happened": """Attempt AttemptRecord Ledger Event AttemptStarted AttemptFailed AttemptAnswered AttemptLeft MovedOn CacheHit
        SimilarFound CacheFailed SharingLost SharingRegained
        Answered CallFailed
        CallCancelled ServersProbed ToolCalled BreakerChanged Paused BudgetAlert UsageReset KeyChanged
        Operation Statistics ModelStatistics Histogram Latencies percentile Spending summary Summary ProviderSummary expenses Expense
        UsageRecord usage_record keeping_usage UsageKeeper UsageReport UsageQuery UsageKey UsageTotals UsageGroup DearCall Most""",
    "Plain data": "to_plain from_plain to_json from_json",
}
"""Every public name once, by what it is for."""

ELSEWHERE = {
    "Result": "`returns.result.Result`: the outcome of what is done at once; read it through `sealed`.",
    "Success": "`returns.result.Success`: it went well; `unwrap()` gives the value.",
    "Failure": "`returns.result.Failure`: it did not; `failure()` gives the error.",
    "FutureResult": "`returns.future.FutureResult`: an effect, awaited once through `settle`.",
}

_HEAD = """\
# Every public name

What `llm_manager` gives, by what it is for. Records are frozen and take their fields by name. Generated from the code by
`python -m tests.api_page > notes/api.md`; a test holds it to that.
"""

Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef | ast.Assign | ast.AnnAssign
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for title, names in SECTIONS.items():
        parts.append(f"\n## {title}\n\n" + "".join(_entry(llm_manager.__name__, name) for name in names.split()))
    parts.append("\n## For tests: llm_manager.testing\n\n")
    parts.extend(_entry(testing.__name__, name) for name in testing.__all__)
    return "".join(parts)


def _entry(package: str, name: str) -> str:
    if name in ELSEWHERE:
        return f"- `{name}`: {ELSEWHERE[name]}\n"
    if isinstance(getattr(import_module(package), name), ModuleType):
        module = _module(f"{package}.{name}")
        functions = (node for node in module.body if isinstance(node, _FUNCTIONS) and not node.name.startswith("_"))
        return _line(name, ast.get_docstring(module)) + "".join(map(_member, functions))
    return "".join(_defined(_home(package, name), name))


def _defined(module: str, name: str) -> Iterator[str]:
    node, told = _find(module, name)
    if isinstance(node, _FUNCTIONS):
        yield _line(f"{_awaited(node)}{name}{_signature(node)}", ast.get_docstring(node))
    elif isinstance(node, ast.ClassDef):
        fields = list(_fields(node))
        functions = {id(field): function for field in fields if (function := _function(module, field))}
        if functions and 2 * len(functions) >= len(fields):
            yield _line(name, ast.get_docstring(node))
            for field in fields:
                yield f"  - `.{ast.unparse(field.target)}{functions.get(id(field)) or f': {_text(field.annotation)}'}`\n"
        else:
            yield _line(f"{name}({', '.join(map(_shown, fields))})", ast.get_docstring(node))
        methods = (each for each in node.body if isinstance(each, _FUNCTIONS) and not each.name.startswith("_"))
        yield from map(_member, methods)
    elif node.value is not None:
        yield _line(f"{name} = {ast.unparse(node.value)}", told)


def _member(node: Function) -> str:
    is_property = any(ast.unparse(each) == "property" for each in node.decorator_list)
    signature = f": {_text(node.returns)}" if is_property else _signature(node)
    return "  " + _line(f".{node.name}{signature}", ast.get_docstring(node))


def _line(signature: str, told: str | None) -> str:
    sentence = re.split(r"(?<=[.;:])\s+(?=[A-Z`])|\n\n", told or "")[0].replace("``", "`").replace("\n", " ").rstrip(".:;")
    return f"- `{signature}`" + (f": {sentence}.\n" if sentence else "\n")


def _awaited(node: Function) -> str:
    if "asynccontextmanager" in map(ast.unparse, node.decorator_list):
        return "async with "
    return "await " if isinstance(node, ast.AsyncFunctionDef) else ""


def _signature(node: Function) -> str:
    return f"({', '.join(_arguments(node.args))}) -> {_text(node.returns)}"


def _arguments(given: ast.arguments) -> Iterator[str]:
    plain = [each for each in (*given.posonlyargs, *given.args) if each.arg != "self"]
    for index, each in enumerate(plain, start=len(given.defaults) - len(plain)):
        yield _argument(each, given.defaults[index] if index >= 0 else None)
    if given.vararg is not None:
        yield "*" + _argument(given.vararg, None)
    elif given.kwonlyargs:
        yield "*"
    for each, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        yield _argument(each, default)
    if given.kwarg is not None:
        yield "**" + _argument(given.kwarg, None)


def _argument(argument: ast.arg, default: ast.expr | None) -> str:
    return f"{argument.arg}: {_text(argument.annotation)}" + _default(default)


def _fields(node: ast.ClassDef) -> Iterator[ast.AnnAssign]:
    """The fields that are given by name; those that ``__init__`` takes stand in for them."""
    made = next((each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"), None)
    if made is not None:
        for each in (*made.args.args[1:], *made.args.kwonlyargs):
            yield ast.AnnAssign(ast.Name(each.arg), each.annotation or ast.Name("Any"), None, simple=1)
        return
    for field in node.body:
        if not isinstance(field, ast.AnnAssign) or ast.unparse(field.annotation).startswith("ClassVar"):
            continue
        if not ast.unparse(field.target).startswith("_"):
            yield field


def _shown(field: ast.AnnAssign) -> str:
    return f"{ast.unparse(field.target)}: {_text(field.annotation)}{_default(field.value)}"


def _function(module: str, field: ast.AnnAssign) -> str | None:
    """The signature of a field that holds a function; names of such types are read where they are defined."""
    form: ast.expr | None = field.annotation
    if isinstance(form, ast.Name):
        try:
            named, _ = _find(_home(module, form.id), form.id)
        except LookupError:
            return None
        if isinstance(named, ast.ClassDef):
            called = (each for each in named.body if isinstance(each, _FUNCTIONS) and each.name == "__call__")
            return next(map(_signature, called), None)
        form = None if isinstance(named, _FUNCTIONS) else named.value
    if not isinstance(form, ast.Subscript) or ast.unparse(form.value) != "Callable" or not isinstance(form.slice, ast.Tuple):
        return None
    taken, given = form.slice.elts
    return f"({', '.join(map(_text, taken.elts))}) -> {_text(given)}" if isinstance(taken, ast.List) else None


def _default(value: ast.expr | None) -> str:
    if value is None:
        return ""
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "field":
        given = {each.arg: ast.unparse(each.value) for each in value.keywords}
        factory = given.get("factory", given.get("default_factory"))
        if factory is not None:
            return f" = {factory}()" if factory.isidentifier() else " = ..."
        return f" = {given['default']}" if "default" in given else ""
    text = ast.unparse(value)
    return " = ..." if text.startswith("_") else f" = {text}"


def _text(form: ast.expr | None) -> str:
    """A type as it is written, without the quotes of one that is named before it exists."""
    if form is None:
        return "None"
    return form.value if isinstance(form, ast.Constant) and isinstance(form.value, str) else ast.unparse(form)


def _home(module: str, name: str) -> str:
    """Where a name that a module knows is defined, read off its imports."""
    tree = _module(module)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and any(each.name == name for each in node.names):
            return node.module
    return module


def _find(module: str, name: str) -> tuple[Definition, str | None]:
    """The last definition of a name, and the text that stands under it."""
    found: tuple[Definition, str | None] | None = None
    body = _module(module).body if module.startswith(llm_manager.__name__) else []
    for index, node in enumerate(body):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            names = [ast.unparse(each) for each in (node.targets if isinstance(node, ast.Assign) else [node.target])]
            if name in names:
                found = node, _text_under(body[index + 1 : index + 2])
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name:
            found = node, None
    if found is None:
        raise LookupError(name)
    return found


def _text_under(after: list[ast.stmt]) -> str | None:
    under = after[0].value if after and isinstance(after[0], ast.Expr) else None
    return under.value if isinstance(under, ast.Constant) and isinstance(under.value, str) else None


@cache
def _module(name: str) -> ast.Module:
    path = ROOT / name.replace(".", "/")
    return ast.parse((path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.stdout.write(page())
