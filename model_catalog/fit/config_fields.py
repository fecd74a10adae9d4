"""Typed reading of a Hugging Face config.json: what is missing or of the wrong kind becomes a sentence."""

from collections.abc import Mapping
from typing import cast

from appliance.base.errors import BadRequest


def refuse(what: str, *, hint: str = "Fit refuses to guess; give a catalogue entry with its figures.") -> BadRequest:
    return BadRequest(what, hint=hint, code="unknown_model_shape")


class ConfigFields:
    """The fields of the language part: of `text_config` where there is one, with the outer ones behind it."""

    def __init__(self, config: Mapping[str, object]) -> None:
        inner = config.get("text_config") or config.get("llm_config") or config.get("language_config")
        nested: Mapping[str, object] = cast("Mapping[str, object]", inner) if isinstance(inner, Mapping) else {}
        self._fields: dict[str, object] = {**config, **nested}
        self.model_type = str(nested.get("model_type") or config.get("model_type") or "")
        names = config.get("architectures") or nested.get("architectures")
        listed = cast("list[object]", names) if isinstance(names, list) else []
        self.architecture = str(listed[0]) if listed else self.model_type

    def has(self, name: str) -> bool:
        return self._fields.get(name) is not None

    def integer(self, *names: str, default: int | None = None) -> int:
        """The first of `names` that is there; raises BadRequest where none is and there is no default."""
        for name in names:
            found = self._fields.get(name)
            if found is None:
                continue
            if isinstance(found, bool) or not isinstance(found, int) or found < 0:
                raise refuse(f"config.json: `{name}` is {found!r}, not a count.")
            return found
        if default is None:
            raise refuse(f"config.json of type `{self.model_type}` does not say `{names[0]}`.")
        return default

    def positive(self, *names: str, default: int | None = None) -> int:
        value = self.integer(*names, default=default)
        if value == 0:
            raise refuse(f"config.json: `{names[0]}` is 0.")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        found = self._fields.get(name)
        return default if found is None else bool(found)

    def text(self, name: str, *, default: str = "") -> str:
        found = self._fields.get(name)
        return default if found is None else str(found)

    def words(self, name: str) -> list[str] | None:
        found = self._fields.get(name)
        return [str(item) for item in cast("list[object]", found)] if isinstance(found, list) else None

    def numbers(self, name: str) -> list[int] | None:
        found = self._fields.get(name)
        if not isinstance(found, list):
            return None
        items = cast("list[object]", found)
        if not all(isinstance(item, int) for item in items):
            raise refuse(f"config.json: `{name}` is not a list of whole numbers.")
        return [int(cast("int", item)) for item in items]

    def part(self, name: str) -> "ConfigFields":
        """A nested object, such as `linear_attn_config`; empty where there is none."""
        found = self._fields.get(name)
        made = ConfigFields(cast("Mapping[str, object]", found) if isinstance(found, Mapping) else {})
        made.model_type = f"{self.model_type}.{name}"
        return made
