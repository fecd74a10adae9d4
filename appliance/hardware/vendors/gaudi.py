"""Intel Gaudi (HabanaLabs): HLML, then hl-smi, then the PCI bus."""

from appliance.hardware.vendors.brand import vendor_of
from appliance.hardware.vendors.gaudi_library import from_library
from appliance.hardware.vendors.gaudi_names import BRAND
from appliance.hardware.vendors.gaudi_tool import from_tool

VENDOR = vendor_of(BRAND, ways=(("HLML", from_library), ("hl-smi", from_tool)))
