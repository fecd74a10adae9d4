"""A replica from the document to its end, with the real Ray and the real engine."""

import os
import signal

import psutil

from appliance.serving.strays import HOME_MARK, find_strays
from tests.fixtures.serving import ServingBox, chat


def test_put_document_and_chat(serving_box: ServingBox) -> None:
    spec = serving_box.spec()
    serving_box.put(spec)
    record = serving_box.wait_ready(spec)[0]
    answer = chat(record.endpoint, model=spec.model_name)
    assert answer["usage"]["completion_tokens"] == 8
