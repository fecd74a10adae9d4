"""instructor: an answer as an object of a class."""

from typing import Literal

import instructor
import openai
from checks import CHAT, QUESTION, check, main
from pydantic import BaseModel


class Thing(BaseModel):
    kind: Literal["box", "boat"]


@check
def gives_an_object() -> None:
    client = instructor.from_openai(openai.OpenAI(max_retries=0), mode=instructor.Mode.JSON_SCHEMA)
    thing = client.chat.completions.create(
        model=CHAT,
        messages=[{"role": "user", "content": QUESTION}],
        response_model=Thing,
        max_retries=0,
        max_tokens=60,
        temperature=0,
    )
    assert thing.kind in ("box", "boat")


if __name__ == "__main__":
    main()
