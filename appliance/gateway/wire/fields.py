"""Reading fields of a JSON object that a client sent: each refusal names the field in `param`."""

from typing import Any

from appliance.base.errors import BadRequest
from appliance.gateway.json_objects import as_list, as_object, parse_object

MAX_CHOICES = 128
Fields = dict[str, Any]


def parse_fields(body: bytes) -> Fields:
    """The JSON object in `body`: UTF-8, at most 200 levels deep, no NaN or Infinity."""
    try:
        return parse_object(body, allow_inf_nan=False)
    except ValueError as error:
        raise BadRequest(f"The body is not valid JSON: {error}.", code="invalid_json") from error


def model_name(fields: Fields) -> str:
    model = fields.get("model")
    if not isinstance(model, str) or not model:
        raise wrong_type(fields, "model", "the name of a model")
    return model


def flag(fields: Fields, name: str) -> bool:
    value = fields.get(name)
    if value is not None and not isinstance(value, bool):
        raise wrong_type(fields, name, "true or false")
    return bool(value)


def positive(fields: Fields, name: str) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise wrong_type(fields, name, "a whole number of at least 0")
    return value


def asked_tokens(fields: Fields) -> int | None:
    """The most tokens that the answer may have, over all choices; None where the client set no limit."""
    choices = asked_choices(fields)
    newer, older = positive(fields, "max_completion_tokens"), positive(fields, "max_tokens")
    limit = newer if newer is not None else older
    return None if limit is None else limit * choices


def asked_choices(fields: Fields) -> int:
    choices = positive(fields, "n") or 1
    if choices > MAX_CHOICES:
        raise BadRequest(f"'n' is at most {MAX_CHOICES}.", param="n")
    return choices


def optional_text(fields: Fields, name: str) -> str | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise wrong_type(fields, name, "text")
    return value


def optional_list(fields: Fields, name: str) -> list[Any]:
    value = fields.get(name)
    found = [] if value is None else as_list(value)
    if found is None:
        raise wrong_type(fields, name, "a list")
    return found


def optional_object(fields: Fields, name: str) -> Fields:
    value = fields.get(name)
    found: Fields | None = {} if value is None else as_object(value)
    if found is None:
        raise wrong_type(fields, name, "an object")
    return found


def text_or_list(fields: Fields, name: str) -> None:
    """`prompt` or `input`: there, text or a list, and not empty."""
    value = fields.get(name)
    if not isinstance(value, (str, list)) or not value:
        raise wrong_type(fields, name, "text or a list, and not empty")


def entry(value: object, *, at: str) -> Fields:
    """An entry of a list that has to be an object; `at` is its place, such as `messages[2]`."""
    found = as_object(value)
    if found is None:
        raise BadRequest(f"'{at}' has to be an object.", param=at, code="invalid_type")
    return found


def wrong_type(fields: Fields, name: str, wanted: str) -> BadRequest:
    if fields.get(name) is None:
        return BadRequest(f"'{name}' is missing; it has to be {wanted}.", param=name, code="missing_field")
    return BadRequest(f"'{name}' has to be {wanted}.", param=name, code="invalid_type")


def wrong_entry(at: str, wanted: str) -> BadRequest:
    return BadRequest(f"'{at}' has to be {wanted}.", param=at, code="invalid_type")


def not_supported(at: str, what: str, *, hint: str | None = None) -> BadRequest:
    """What the shape of the API allows and this appliance does not have."""
    return BadRequest(f"'{at}': {what}.", param=at, code="not_supported", hint=hint)
