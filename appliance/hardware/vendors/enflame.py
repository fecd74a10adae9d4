"""Enflame GCUs: through libefml, through `efsmi`, or off the PCI bus."""

from appliance.hardware.vendors.brand import vendor_of
from appliance.hardware.vendors.enflame_library import from_library
from appliance.hardware.vendors.enflame_names import BRAND
from appliance.hardware.vendors.enflame_tool import from_tool

VENDOR = vendor_of(BRAND, ways=(("libefml", from_library), ("efsmi", from_tool)))
