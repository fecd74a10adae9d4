"""litellm as a client library."""

import litellm
from checks import BASE_URL, CHAT, EMBEDDING, KEY, QUESTION, check, main, told

MESSAGES = [{"role": "user", "content": QUESTION}]
PLACE = {"api_base": BASE_URL, "api_key": KEY, "num_retries": 0}


@check
def chats() -> None:
    answer = litellm.completion(model=f"openai/{CHAT}", messages=MESSAGES, temperature=0, **PLACE)
    told(answer.choices[0].message.content)
    assert answer.usage.total_tokens > 0


@check
def streams() -> None:
    chunks = litellm.completion(model=f"openai/{CHAT}", messages=MESSAGES, temperature=0, stream=True, **PLACE)
    told("".join(chunk.choices[0].delta.content or "" for chunk in chunks))


@check
def embeds() -> None:
    answer = litellm.embedding(model=f"openai/{EMBEDDING}", input=["one"], encoding_format="float", **PLACE)
    assert len(answer.data[0]["embedding"]) > 100


@check
def speaks_as_anthropic() -> None:
    answer = litellm.completion(
        model=f"anthropic/{CHAT}",
        messages=MESSAGES,
        temperature=0,
        max_tokens=200,
        api_base=BASE_URL.removesuffix("/v1"),
        api_key=KEY,
    )
    told(answer.choices[0].message.content)


if __name__ == "__main__":
    main()
