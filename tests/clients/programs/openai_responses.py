"""The openai package's newer half: responses with stored state."""

import openai
from checks import CHAT, QUESTION, check, main, refusal, told

client = openai.OpenAI(max_retries=0)


@check
def responds() -> None:
    answer = client.responses.create(model=CHAT, input=QUESTION, temperature=0)
    told(answer.output_text)
    assert answer.status == "completed"
    assert answer.usage.total_tokens > 0


@check
def streams_events_in_order() -> None:
    events = list(client.responses.create(model=CHAT, input=QUESTION, temperature=0, stream=True))
    told("".join(event.delta for event in events if event.type == "response.output_text.delta"))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[0].type == "response.created"
    assert events[-1].type == "response.completed"


@check
def goes_on_from_an_earlier_response() -> None:
    first = client.responses.create(model=CHAT, input=QUESTION, temperature=0)
    second = client.responses.create(model=CHAT, input="And who runs it?", previous_response_id=first.id)
    assert second.previous_response_id == first.id
    assert second.usage.input_tokens > first.usage.input_tokens


@check
def keeps_and_forgets() -> None:
    kept = client.responses.create(model=CHAT, input=QUESTION)
    assert client.responses.retrieve(kept.id).output_text == kept.output_text
    assert client.responses.input_items.list(kept.id).data
    client.responses.delete(kept.id)
    refusal(openai.NotFoundError, lambda: client.responses.retrieve(kept.id))


@check
def does_not_keep_what_is_not_to_be_kept() -> None:
    answer = client.responses.create(model=CHAT, input=QUESTION, store=False)
    refusal(openai.NotFoundError, lambda: client.responses.retrieve(answer.id))


if __name__ == "__main__":
    main()
