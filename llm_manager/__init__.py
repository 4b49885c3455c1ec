"""Calls to language models as typed values: one manager over local and cloud models, in the Effect style.

The public names, each loaded when it is first touched.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from returns.future import (
        FutureResult as FutureResult,
    )
    from returns.result import (
        Failure as Failure,
    )
    from returns.result import (
        Result as Result,
    )
    from returns.result import (
        Success as Success,
    )

    from llm_manager import programs as programs
    from llm_manager.blocking import (
        BlockingManager as BlockingManager,
    )
    from llm_manager.blocking import (
        blocking as blocking,
    )
    from llm_manager.domain.attempts import (
        Attempt as Attempt,
    )
    from llm_manager.domain.attempts import (
        Ledger as Ledger,
    )
    from llm_manager.domain.caching import (
        CachedModel as CachedModel,
    )
    from llm_manager.domain.caching import (
        CacheReport as CacheReport,
    )
    from llm_manager.domain.caching import (
        CacheStatistics as CacheStatistics,
    )
    from llm_manager.domain.caching import (
        Forgetting as Forgetting,
    )
    from llm_manager.domain.caching import (
        Provenance as Provenance,
    )
    from llm_manager.domain.caching import (
        Remembered as Remembered,
    )
    from llm_manager.domain.caching import (
        SimilarStatistics as SimilarStatistics,
    )
    from llm_manager.domain.configuration import (
        AdmissionSettings as AdmissionSettings,
    )
    from llm_manager.domain.configuration import (
        BreakerSettings as BreakerSettings,
    )
    from llm_manager.domain.configuration import (
        Budget as Budget,
    )
    from llm_manager.domain.configuration import (
        CacheSettings as CacheSettings,
    )
    from llm_manager.domain.configuration import (
        ContextSettings as ContextSettings,
    )
    from llm_manager.domain.configuration import (
        DisplaySettings as DisplaySettings,
    )
    from llm_manager.domain.configuration import (
        EmbeddedSettings as EmbeddedSettings,
    )
    from llm_manager.domain.configuration import (
        HedgingSettings as HedgingSettings,
    )
    from llm_manager.domain.configuration import (
        KeyRotation as KeyRotation,
    )
    from llm_manager.domain.configuration import (
        KeySource as KeySource,
    )
    from llm_manager.domain.configuration import (
        LLMConfig as LLMConfig,
    )
    from llm_manager.domain.configuration import (
        NetworkSettings as NetworkSettings,
    )
    from llm_manager.domain.configuration import (
        PerformanceSettings as PerformanceSettings,
    )
    from llm_manager.domain.configuration import (
        PrivacySettings as PrivacySettings,
    )
    from llm_manager.domain.configuration import (
        ProviderSettings as ProviderSettings,
    )
    from llm_manager.domain.configuration import (
        Sign as Sign,
    )
    from llm_manager.domain.configuration import (
        StoreSettings as StoreSettings,
    )
    from llm_manager.domain.configuration import (
        TokenSource as TokenSource,
    )
    from llm_manager.domain.configuration import (
        WeightsPolicy as WeightsPolicy,
    )
    from llm_manager.domain.conversations import (
        BranchPoint as BranchPoint,
    )
    from llm_manager.domain.conversations import (
        Conversation as Conversation,
    )
    from llm_manager.domain.conversations import (
        ConversationDescription as ConversationDescription,
    )
    from llm_manager.domain.conversations import (
        ConversationHead as ConversationHead,
    )
    from llm_manager.domain.conversations import (
        ConversationPage as ConversationPage,
    )
    from llm_manager.domain.conversations import (
        ConversationQuery as ConversationQuery,
    )
    from llm_manager.domain.conversations import (
        ConversationSummary as ConversationSummary,
    )
    from llm_manager.domain.conversations import (
        FoundTurn as FoundTurn,
    )
    from llm_manager.domain.conversations import (
        Turn as Turn,
    )
    from llm_manager.domain.embeddings import (
        Embeddings as Embeddings,
    )
    from llm_manager.domain.embeddings import (
        EmbedRequest as EmbedRequest,
    )
    from llm_manager.domain.embeddings import (
        Purpose as Purpose,
    )
    from llm_manager.domain.embeddings import (
        Vector as Vector,
    )
    from llm_manager.domain.error_questions import (
        charge_of as charge_of,
    )
    from llm_manager.domain.error_questions import (
        counts_for_breaker as counts_for_breaker,
    )
    from llm_manager.domain.error_questions import (
        describe as describe,
    )
    from llm_manager.domain.error_questions import (
        is_transient as is_transient,
    )
    from llm_manager.domain.error_questions import (
        may_fall_back as may_fall_back,
    )
    from llm_manager.domain.error_questions import (
        may_try_another_key as may_try_another_key,
    )
    from llm_manager.domain.error_questions import (
        meets_every_model as meets_every_model,
    )
    from llm_manager.domain.error_questions import (
        resend as resend,
    )
    from llm_manager.domain.error_questions import (
        retry_after as retry_after,
    )
    from llm_manager.domain.error_questions import (
        seed_tag as seed_tag,
    )
    from llm_manager.domain.errors import (
        AllModelsFailed as AllModelsFailed,
    )
    from llm_manager.domain.errors import (
        AttemptRecord as AttemptRecord,
    )
    from llm_manager.domain.errors import (
        AuthenticationFailed as AuthenticationFailed,
    )
    from llm_manager.domain.errors import (
        BudgetExceeded as BudgetExceeded,
    )
    from llm_manager.domain.errors import (
        Charge as Charge,
    )
    from llm_manager.domain.errors import (
        CircuitOpen as CircuitOpen,
    )
    from llm_manager.domain.errors import (
        ConfigurationError as ConfigurationError,
    )
    from llm_manager.domain.errors import (
        ContentFiltered as ContentFiltered,
    )
    from llm_manager.domain.errors import (
        ContextTooLarge as ContextTooLarge,
    )
    from llm_manager.domain.errors import (
        Fault as Fault,
    )
    from llm_manager.domain.errors import (
        InvalidRequest as InvalidRequest,
    )
    from llm_manager.domain.errors import (
        JobLocked as JobLocked,
    )
    from llm_manager.domain.errors import (
        LLMError as LLMError,
    )
    from llm_manager.domain.errors import (
        MalformedResponse as MalformedResponse,
    )
    from llm_manager.domain.errors import (
        ModelUnavailable as ModelUnavailable,
    )
    from llm_manager.domain.errors import (
        NetworkError as NetworkError,
    )
    from llm_manager.domain.errors import (
        Origin as Origin,
    )
    from llm_manager.domain.errors import (
        OutputInvalid as OutputInvalid,
    )
    from llm_manager.domain.errors import (
        PolicyBlocked as PolicyBlocked,
    )
    from llm_manager.domain.errors import (
        QuotaExhausted as QuotaExhausted,
    )
    from llm_manager.domain.errors import (
        RateLimitExceeded as RateLimitExceeded,
    )
    from llm_manager.domain.errors import (
        RequestTimeout as RequestTimeout,
    )
    from llm_manager.domain.errors import (
        Scope as Scope,
    )
    from llm_manager.domain.errors import (
        StorageFailed as StorageFailed,
    )
    from llm_manager.domain.errors import (
        StreamInterrupted as StreamInterrupted,
    )
    from llm_manager.domain.errors import (
        ToolFailed as ToolFailed,
    )
    from llm_manager.domain.events import (
        Answered as Answered,
    )
    from llm_manager.domain.events import (
        AttemptAnswered as AttemptAnswered,
    )
    from llm_manager.domain.events import (
        AttemptFailed as AttemptFailed,
    )
    from llm_manager.domain.events import (
        AttemptLeft as AttemptLeft,
    )
    from llm_manager.domain.events import (
        AttemptStarted as AttemptStarted,
    )
    from llm_manager.domain.events import (
        BreakerChanged as BreakerChanged,
    )
    from llm_manager.domain.events import (
        BudgetAlert as BudgetAlert,
    )
    from llm_manager.domain.events import (
        CacheFailed as CacheFailed,
    )
    from llm_manager.domain.events import (
        CacheHit as CacheHit,
    )
    from llm_manager.domain.events import (
        CallCancelled as CallCancelled,
    )
    from llm_manager.domain.events import (
        CallFailed as CallFailed,
    )
    from llm_manager.domain.events import (
        Event as Event,
    )
    from llm_manager.domain.events import (
        KeyChanged as KeyChanged,
    )
    from llm_manager.domain.events import (
        MovedOn as MovedOn,
    )
    from llm_manager.domain.events import (
        Operation as Operation,
    )
    from llm_manager.domain.events import (
        Paused as Paused,
    )
    from llm_manager.domain.events import (
        ServersProbed as ServersProbed,
    )
    from llm_manager.domain.events import (
        SharingLost as SharingLost,
    )
    from llm_manager.domain.events import (
        SharingRegained as SharingRegained,
    )
    from llm_manager.domain.events import (
        SimilarFound as SimilarFound,
    )
    from llm_manager.domain.events import (
        ToolCalled as ToolCalled,
    )
    from llm_manager.domain.events import (
        UsageReset as UsageReset,
    )
    from llm_manager.domain.images import (
        ImageRequest as ImageRequest,
    )
    from llm_manager.domain.images import (
        MadeImage as MadeImage,
    )
    from llm_manager.domain.images import (
        MadeImages as MadeImages,
    )
    from llm_manager.domain.local_models import (
        CatalogueModel as CatalogueModel,
    )
    from llm_manager.domain.local_models import (
        LocalModel as LocalModel,
    )
    from llm_manager.domain.local_models import (
        LocalModelDetails as LocalModelDetails,
    )
    from llm_manager.domain.local_models import (
        ModelUpdate as ModelUpdate,
    )
    from llm_manager.domain.local_models import (
        Placement as Placement,
    )
    from llm_manager.domain.local_models import (
        PullProgress as PullProgress,
    )
    from llm_manager.domain.local_models import (
        PullRole as PullRole,
    )
    from llm_manager.domain.local_models import (
        Recommendation as Recommendation,
    )
    from llm_manager.domain.local_models import (
        RunningModel as RunningModel,
    )
    from llm_manager.domain.messages import (
        DocumentData as DocumentData,
    )
    from llm_manager.domain.messages import (
        DocumentUrl as DocumentUrl,
    )
    from llm_manager.domain.messages import (
        ImageData as ImageData,
    )
    from llm_manager.domain.messages import (
        ImageUrl as ImageUrl,
    )
    from llm_manager.domain.messages import (
        Message as Message,
    )
    from llm_manager.domain.messages import (
        Part as Part,
    )
    from llm_manager.domain.messages import (
        Role as Role,
    )
    from llm_manager.domain.messages import (
        TextPart as TextPart,
    )
    from llm_manager.domain.messages import (
        Thought as Thought,
    )
    from llm_manager.domain.messages import (
        ToolCall as ToolCall,
    )
    from llm_manager.domain.messages import (
        ToolChoice as ToolChoice,
    )
    from llm_manager.domain.messages import (
        ToolSpec as ToolSpec,
    )
    from llm_manager.domain.messages import (
        UseTool as UseTool,
    )
    from llm_manager.domain.models import (
        FREE as FREE,
    )
    from llm_manager.domain.models import (
        Endpoint as Endpoint,
    )
    from llm_manager.domain.models import (
        Family as Family,
    )
    from llm_manager.domain.models import (
        Health as Health,
    )
    from llm_manager.domain.models import (
        KnownPrice as KnownPrice,
    )
    from llm_manager.domain.models import (
        Locality as Locality,
    )
    from llm_manager.domain.models import (
        ModelKind as ModelKind,
    )
    from llm_manager.domain.models import (
        ModelProfile as ModelProfile,
    )
    from llm_manager.domain.models import (
        Price as Price,
    )
    from llm_manager.domain.models import (
        PriceTier as PriceTier,
    )
    from llm_manager.domain.models import (
        Tier as Tier,
    )
    from llm_manager.domain.models import (
        UnknownPrice as UnknownPrice,
    )
    from llm_manager.domain.moderation import (
        Moderation as Moderation,
    )
    from llm_manager.domain.moderation import (
        ModerationRequest as ModerationRequest,
    )
    from llm_manager.domain.moderation import (
        Verdict as Verdict,
    )
    from llm_manager.domain.plans import (
        Candidate as Candidate,
    )
    from llm_manager.domain.plans import (
        Plan as Plan,
    )
    from llm_manager.domain.plans import (
        PlanStep as PlanStep,
    )
    from llm_manager.domain.plans import (
        PrivateRule as PrivateRule,
    )
    from llm_manager.domain.plans import (
        Refusal as Refusal,
    )
    from llm_manager.domain.plans import (
        RefusalRule as RefusalRule,
    )
    from llm_manager.domain.plans import (
        RoutingPolicy as RoutingPolicy,
    )
    from llm_manager.domain.plans import (
        Snapshot as Snapshot,
    )
    from llm_manager.domain.plans import (
        Strategy as Strategy,
    )
    from llm_manager.domain.plans import (
        TaskClassification as TaskClassification,
    )
    from llm_manager.domain.plans import (
        Unavailable as Unavailable,
    )
    from llm_manager.domain.rate_limits import (
        RateLimits as RateLimits,
    )
    from llm_manager.domain.requests import (
        AnyJson as AnyJson,
    )
    from llm_manager.domain.requests import (
        CachePolicy as CachePolicy,
    )
    from llm_manager.domain.requests import (
        Complexity as Complexity,
    )
    from llm_manager.domain.requests import (
        JsonSchema as JsonSchema,
    )
    from llm_manager.domain.requests import (
        LLMRequest as LLMRequest,
    )
    from llm_manager.domain.requests import (
        OutputForm as OutputForm,
    )
    from llm_manager.domain.requests import (
        PlainText as PlainText,
    )
    from llm_manager.domain.requests import (
        Preferences as Preferences,
    )
    from llm_manager.domain.requests import (
        Priority as Priority,
    )
    from llm_manager.domain.requests import (
        PromptCache as PromptCache,
    )
    from llm_manager.domain.requests import (
        Reasoning as Reasoning,
    )
    from llm_manager.domain.requests import (
        RequestMetadata as RequestMetadata,
    )
    from llm_manager.domain.requests import (
        Sensitivity as Sensitivity,
    )
    from llm_manager.domain.requests import (
        TaskType as TaskType,
    )
    from llm_manager.domain.responses import (
        Finish as Finish,
    )
    from llm_manager.domain.responses import (
        LLMResponse as LLMResponse,
    )
    from llm_manager.domain.runs import (
        RowState as RowState,
    )
    from llm_manager.domain.runs import (
        RunChange as RunChange,
    )
    from llm_manager.domain.runs import (
        RunCounts as RunCounts,
    )
    from llm_manager.domain.runs import (
        RunDoubt as RunDoubt,
    )
    from llm_manager.domain.runs import (
        RunPlan as RunPlan,
    )
    from llm_manager.domain.runs import (
        RunRecord as RunRecord,
    )
    from llm_manager.domain.runs import (
        RunRow as RunRow,
    )
    from llm_manager.domain.runs import (
        RunState as RunState,
    )
    from llm_manager.domain.secrets import (
        Secret as Secret,
    )
    from llm_manager.domain.similar import (
        AcceptSimilar as AcceptSimilar,
    )
    from llm_manager.domain.similar import (
        SimilarHit as SimilarHit,
    )
    from llm_manager.domain.similar import (
        SimilarSettings as SimilarSettings,
    )
    from llm_manager.domain.standing import (
        BreakerStanding as BreakerStanding,
    )
    from llm_manager.domain.standing import (
        BudgetStanding as BudgetStanding,
    )
    from llm_manager.domain.standing import (
        KeyStanding as KeyStanding,
    )
    from llm_manager.domain.standing import (
        ScopeStanding as ScopeStanding,
    )
    from llm_manager.domain.standing import (
        SharingStanding as SharingStanding,
    )
    from llm_manager.domain.standing import (
        Standing as Standing,
    )
    from llm_manager.domain.statistics import (
        Histogram as Histogram,
    )
    from llm_manager.domain.statistics import (
        Latencies as Latencies,
    )
    from llm_manager.domain.statistics import (
        ModelStatistics as ModelStatistics,
    )
    from llm_manager.domain.statistics import (
        ProviderSummary as ProviderSummary,
    )
    from llm_manager.domain.statistics import (
        Spending as Spending,
    )
    from llm_manager.domain.statistics import (
        Statistics as Statistics,
    )
    from llm_manager.domain.statistics import (
        Summary as Summary,
    )
    from llm_manager.domain.streaming import (
        ReasoningDelta as ReasoningDelta,
    )
    from llm_manager.domain.streaming import (
        StreamEvent as StreamEvent,
    )
    from llm_manager.domain.streaming import (
        StreamFinished as StreamFinished,
    )
    from llm_manager.domain.streaming import (
        TextDelta as TextDelta,
    )
    from llm_manager.domain.streaming import (
        ToolCallDelta as ToolCallDelta,
    )
    from llm_manager.domain.usage import (
        Cost as Cost,
    )
    from llm_manager.domain.usage import (
        Credits as Credits,
    )
    from llm_manager.domain.usage import (
        Most as Most,
    )
    from llm_manager.domain.usage import (
        Priced as Priced,
    )
    from llm_manager.domain.usage import (
        TokenCount as TokenCount,
    )
    from llm_manager.domain.usage import (
        Unpriced as Unpriced,
    )
    from llm_manager.domain.usage import (
        Usage as Usage,
    )
    from llm_manager.domain.usage_log import (
        DearCall as DearCall,
    )
    from llm_manager.domain.usage_log import (
        UsageGroup as UsageGroup,
    )
    from llm_manager.domain.usage_log import (
        UsageKey as UsageKey,
    )
    from llm_manager.domain.usage_log import (
        UsageQuery as UsageQuery,
    )
    from llm_manager.domain.usage_log import (
        UsageReport as UsageReport,
    )
    from llm_manager.domain.usage_log import (
        UsageTotals as UsageTotals,
    )
    from llm_manager.domain.usage_records import (
        UsageRecord as UsageRecord,
    )
    from llm_manager.domain.usage_stats import (
        UsageStats as UsageStats,
    )
    from llm_manager.domain.user_messages import (
        Recovery as Recovery,
    )
    from llm_manager.domain.user_messages import (
        moved_on_message as moved_on_message,
    )
    from llm_manager.domain.user_messages import (
        recovery as recovery,
    )
    from llm_manager.domain.user_messages import (
        user_message as user_message,
    )
    from llm_manager.domain.wire import (
        from_json as from_json,
    )
    from llm_manager.domain.wire import (
        from_plain as from_plain,
    )
    from llm_manager.domain.wire import (
        to_json as to_json,
    )
    from llm_manager.domain.wire import (
        to_plain as to_plain,
    )
    from llm_manager.effects import (
        publish as publish,
    )
    from llm_manager.effects import (
        settle as settle,
    )
    from llm_manager.orchestration.collecting import (
        collect as collect,
    )
    from llm_manager.outcomes import (
        Settled as Settled,
    )
    from llm_manager.outcomes import (
        sealed as sealed,
    )
    from llm_manager.policies.abilities import (
        Ability as Ability,
    )
    from llm_manager.policies.classification import (
        classify as classify,
    )
    from llm_manager.policies.conversation_json import (
        conversations_from_json as conversations_from_json,
    )
    from llm_manager.policies.conversation_json import (
        conversations_to_json as conversations_to_json,
    )
    from llm_manager.policies.conversation_markdown import (
        conversation_from_markdown as conversation_from_markdown,
    )
    from llm_manager.policies.conversation_markdown import (
        conversation_to_markdown as conversation_to_markdown,
    )
    from llm_manager.policies.estimating import (
        Estimate as Estimate,
    )
    from llm_manager.policies.estimating import (
        estimate as estimate,
    )
    from llm_manager.policies.expenses import (
        Expense as Expense,
    )
    from llm_manager.policies.expenses import (
        expenses as expenses,
    )
    from llm_manager.policies.latencies import (
        percentile as percentile,
    )
    from llm_manager.policies.local_models import (
        recommend as recommend,
    )
    from llm_manager.policies.local_models import (
        recommended_pulls as recommended_pulls,
    )
    from llm_manager.policies.model_search import (
        cheapest as cheapest,
    )
    from llm_manager.policies.model_search import (
        search_models as search_models,
    )
    from llm_manager.policies.parameters import Parameters as Parameters
    from llm_manager.policies.parameters import read_parameters as read_parameters
    from llm_manager.policies.printing import (
        printable as printable,
    )
    from llm_manager.policies.prompt_prefixes import (
        saved_by_prefixes as saved_by_prefixes,
    )
    from llm_manager.policies.provider_infos import (
        ProviderInfo as ProviderInfo,
    )
    from llm_manager.policies.provider_infos import (
        ProviderStatus as ProviderStatus,
    )
    from llm_manager.policies.provider_infos import (
        provider_statuses as provider_statuses,
    )
    from llm_manager.policies.references import (
        References as References,
    )
    from llm_manager.policies.references import (
        references as references,
    )
    from llm_manager.policies.request_faults import (
        check_request as check_request,
    )
    from llm_manager.policies.session_prompts import (
        session_prompt as session_prompt,
    )
    from llm_manager.policies.statistics import (
        summary as summary,
    )
    from llm_manager.policies.system_prompts import (
        SYSTEM_PROMPTS as SYSTEM_PROMPTS,
    )
    from llm_manager.policies.system_prompts import (
        PromptTemplate as PromptTemplate,
    )
    from llm_manager.policies.system_prompts import (
        render as render,
    )
    from llm_manager.policies.system_prompts import (
        system_prompt as system_prompt,
    )
    from llm_manager.policies.tool_prompts import (
        build_tool_prompt as build_tool_prompt,
    )
    from llm_manager.policies.usage_records import (
        usage_record as usage_record,
    )
    from llm_manager.services.cache import (
        Cache as Cache,
    )
    from llm_manager.services.conversation_storage import (
        ConversationStorage as ConversationStorage,
    )
    from llm_manager.services.guards import (
        Guards as Guards,
    )
    from llm_manager.services.journal import (
        Journal as Journal,
    )
    from llm_manager.services.local_models import (
        LocalModels as LocalModels,
    )
    from llm_manager.services.manager import (
        LLMManager as LLMManager,
    )
    from llm_manager.services.manager import (
        ManagerDeps as ManagerDeps,
    )
    from llm_manager.services.manager import (
        Structured as Structured,
    )
    from llm_manager.services.model_client import (
        ModelClient as ModelClient,
    )
    from llm_manager.services.model_router import (
        ModelRouter as ModelRouter,
    )
    from llm_manager.services.running import (
        FinishedRow as FinishedRow,
    )
    from llm_manager.services.running import (
        RunReport as RunReport,
    )
    from llm_manager.services.sharing import (
        Sharing as Sharing,
    )
    from llm_manager.services.similar import (
        Near as Near,
    )
    from llm_manager.services.similar import (
        SimilarPrompts as SimilarPrompts,
    )
    from llm_manager.services.tools import (
        Confirm as Confirm,
    )
    from llm_manager.services.tools import (
        ReadyCall as ReadyCall,
    )
    from llm_manager.services.tools import (
        Tool as Tool,
    )
    from llm_manager.services.tools import (
        ToolRun as ToolRun,
    )
    from llm_manager.services.tools import (
        ToolStep as ToolStep,
    )
    from llm_manager.services.world import (
        World as World,
    )
    from llm_manager.telemetry.usage_records import (
        UsageKeeper as UsageKeeper,
    )
    from llm_manager.telemetry.usage_records import (
        keeping_usage as keeping_usage,
    )
    from llm_manager.tools.descriptions import (
        read_tool_spec as read_tool_spec,
    )
    from llm_manager.tools.from_function import (
        tool_from_function as tool_from_function,
    )
    from llm_manager.tools.from_mcp import (
        tools_of_mcp_server as tools_of_mcp_server,
    )
    from llm_manager.tools.from_schema import (
        tool_from_schema as tool_from_schema,
    )
    from llm_manager.tools.mcp_connecting import (
        McpCommand as McpCommand,
    )
    from llm_manager.tools.mcp_connecting import (
        McpUrl as McpUrl,
    )
    from llm_manager.tools.mcp_server import (
        mcp_server_of as mcp_server_of,
    )
    from llm_manager.wiring.clients import (
        check_local_model_health as check_local_model_health,
    )
    from llm_manager.wiring.clients import (
        create_default_local_client as create_default_local_client,
    )
    from llm_manager.wiring.clients import (
        list_providers as list_providers,
    )
    from llm_manager.wiring.clients import (
        make_model_client as make_model_client,
    )
    from llm_manager.wiring.clients import (
        validate_provider_config as validate_provider_config,
    )
    from llm_manager.wiring.configuring import (
        load_config as load_config,
    )
    from llm_manager.wiring.deps import (
        default_deps as default_deps,
    )
    from llm_manager.wiring.deps import (
        make_guards as make_guards,
    )
    from llm_manager.wiring.deps import (
        make_model_router as make_model_router,
    )
    from llm_manager.wiring.managers import (
        create_default_llm_manager as create_default_llm_manager,
    )
    from llm_manager.wiring.managers import (
        make_llm_manager as make_llm_manager,
    )

_HOMES = {
    "Ability": "llm_manager.policies.abilities",
    "AcceptSimilar": "llm_manager.domain.similar",
    "AdmissionSettings": "llm_manager.domain.configuration",
    "AllModelsFailed": "llm_manager.domain.errors",
    "Answered": "llm_manager.domain.events",
    "AnyJson": "llm_manager.domain.requests",
    "Attempt": "llm_manager.domain.attempts",
    "AttemptAnswered": "llm_manager.domain.events",
    "AttemptFailed": "llm_manager.domain.events",
    "AttemptLeft": "llm_manager.domain.events",
    "AttemptRecord": "llm_manager.domain.errors",
    "AttemptStarted": "llm_manager.domain.events",
    "AuthenticationFailed": "llm_manager.domain.errors",
    "BlockingManager": "llm_manager.blocking",
    "BranchPoint": "llm_manager.domain.conversations",
    "BreakerChanged": "llm_manager.domain.events",
    "BreakerSettings": "llm_manager.domain.configuration",
    "BreakerStanding": "llm_manager.domain.standing",
    "Budget": "llm_manager.domain.configuration",
    "BudgetAlert": "llm_manager.domain.events",
    "BudgetExceeded": "llm_manager.domain.errors",
    "BudgetStanding": "llm_manager.domain.standing",
    "Cache": "llm_manager.services.cache",
    "CacheFailed": "llm_manager.domain.events",
    "CacheHit": "llm_manager.domain.events",
    "CachePolicy": "llm_manager.domain.requests",
    "CacheReport": "llm_manager.domain.caching",
    "CacheSettings": "llm_manager.domain.configuration",
    "CacheStatistics": "llm_manager.domain.caching",
    "CachedModel": "llm_manager.domain.caching",
    "CallCancelled": "llm_manager.domain.events",
    "CallFailed": "llm_manager.domain.events",
    "Candidate": "llm_manager.domain.plans",
    "CatalogueModel": "llm_manager.domain.local_models",
    "Charge": "llm_manager.domain.errors",
    "CircuitOpen": "llm_manager.domain.errors",
    "Complexity": "llm_manager.domain.requests",
    "ConfigurationError": "llm_manager.domain.errors",
    "Confirm": "llm_manager.services.tools",
    "ContentFiltered": "llm_manager.domain.errors",
    "ContextSettings": "llm_manager.domain.configuration",
    "ContextTooLarge": "llm_manager.domain.errors",
    "Conversation": "llm_manager.domain.conversations",
    "ConversationDescription": "llm_manager.domain.conversations",
    "ConversationHead": "llm_manager.domain.conversations",
    "ConversationPage": "llm_manager.domain.conversations",
    "ConversationQuery": "llm_manager.domain.conversations",
    "ConversationStorage": "llm_manager.services.conversation_storage",
    "ConversationSummary": "llm_manager.domain.conversations",
    "Cost": "llm_manager.domain.usage",
    "Credits": "llm_manager.domain.usage",
    "DearCall": "llm_manager.domain.usage_log",
    "DisplaySettings": "llm_manager.domain.configuration",
    "DocumentData": "llm_manager.domain.messages",
    "DocumentUrl": "llm_manager.domain.messages",
    "EmbedRequest": "llm_manager.domain.embeddings",
    "EmbeddedSettings": "llm_manager.domain.configuration",
    "Embeddings": "llm_manager.domain.embeddings",
    "Endpoint": "llm_manager.domain.models",
    "Estimate": "llm_manager.policies.estimating",
    "Event": "llm_manager.domain.events",
    "Expense": "llm_manager.policies.expenses",
    "FREE": "llm_manager.domain.models",
    "Failure": "returns.result",
    "Family": "llm_manager.domain.models",
    "Fault": "llm_manager.domain.errors",
    "Finish": "llm_manager.domain.responses",
    "FinishedRow": "llm_manager.services.running",
    "Forgetting": "llm_manager.domain.caching",
    "FoundTurn": "llm_manager.domain.conversations",
    "FutureResult": "returns.future",
    "Guards": "llm_manager.services.guards",
    "Health": "llm_manager.domain.models",
    "HedgingSettings": "llm_manager.domain.configuration",
    "Histogram": "llm_manager.domain.statistics",
    "ImageData": "llm_manager.domain.messages",
    "ImageRequest": "llm_manager.domain.images",
    "ImageUrl": "llm_manager.domain.messages",
    "InvalidRequest": "llm_manager.domain.errors",
    "JobLocked": "llm_manager.domain.errors",
    "Journal": "llm_manager.services.journal",
    "JsonSchema": "llm_manager.domain.requests",
    "KeyChanged": "llm_manager.domain.events",
    "KeyRotation": "llm_manager.domain.configuration",
    "KeySource": "llm_manager.domain.configuration",
    "KeyStanding": "llm_manager.domain.standing",
    "KnownPrice": "llm_manager.domain.models",
    "LLMConfig": "llm_manager.domain.configuration",
    "LLMError": "llm_manager.domain.errors",
    "LLMManager": "llm_manager.services.manager",
    "LLMRequest": "llm_manager.domain.requests",
    "LLMResponse": "llm_manager.domain.responses",
    "Latencies": "llm_manager.domain.statistics",
    "Ledger": "llm_manager.domain.attempts",
    "LocalModel": "llm_manager.domain.local_models",
    "LocalModelDetails": "llm_manager.domain.local_models",
    "LocalModels": "llm_manager.services.local_models",
    "Locality": "llm_manager.domain.models",
    "MadeImage": "llm_manager.domain.images",
    "MadeImages": "llm_manager.domain.images",
    "MalformedResponse": "llm_manager.domain.errors",
    "ManagerDeps": "llm_manager.services.manager",
    "McpCommand": "llm_manager.tools.mcp_connecting",
    "McpUrl": "llm_manager.tools.mcp_connecting",
    "Message": "llm_manager.domain.messages",
    "ModelClient": "llm_manager.services.model_client",
    "ModelKind": "llm_manager.domain.models",
    "ModelProfile": "llm_manager.domain.models",
    "ModelRouter": "llm_manager.services.model_router",
    "ModelStatistics": "llm_manager.domain.statistics",
    "ModelUnavailable": "llm_manager.domain.errors",
    "ModelUpdate": "llm_manager.domain.local_models",
    "Moderation": "llm_manager.domain.moderation",
    "ModerationRequest": "llm_manager.domain.moderation",
    "Most": "llm_manager.domain.usage",
    "MovedOn": "llm_manager.domain.events",
    "Near": "llm_manager.services.similar",
    "NetworkError": "llm_manager.domain.errors",
    "NetworkSettings": "llm_manager.domain.configuration",
    "Operation": "llm_manager.domain.events",
    "Origin": "llm_manager.domain.errors",
    "OutputForm": "llm_manager.domain.requests",
    "OutputInvalid": "llm_manager.domain.errors",
    "Parameters": "llm_manager.policies.parameters",
    "Part": "llm_manager.domain.messages",
    "Paused": "llm_manager.domain.events",
    "PerformanceSettings": "llm_manager.domain.configuration",
    "Placement": "llm_manager.domain.local_models",
    "PlainText": "llm_manager.domain.requests",
    "Plan": "llm_manager.domain.plans",
    "PlanStep": "llm_manager.domain.plans",
    "PolicyBlocked": "llm_manager.domain.errors",
    "Preferences": "llm_manager.domain.requests",
    "Price": "llm_manager.domain.models",
    "PriceTier": "llm_manager.domain.models",
    "Priced": "llm_manager.domain.usage",
    "Priority": "llm_manager.domain.requests",
    "PrivacySettings": "llm_manager.domain.configuration",
    "PrivateRule": "llm_manager.domain.plans",
    "PromptCache": "llm_manager.domain.requests",
    "PromptTemplate": "llm_manager.policies.system_prompts",
    "Provenance": "llm_manager.domain.caching",
    "ProviderInfo": "llm_manager.policies.provider_infos",
    "ProviderSettings": "llm_manager.domain.configuration",
    "ProviderStatus": "llm_manager.policies.provider_infos",
    "ProviderSummary": "llm_manager.domain.statistics",
    "PullProgress": "llm_manager.domain.local_models",
    "PullRole": "llm_manager.domain.local_models",
    "Purpose": "llm_manager.domain.embeddings",
    "QuotaExhausted": "llm_manager.domain.errors",
    "RateLimitExceeded": "llm_manager.domain.errors",
    "RateLimits": "llm_manager.domain.rate_limits",
    "ReadyCall": "llm_manager.services.tools",
    "Reasoning": "llm_manager.domain.requests",
    "ReasoningDelta": "llm_manager.domain.streaming",
    "Recommendation": "llm_manager.domain.local_models",
    "Recovery": "llm_manager.domain.user_messages",
    "References": "llm_manager.policies.references",
    "Refusal": "llm_manager.domain.plans",
    "RefusalRule": "llm_manager.domain.plans",
    "Remembered": "llm_manager.domain.caching",
    "RequestMetadata": "llm_manager.domain.requests",
    "RequestTimeout": "llm_manager.domain.errors",
    "Result": "returns.result",
    "Role": "llm_manager.domain.messages",
    "RoutingPolicy": "llm_manager.domain.plans",
    "RowState": "llm_manager.domain.runs",
    "RunChange": "llm_manager.domain.runs",
    "RunCounts": "llm_manager.domain.runs",
    "RunDoubt": "llm_manager.domain.runs",
    "RunPlan": "llm_manager.domain.runs",
    "RunRecord": "llm_manager.domain.runs",
    "RunReport": "llm_manager.services.running",
    "RunRow": "llm_manager.domain.runs",
    "RunState": "llm_manager.domain.runs",
    "RunningModel": "llm_manager.domain.local_models",
    "SYSTEM_PROMPTS": "llm_manager.policies.system_prompts",
    "Scope": "llm_manager.domain.errors",
    "ScopeStanding": "llm_manager.domain.standing",
    "Secret": "llm_manager.domain.secrets",
    "Sensitivity": "llm_manager.domain.requests",
    "ServersProbed": "llm_manager.domain.events",
    "Settled": "llm_manager.outcomes",
    "Sharing": "llm_manager.services.sharing",
    "SharingLost": "llm_manager.domain.events",
    "SharingRegained": "llm_manager.domain.events",
    "SharingStanding": "llm_manager.domain.standing",
    "Sign": "llm_manager.domain.configuration",
    "SimilarFound": "llm_manager.domain.events",
    "SimilarHit": "llm_manager.domain.similar",
    "SimilarPrompts": "llm_manager.services.similar",
    "SimilarSettings": "llm_manager.domain.similar",
    "SimilarStatistics": "llm_manager.domain.caching",
    "Snapshot": "llm_manager.domain.plans",
    "Spending": "llm_manager.domain.statistics",
    "Standing": "llm_manager.domain.standing",
    "Statistics": "llm_manager.domain.statistics",
    "StorageFailed": "llm_manager.domain.errors",
    "StoreSettings": "llm_manager.domain.configuration",
    "Strategy": "llm_manager.domain.plans",
    "StreamEvent": "llm_manager.domain.streaming",
    "StreamFinished": "llm_manager.domain.streaming",
    "StreamInterrupted": "llm_manager.domain.errors",
    "Structured": "llm_manager.services.manager",
    "Success": "returns.result",
    "Summary": "llm_manager.domain.statistics",
    "TaskClassification": "llm_manager.domain.plans",
    "TaskType": "llm_manager.domain.requests",
    "TextDelta": "llm_manager.domain.streaming",
    "TextPart": "llm_manager.domain.messages",
    "Thought": "llm_manager.domain.messages",
    "Tier": "llm_manager.domain.models",
    "TokenCount": "llm_manager.domain.usage",
    "TokenSource": "llm_manager.domain.configuration",
    "Tool": "llm_manager.services.tools",
    "ToolCall": "llm_manager.domain.messages",
    "ToolCallDelta": "llm_manager.domain.streaming",
    "ToolCalled": "llm_manager.domain.events",
    "ToolChoice": "llm_manager.domain.messages",
    "ToolFailed": "llm_manager.domain.errors",
    "ToolRun": "llm_manager.services.tools",
    "ToolSpec": "llm_manager.domain.messages",
    "ToolStep": "llm_manager.services.tools",
    "Turn": "llm_manager.domain.conversations",
    "Unavailable": "llm_manager.domain.plans",
    "UnknownPrice": "llm_manager.domain.models",
    "Unpriced": "llm_manager.domain.usage",
    "Usage": "llm_manager.domain.usage",
    "UsageGroup": "llm_manager.domain.usage_log",
    "UsageKeeper": "llm_manager.telemetry.usage_records",
    "UsageKey": "llm_manager.domain.usage_log",
    "UsageQuery": "llm_manager.domain.usage_log",
    "UsageRecord": "llm_manager.domain.usage_records",
    "UsageReport": "llm_manager.domain.usage_log",
    "UsageReset": "llm_manager.domain.events",
    "UsageStats": "llm_manager.domain.usage_stats",
    "UsageTotals": "llm_manager.domain.usage_log",
    "UseTool": "llm_manager.domain.messages",
    "Vector": "llm_manager.domain.embeddings",
    "Verdict": "llm_manager.domain.moderation",
    "WeightsPolicy": "llm_manager.domain.configuration",
    "World": "llm_manager.services.world",
    "build_tool_prompt": "llm_manager.policies.tool_prompts",
    "charge_of": "llm_manager.domain.error_questions",
    "cheapest": "llm_manager.policies.model_search",
    "check_local_model_health": "llm_manager.wiring.clients",
    "check_request": "llm_manager.policies.request_faults",
    "classify": "llm_manager.policies.classification",
    "collect": "llm_manager.orchestration.collecting",
    "conversation_from_markdown": "llm_manager.policies.conversation_markdown",
    "conversation_to_markdown": "llm_manager.policies.conversation_markdown",
    "conversations_from_json": "llm_manager.policies.conversation_json",
    "conversations_to_json": "llm_manager.policies.conversation_json",
    "counts_for_breaker": "llm_manager.domain.error_questions",
    "create_default_llm_manager": "llm_manager.wiring.managers",
    "create_default_local_client": "llm_manager.wiring.clients",
    "default_deps": "llm_manager.wiring.deps",
    "describe": "llm_manager.domain.error_questions",
    "estimate": "llm_manager.policies.estimating",
    "expenses": "llm_manager.policies.expenses",
    "from_json": "llm_manager.domain.wire",
    "from_plain": "llm_manager.domain.wire",
    "is_transient": "llm_manager.domain.error_questions",
    "keeping_usage": "llm_manager.telemetry.usage_records",
    "list_providers": "llm_manager.wiring.clients",
    "load_config": "llm_manager.wiring.configuring",
    "make_guards": "llm_manager.wiring.deps",
    "make_llm_manager": "llm_manager.wiring.managers",
    "make_model_client": "llm_manager.wiring.clients",
    "make_model_router": "llm_manager.wiring.deps",
    "may_fall_back": "llm_manager.domain.error_questions",
    "may_try_another_key": "llm_manager.domain.error_questions",
    "mcp_server_of": "llm_manager.tools.mcp_server",
    "meets_every_model": "llm_manager.domain.error_questions",
    "moved_on_message": "llm_manager.domain.user_messages",
    "percentile": "llm_manager.policies.latencies",
    "printable": "llm_manager.policies.printing",
    "provider_statuses": "llm_manager.policies.provider_infos",
    "publish": "llm_manager.effects",
    "read_parameters": "llm_manager.policies.parameters",
    "read_tool_spec": "llm_manager.tools.descriptions",
    "recommend": "llm_manager.policies.local_models",
    "recommended_pulls": "llm_manager.policies.local_models",
    "recovery": "llm_manager.domain.user_messages",
    "references": "llm_manager.policies.references",
    "render": "llm_manager.policies.system_prompts",
    "resend": "llm_manager.domain.error_questions",
    "retry_after": "llm_manager.domain.error_questions",
    "saved_by_prefixes": "llm_manager.policies.prompt_prefixes",
    "sealed": "llm_manager.outcomes",
    "search_models": "llm_manager.policies.model_search",
    "seed_tag": "llm_manager.domain.error_questions",
    "session_prompt": "llm_manager.policies.session_prompts",
    "settle": "llm_manager.effects",
    "summary": "llm_manager.policies.statistics",
    "system_prompt": "llm_manager.policies.system_prompts",
    "to_json": "llm_manager.domain.wire",
    "to_plain": "llm_manager.domain.wire",
    "tool_from_function": "llm_manager.tools.from_function",
    "tool_from_schema": "llm_manager.tools.from_schema",
    "tools_of_mcp_server": "llm_manager.tools.from_mcp",
    "usage_record": "llm_manager.policies.usage_records",
    "user_message": "llm_manager.domain.user_messages",
    "validate_provider_config": "llm_manager.wiring.clients",
}

__all__ = (
    "FREE",
    "SYSTEM_PROMPTS",
    "Ability",
    "AcceptSimilar",
    "AdmissionSettings",
    "AllModelsFailed",
    "Answered",
    "AnyJson",
    "Attempt",
    "AttemptAnswered",
    "AttemptFailed",
    "AttemptLeft",
    "AttemptRecord",
    "AttemptStarted",
    "AuthenticationFailed",
    "BlockingManager",
    "BranchPoint",
    "BreakerChanged",
    "BreakerSettings",
    "BreakerStanding",
    "Budget",
    "BudgetAlert",
    "BudgetExceeded",
    "BudgetStanding",
    "Cache",
    "CacheFailed",
    "CacheHit",
    "CachePolicy",
    "CacheReport",
    "CacheSettings",
    "CacheStatistics",
    "CachedModel",
    "CallCancelled",
    "CallFailed",
    "Candidate",
    "CatalogueModel",
    "Charge",
    "CircuitOpen",
    "Complexity",
    "ConfigurationError",
    "Confirm",
    "ContentFiltered",
    "ContextSettings",
    "ContextTooLarge",
    "Conversation",
    "ConversationDescription",
    "ConversationHead",
    "ConversationPage",
    "ConversationQuery",
    "ConversationStorage",
    "ConversationSummary",
    "Cost",
    "Credits",
    "DearCall",
    "DisplaySettings",
    "DocumentData",
    "DocumentUrl",
    "EmbedRequest",
    "EmbeddedSettings",
    "Embeddings",
    "Endpoint",
    "Estimate",
    "Event",
    "Expense",
    "Failure",
    "Family",
    "Fault",
    "Finish",
    "FinishedRow",
    "Forgetting",
    "FoundTurn",
    "FutureResult",
    "Guards",
    "Health",
    "HedgingSettings",
    "Histogram",
    "ImageData",
    "ImageRequest",
    "ImageUrl",
    "InvalidRequest",
    "JobLocked",
    "Journal",
    "JsonSchema",
    "KeyChanged",
    "KeyRotation",
    "KeySource",
    "KeyStanding",
    "KnownPrice",
    "LLMConfig",
    "LLMError",
    "LLMManager",
    "LLMRequest",
    "LLMResponse",
    "Latencies",
    "Ledger",
    "LocalModel",
    "LocalModelDetails",
    "LocalModels",
    "Locality",
    "MadeImage",
    "MadeImages",
    "MalformedResponse",
    "ManagerDeps",
    "McpCommand",
    "McpUrl",
    "Message",
    "ModelClient",
    "ModelKind",
    "ModelProfile",
    "ModelRouter",
    "ModelStatistics",
    "ModelUnavailable",
    "ModelUpdate",
    "Moderation",
    "ModerationRequest",
    "Most",
    "MovedOn",
    "Near",
    "NetworkError",
    "NetworkSettings",
    "Operation",
    "Origin",
    "OutputForm",
    "OutputInvalid",
    "Parameters",
    "Part",
    "Paused",
    "PerformanceSettings",
    "Placement",
    "PlainText",
    "Plan",
    "PlanStep",
    "PolicyBlocked",
    "Preferences",
    "Price",
    "PriceTier",
    "Priced",
    "Priority",
    "PrivacySettings",
    "PrivateRule",
    "PromptCache",
    "PromptTemplate",
    "Provenance",
    "ProviderInfo",
    "ProviderSettings",
    "ProviderStatus",
    "ProviderSummary",
    "PullProgress",
    "PullRole",
    "Purpose",
    "QuotaExhausted",
    "RateLimitExceeded",
    "RateLimits",
    "ReadyCall",
    "Reasoning",
    "ReasoningDelta",
    "Recommendation",
    "Recovery",
    "References",
    "Refusal",
    "RefusalRule",
    "Remembered",
    "RequestMetadata",
    "RequestTimeout",
    "Result",
    "Role",
    "RoutingPolicy",
    "RowState",
    "RunChange",
    "RunCounts",
    "RunDoubt",
    "RunPlan",
    "RunRecord",
    "RunReport",
    "RunRow",
    "RunState",
    "RunningModel",
    "Scope",
    "ScopeStanding",
    "Secret",
    "Sensitivity",
    "ServersProbed",
    "Settled",
    "Sharing",
    "SharingLost",
    "SharingRegained",
    "SharingStanding",
    "Sign",
    "SimilarFound",
    "SimilarHit",
    "SimilarPrompts",
    "SimilarSettings",
    "SimilarStatistics",
    "Snapshot",
    "Spending",
    "Standing",
    "Statistics",
    "StorageFailed",
    "StoreSettings",
    "Strategy",
    "StreamEvent",
    "StreamFinished",
    "StreamInterrupted",
    "Structured",
    "Success",
    "Summary",
    "TaskClassification",
    "TaskType",
    "TextDelta",
    "TextPart",
    "Thought",
    "Tier",
    "TokenCount",
    "TokenSource",
    "Tool",
    "ToolCall",
    "ToolCallDelta",
    "ToolCalled",
    "ToolChoice",
    "ToolFailed",
    "ToolRun",
    "ToolSpec",
    "ToolStep",
    "Turn",
    "Unavailable",
    "UnknownPrice",
    "Unpriced",
    "Usage",
    "UsageGroup",
    "UsageKeeper",
    "UsageKey",
    "UsageQuery",
    "UsageRecord",
    "UsageReport",
    "UsageReset",
    "UsageStats",
    "UsageTotals",
    "UseTool",
    "Vector",
    "Verdict",
    "WeightsPolicy",
    "World",
    "blocking",
    "build_tool_prompt",
    "charge_of",
    "cheapest",
    "check_local_model_health",
    "check_request",
    "classify",
    "collect",
    "conversation_from_markdown",
    "conversation_to_markdown",
    "conversations_from_json",
    "conversations_to_json",
    "counts_for_breaker",
    "create_default_llm_manager",
    "create_default_local_client",
    "default_deps",
    "describe",
    "estimate",
    "expenses",
    "from_json",
    "from_plain",
    "is_transient",
    "keeping_usage",
    "list_providers",
    "load_config",
    "make_guards",
    "make_llm_manager",
    "make_model_client",
    "make_model_router",
    "may_fall_back",
    "may_try_another_key",
    "mcp_server_of",
    "meets_every_model",
    "moved_on_message",
    "percentile",
    "printable",
    "programs",
    "provider_statuses",
    "publish",
    "read_parameters",
    "read_tool_spec",
    "recommend",
    "recommended_pulls",
    "recovery",
    "references",
    "render",
    "resend",
    "retry_after",
    "saved_by_prefixes",
    "sealed",
    "search_models",
    "seed_tag",
    "session_prompt",
    "settle",
    "summary",
    "system_prompt",
    "to_json",
    "to_plain",
    "tool_from_function",
    "tool_from_schema",
    "tools_of_mcp_server",
    "usage_record",
    "user_message",
    "validate_provider_config",
)


def __getattr__(name: str) -> object:
    if name == "programs":
        return import_module("llm_manager.programs")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


class _Package(ModuleType):
    """Keeps the function `blocking` in its place: loading the module of that name would put the module there."""

    @property
    def blocking(self) -> object:
        return import_module("llm_manager.blocking").blocking

    @blocking.setter
    def blocking(self, module: object) -> None:
        """The import system offers the module; it is found by its full name."""


sys.modules[__name__].__class__ = _Package
