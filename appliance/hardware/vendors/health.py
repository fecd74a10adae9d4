"""A card's health out of what was found: one rule for all vendors."""

from collections.abc import Iterable

from appliance.hardware.inventory import Health, HealthState


def health(
    *, failed: Iterable[str] = (), warnings: Iterable[str] = (), remarks: Iterable[str] = (), asked: bool = True
) -> Health:
    """The worst decides; a remark is worth reading and changes nothing. `unknown` where nobody could be asked."""
    broken, doubtful = tuple(failed), tuple(warnings)
    state = HealthState.OK if asked else HealthState.UNKNOWN
    if doubtful:
        state = HealthState.WARNING
    if broken:
        state = HealthState.FAILED
    return Health(state=state, reasons=(*broken, *doubtful, *remarks))
