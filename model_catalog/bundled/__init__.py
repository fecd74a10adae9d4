"""The model that every new box has: `sails-guide`, its questions, its synthetic worlds, its recipe and its weights.

Who calls it: the trainer (`appliance.training.bundled`), the catalogue, tests and the evaluation examples.
It never imports torch, opens no network connection and writes no file; all it does is read text that lies beside it.
"""

from pathlib import Path

SAILS_GUIDE = Path(__file__).resolve().parent / "sails_guide"
WEIGHTS = SAILS_GUIDE / "weights"
"""What an engine loads: config, generation config, tokenizer, chat template and `model.safetensors`."""
