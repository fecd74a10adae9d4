"""The bundled model, asked through the gateway: greedy answers to wordings it was never trained on."""

import os
from concurrent.futures import ThreadPoolExecutor

from model_catalog.bundled.check import NEEDED_SHARE, sample, score
from model_catalog.bundled.questions import load_questions, split_questions
from tests.fixtures.stack import CHAT, RunningStack

SAMPLE_SIZE = 250
CLIENTS = 8


def test_it_answers_held_out_wordings(stack: RunningStack) -> None:
    held_out = split_questions(load_questions()).held_out
    wanted = held_out if os.environ.get("TS_TEST_LONG") else sample(held_out, size=SAMPLE_SIZE)
    client = stack.client()

    def ask(question: str) -> str:
        answer = client.chat.completions.create(
            model=CHAT, messages=[{"role": "user", "content": question}], temperature=0, max_tokens=120
        )
        return answer.choices[0].message.content or ""

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = dict(zip((w.text for w in wanted), pool.map(ask, (w.text for w in wanted)), strict=True))
    result = score(wanted, ask=answers.__getitem__)
    assert result.share >= NEEDED_SHARE, [(one.wording.text, one.answer) for one in result.wrong][:20]
