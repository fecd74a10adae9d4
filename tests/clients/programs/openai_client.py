"""The openai package, of any major version since 1."""

import asyncio

import openai
from checks import CHAT, EMBEDDING, QUESTION, check, main, refusal, told

client = openai.OpenAI(max_retries=0)
MESSAGES = [{"role": "user", "content": QUESTION}]


@check
def lists_models() -> None:
    assert {CHAT, EMBEDDING} <= {model.id for model in client.models.list()}
    assert client.models.retrieve(CHAT).object == "model"


@check
def chats() -> None:
    answer = client.chat.completions.create(model=CHAT, messages=MESSAGES, temperature=0)
    told(answer.choices[0].message.content)
    assert answer.model == CHAT
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer._request_id.startswith("req-")


@check
def streams_without_usage() -> None:
    chunks = list(client.chat.completions.create(model=CHAT, messages=MESSAGES, temperature=0, stream=True))
    told("".join(chunk.choices[0].delta.content or "" for chunk in chunks))
    assert len({chunk.id for chunk in chunks}) == 1
    assert not any(chunk.usage for chunk in chunks)


@check
def streams_with_usage() -> None:
    options = {"include_usage": True}
    chunks = list(
        client.chat.completions.create(model=CHAT, messages=MESSAGES, stream=True, stream_options=options, max_tokens=8)
    )
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens <= 8


@check
def streams_asynchronously() -> None:
    async def run() -> str:
        async with openai.AsyncOpenAI(max_retries=0) as asynchronous:
            stream = await asynchronous.chat.completions.create(
                model=CHAT, messages=MESSAGES, temperature=0, stream=True
            )
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    told(asyncio.run(run()))


@check
def gives_log_probabilities() -> None:
    answer = client.chat.completions.create(
        model=CHAT, messages=MESSAGES, max_tokens=3, logprobs=True, top_logprobs=2, temperature=0
    )
    assert len(answer.choices[0].logprobs.content[0].top_logprobs) == 2


@check
def keeps_to_a_json_schema() -> None:
    schema = {
        "type": "object",
        "properties": {"kind": {"type": "string", "enum": ["box", "boat"]}},
        "required": ["kind"],
        "additionalProperties": False,
    }
    answer = client.chat.completions.create(
        model=CHAT,
        messages=MESSAGES,
        response_format={"type": "json_schema", "json_schema": {"name": "thing", "schema": schema, "strict": True}},
        max_tokens=40,
        temperature=0,
    )
    assert '"kind"' in answer.choices[0].message.content


@check
def passes_engine_extras() -> None:
    answer = client.chat.completions.create(
        model=CHAT, messages=MESSAGES, max_tokens=4, extra_body={"top_k": 1, "min_p": 0.0, "repetition_penalty": 1.0}
    )
    assert answer.choices


@check
def completes() -> None:
    answer = client.completions.create(model=CHAT, prompt="Thousand Sails is", max_tokens=4)
    assert answer.choices[0].text


@check
def embeds_both_ways() -> None:
    packed = client.embeddings.create(model=EMBEDDING, input=["one", "two"])
    plain = client.embeddings.create(model=EMBEDDING, input=["one", "two"], encoding_format="float")
    assert len(packed.data) == 2
    assert max(abs(a - b) for a, b in zip(packed.data[0].embedding, plain.data[0].embedding, strict=True)) < 1e-3


@check
def says_what_is_wrong() -> None:
    create = client.chat.completions.create
    unknown = refusal(openai.NotFoundError, lambda: create(model="no-such-model", messages=MESSAGES))
    assert unknown.code == "model_not_found"
    assert unknown.request_id
    empty = refusal(openai.BadRequestError, lambda: create(model=CHAT, messages=[]))
    assert empty.param == "messages"
    stranger = openai.OpenAI(api_key="sk-wrong", max_retries=0)
    assert refusal(openai.AuthenticationError, stranger.models.list).code == "invalid_api_key"


@check
def refuses_what_is_too_long() -> None:
    messages = [{"role": "user", "content": "sail " * 20000}]
    error = refusal(openai.BadRequestError, lambda: client.chat.completions.create(model=CHAT, messages=messages))
    assert error.code == "context_length_exceeded"


if __name__ == "__main__":
    main()
