"""What a person reads when a replica has no place: one line for the model, one for each reason with its nodes."""

from collections.abc import Iterator

from appliance.placement.plans import Missing, Obstructed

NAMED = 3


def refusal(missing: Missing) -> str:
    return "\n".join(_lines(missing))


def one_line(missing: Missing) -> str:
    """The same without the model's name, for a column of a table."""
    first, *rest = _lines(missing)
    return " ".join([first.removeprefix(f"{missing.demand}: "), *(f"{line.strip().capitalize()}" for line in rest)])


def _lines(missing: Missing) -> Iterator[str]:
    replicas = "replica" if missing.wanted == 1 else "replicas"
    yield f"{missing.demand}: {missing.replicas} of {missing.wanted} {replicas} found no place."
    if not missing.obstructed:
        yield "  There are no nodes."
    for group in missing.obstructed:
        yield f"  {_nodes(group)}: {group.reason.sentence}."


def _nodes(group: Obstructed) -> str:
    """`node a`, `nodes a and b`, `nodes a, b, c and 97 more`."""
    names = list(group.hostnames)
    if len(names) == 1:
        return f"node {names[0]}"
    if len(names) > NAMED + 1:
        names = [*names[:NAMED], f"{len(names) - NAMED} more"]
    return f"nodes {', '.join(names[:-1])} and {names[-1]}"
