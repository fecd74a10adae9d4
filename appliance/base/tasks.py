"""What a served model is for. The catalogue has more tasks than engines serve (`model_catalog.vocabulary.Task`).

`rerank`: it scores texts for a query.
"""

from typing import Literal

Task = Literal["chat", "embedding", "rerank"]

TASKS: dict[str, Task] = {"chat": "chat", "embedding": "embedding", "rerank": "rerank"}
"""By the word in a row, where a newer release may have written another."""
