"""Health of an Intel GPU: what Sysman says of resets, errors, memory, throttling and Xe Link ports."""

import ctypes

from appliance.hardware.inventory import Health
from appliance.hardware.vendors import sysman as zes
from appliance.hardware.vendors.health import health
from appliance.hardware.vendors.sysman import Sysman
from appliance.hardware.vendors.xe_link import read_ports


def health_of_card(
    sysman: Sysman, card: ctypes.c_void_p, *, temperature: float | None, hottest: float | None, memory: int
) -> Health:
    failed: list[str] = []
    warnings: list[str] = []
    remarks: list[str] = []
    state = sysman.ask("zesDeviceGetState", card, zes.DeviceState)
    if state and state.reset & zes.WEDGED:
        failed.append("A part of it is wedged: reset the card.")
    if state and state.reset & zes.REPAIR:
        warnings.append("It waits for a reset to finish a repair.")
    errors, resets = _errors(sysman, card)
    if errors:
        failed.append(f"{errors} uncorrected errors: reset the card.")
    if resets:
        remarks.append(f"The driver has reset it {resets} times.")
    if memory == zes.MEMORY_REPLACE:
        failed.append("Its memory has too many uncorrected errors: have the card replaced.")
    elif memory in (zes.MEMORY_DEGRADED, zes.MEMORY_CRITICAL):
        warnings.append("Its memory is degraded: reset the card.")
    if temperature and hottest and temperature >= hottest:
        warnings.append(f"{temperature:g} °C, and {hottest:g} is its limit.")
    warnings += sorted({f"Throttled by {words}." for words in _throttled(sysman, card)})
    ports = read_ports(sysman, card)
    broken = sum(1 for _, port in ports if port.status == zes.FAILED)
    if broken:
        warnings.append(f"{broken} of its {len(ports)} Xe Link ports have failed.")
    return health(failed=failed, warnings=warnings, remarks=remarks)


def _errors(sysman: Sysman, card: ctypes.c_void_p) -> tuple[int, int]:
    """Uncorrected hardware errors, and resets; counted per tile."""
    errors = resets = 0
    for group in sysman.parts("zesDeviceEnumRasErrorSets", card):
        known = sysman.ask("zesRasGetProperties", group, zes.RasProperties)
        state = zes.RasState(stype=zes.RasState.STYPE)
        keep = ctypes.c_uint8(0)
        if known is None or known.type != zes.UNCORRECTABLE:
            continue
        if sysman.c_library.status("zesRasGetState", group, keep, ctypes.byref(state)) == 0:
            errors += sum(state.category[place] for place in zes.HARDWARE_ERRORS)
            resets += state.category[zes.RESETS]
    return errors, resets


def _throttled(sysman: Sysman, card: ctypes.c_void_p) -> list[str]:
    reasons = 0
    for domain in sysman.parts("zesDeviceEnumFrequencyDomains", card):
        state = sysman.ask("zesFrequencyGetState", domain, zes.FrequencyState)
        reasons |= state.throttle_reasons if state else 0
    return [words for bit, words in zes.THROTTLE.items() if reasons & bit]
