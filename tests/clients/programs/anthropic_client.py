"""The anthropic package against /v1/messages."""

import anthropic
from checks import BASE_URL, CHAT, KEY, QUESTION, check, main, refusal, told

client = anthropic.Anthropic(base_url=BASE_URL.removesuffix("/v1"), api_key=KEY, max_retries=0)
MESSAGES = [{"role": "user", "content": QUESTION}]
SURE = {"temperature": 0}  # newer versions of the package have no word for it


@check
def answers() -> None:
    answer = client.messages.create(model=CHAT, max_tokens=200, messages=MESSAGES, extra_body=SURE)
    told(answer.content[0].text)
    assert answer.stop_reason == "end_turn"
    assert answer.usage.input_tokens > 0


@check
def streams() -> None:
    with client.messages.stream(model=CHAT, max_tokens=200, messages=MESSAGES, extra_body=SURE) as stream:
        told("".join(stream.text_stream))
        assert stream.get_final_message().stop_reason == "end_turn"


@check
def stops_at_the_limit() -> None:
    answer = client.messages.create(model=CHAT, max_tokens=3, messages=MESSAGES, system="You are brief.")
    assert answer.stop_reason == "max_tokens"


@check
def counts_tokens() -> None:
    short = client.messages.count_tokens(model=CHAT, messages=MESSAGES).input_tokens
    longer = client.messages.count_tokens(model=CHAT, messages=MESSAGES, system="You are a ship's mate.").input_tokens
    assert 0 < short < longer


@check
def says_what_is_wrong() -> None:
    ask = {"max_tokens": 3, "messages": MESSAGES}
    unknown = refusal(anthropic.NotFoundError, lambda: client.messages.create(model="no-such-model", **ask))
    assert unknown.body["error"]["type"] == "not_found_error"
    wrong = anthropic.Anthropic(base_url=BASE_URL.removesuffix("/v1"), api_key="sk-wrong", max_retries=0)
    stranger = refusal(anthropic.AuthenticationError, lambda: wrong.messages.create(model=CHAT, **ask))
    assert stranger.body["type"] == "error"


if __name__ == "__main__":
    main()
