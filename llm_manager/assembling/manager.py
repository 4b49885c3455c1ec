"""The record of functions that a user holds, put together."""

from functools import partial

from llm_manager.assembling.besides import besides_of
from llm_manager.assembling.chats import chats_of, likeness_of
from llm_manager.assembling.house import house_of
from llm_manager.effects import publish
from llm_manager.orchestration.asking_once import creating_images, moderating
from llm_manager.orchestration.batching import batching
from llm_manager.orchestration.calling_tools import calling_tools
from llm_manager.orchestration.checking import telling_credits
from llm_manager.orchestration.clearing import clearing, telling_cache
from llm_manager.orchestration.conversing import conversing, conversing_streams
from llm_manager.orchestration.counting import Routes, counting_tokens
from llm_manager.orchestration.embedding import embedding
from llm_manager.orchestration.forgetting import forgetting
from llm_manager.orchestration.generating import Turns, answering_rows, generating, going_on
from llm_manager.orchestration.limiting import LimitingDeps, checking_limits
from llm_manager.orchestration.performing import Performing
from llm_manager.orchestration.recalling import RecallingDeps
from llm_manager.orchestration.remembering import remembering
from llm_manager.orchestration.streaming import streaming
from llm_manager.orchestration.structuring import describe, read, structuring
from llm_manager.orchestration.tending import reporting_usage, resetting_breakers, resetting_usage, telling_usage
from llm_manager.policies.classification import is_private
from llm_manager.policies.usage_stats import usage_of
from llm_manager.runs.doing import DoingDeps, doing
from llm_manager.services.manager import LLMManager, ManagerDeps


def assembled(deps: ManagerDeps) -> LLMManager:
    """Put a manager together; this does no I/O."""
    config, world, now = deps.config, deps.world, deps.world.now
    house = house_of(deps)
    knowledge, journal, guards, statistics = house.knowledge, house.journal, house.guards, house.statistics
    besides = besides_of(house)
    embed = embedding(besides, deps.vectors if config.cache.enabled else None)
    likeness = likeness_of(house, embed)
    calls, opened = chats_of(house, likeness)
    turns = Turns(ask=going_on(calls, world), max_retries=config.routing.max_retries, now=now)
    recalling = RecallingDeps(
        turns=turns,
        context=config.context,
        world=world,
        find_window=house.window,
        is_private=partial(is_private, policy=config.routing),
    )
    conversations = forgetting(deps.conversations, config.context.retention_days, world.wall)
    performing = Performing(world=world, journal=journal, routing=config.routing, concurrent=config.performance.concurrent_tools)
    generate_all = batching(answering_rows(calls, world), house.fitting, config.performance.patience_seconds, now)
    return LLMManager(
        generate=publish(generating(calls, world)),
        stream=streaming(opened, world),
        generate_all=generate_all,
        run=doing(
            DoingDeps(
                world=world,
                generate_all=generate_all,
                plan=house.plan,
                discover=publish(house.look),
                standing=house.standing,
                describe=describe,
                read=read,
                store=deps.store,
                scratch=deps.scratch,
            )
        ),
        generate_as=structuring(turns, config.performance.output_retries),
        converse=conversing(recalling, conversations),
        converse_stream=conversing_streams(recalling, conversations, opened),
        conversations=conversations,
        call_tools=calling_tools(turns.ask, performing),
        embed=embed,
        moderate=moderating(besides),
        create_image=creating_images(besides),
        count_tokens=counting_tokens(besides, Routes(router=deps.router, snapshot=house.snapshot)),
        plan=house.plan,
        health=publish(house.health),
        stats=statistics.read,
        standing=house.standing,
        reset_breaker=resetting_breakers(guards, knowledge.clients, journal.emit),
        usage=telling_usage(lambda provider: usage_of(statistics.read(), house.standing(), config.budgets, provider), knowledge.clients),
        usage_report=reporting_usage(deps.store),
        check_limits=checking_limits(LimitingDeps(plan=house.plan, clients=knowledge.clients, guards=guards, now=now)),
        forget=clearing(deps.cache, deps.vectors),
        cache_statistics=telling_cache(deps.cache, deps.vectors, None if likeness is None else likeness.statistics),
        remembered=remembering(
            house.plan,
            knowledge.clients,
            deps.cache if config.cache.enabled else None,
            stable_prompts=config.performance.stable_prompts,
        ),
        reset_usage=resetting_usage(guards, journal.emit),
        recall_budgets=publish(guards.budgets.recall),
        models=publish(house.models),
        credits=telling_credits(knowledge.clients, house.forbidden),
        discover=publish(house.look),
        close=house.close,
    )
