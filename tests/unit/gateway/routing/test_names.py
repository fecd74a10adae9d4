"""The model's name in and out, in any JSON."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from appliance.gateway.routing.names import AnswerName, with_model

Json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.just("model"), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), Json, max_size=4), st.text(min_size=1), st.text(min_size=1), st.booleans())
def test_only_the_name_changes(fields: dict[str, Any], asked: str, name: str, ascii_only: bool) -> None:
    body = json.dumps({**fields, "model": asked}, ensure_ascii=ascii_only).encode("utf-8", "replace")
    before = json.loads(body)
    assert json.loads(with_model(body, name=name)) == {**before, "model": name}


@given(st.text(), st.text(min_size=1), st.text(min_size=1))
def test_an_answers_text_is_left_alone(text: str, theirs: str, public: str) -> None:
    said = f'{text} "model":"{theirs}" {text}'
    frame = json.dumps({"model": theirs, "choices": [{"delta": {"content": said}}]}).encode()
    rename = AnswerName(public)
    for _ in range(2):
        answer = json.loads(rename(frame))
        assert (answer["model"], answer["choices"][0]["delta"]["content"]) == (public, said)
