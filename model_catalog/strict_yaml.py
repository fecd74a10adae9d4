"""YAML as the catalogue reads it, also from files of others: with libyaml where it is, bounded, each field once."""

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from yaml import SafeLoader as FastLoader
else:
    FastLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is five times as fast

MOST_CHARACTERS = 16_000_000
MOST_NODES = 1_000_000
DEEPEST = 64
"""A catalogue of a thousand entries has about 180,000 nodes, none deeper than 10."""


class Loader(FastLoader):
    """Refuses a field that is written twice, which YAML libraries let pass: the second would win unseen."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"`{key.value}` is there twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def parse_yaml(text: str) -> Any:
    """Raises ValueError that says what is wrong, for whatever text."""
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"the file has more than {MOST_CHARACTERS:,} characters")
    loader = Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if nodes_below(node, {}, depth=0) > MOST_NODES:
            raise ValueError(f"the file has more than {MOST_NODES:,} values, with those that are repeated by name")
        return loader.construct_document(node)  # pyright: ignore[reportUnknownMemberType]
    except (yaml.YAMLError, RecursionError, TypeError, OverflowError) as error:
        raise ValueError(str(error)) from error
    finally:
        loader.dispose()


def nodes_below(node: yaml.Node, known: dict[int, int], *, depth: int) -> int:
    """How many values there are when every alias is written out: a few lines of aliases can mean billions of them."""
    if depth > DEEPEST:
        raise ValueError(f"the file is nested deeper than {DEEPEST}, or in itself")
    if id(node) not in known:
        known[id(node)] = 1 + sum(nodes_below(child, known, depth=depth + 1) for child in children(node))
    return known[id(node)]


def children(node: yaml.Node) -> list[yaml.Node]:
    match node:
        case yaml.MappingNode():
            return [part for pair in node.value for part in pair]
        case yaml.SequenceNode():
            return node.value
        case _:
            return []
