"""openai-agents: an agent's run over chat completions, and over responses."""

import asyncio

from agents import Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, set_tracing_disabled
from checks import CHAT, QUESTION, check, main, told
from openai import AsyncOpenAI

set_tracing_disabled(True)


def run(kind: type[OpenAIChatCompletionsModel] | type[OpenAIResponsesModel]) -> str:
    async def answered() -> str:
        async with AsyncOpenAI(max_retries=0) as client:
            agent = Agent(name="mate", model=kind(model=CHAT, openai_client=client))
            return str((await Runner.run(agent, QUESTION)).final_output)

    return asyncio.run(answered())


@check
def runs_over_chat() -> None:
    told(run(OpenAIChatCompletionsModel))


@check
def runs_over_responses() -> None:
    told(run(OpenAIResponsesModel))


if __name__ == "__main__":
    main()
