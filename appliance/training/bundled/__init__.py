"""Makes the bundled model: tokenizer, examples, training loop, export, and the check of the result.

Who calls it: a developer (`python -m appliance.training.bundled`, `... .check`), and tests that need the check.
It never runs on a customer's box by itself, and it never reads anything but the text in `model_catalog.bundled`.
Deterministic for the same seed, thread count and processor type.
"""
