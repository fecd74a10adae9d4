"""Fill in the middle: `/v1/completions` with a `suffix`, for engines that know no suffix (vLLM does not).

The prompt is built from the model's own template, which names the places of what stands before and after the gap; the
engine then continues after the template's last token. Templates are facts of models, kept in the catalogue.
"""

import re
from typing import Any

from appliance.base.contracts.snapshot import SnapshotModel
from appliance.base.errors import BadRequest
from appliance.gateway.wire.fields import Fields

PLACES = re.compile(r"\{(prefix|suffix)\}")


def infill_prompt(template: str, *, prefix: str, suffix: str) -> str:
    """Only the template's own places are filled: a `{suffix}` in the code stays as it is."""
    given = {"prefix": prefix, "suffix": suffix}
    return PLACES.sub(lambda place: given[place[1]], template)


def infill_fields(fields: Fields, *, model: SnapshotModel) -> Fields:
    """The engine's request; raises BadRequest for a model without a template, or a prompt that is not text."""
    if model.fim_template is None:
        raise BadRequest(
            f"The model '{model.name}' cannot fill in the middle.",
            hint="Leave `suffix` out, or ask a model that was trained for it.",
            param="suffix",
            code="not_supported_by_model",
        )
    template, suffix = model.fim_template, str(fields["suffix"])
    prompts: Any = fields["prompt"]
    whole: list[Any] = [prompts] if isinstance(prompts, str) else prompts
    if not all(isinstance(each, str) for each in whole):
        raise BadRequest("With a `suffix` the 'prompt' has to be text.", param="prompt", code="invalid_type")
    built = [infill_prompt(template, prefix=each, suffix=suffix) for each in whole]
    kept = {name: value for name, value in fields.items() if name != "suffix"}
    return {**kept, "prompt": built[0] if isinstance(prompts, str) else built}
