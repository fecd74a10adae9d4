"""Cambricon MLUs: through libcndev, through `cnmon`, or off the PCI bus."""

from appliance.hardware.vendors.brand import vendor_of
from appliance.hardware.vendors.cambricon_library import from_library
from appliance.hardware.vendors.cambricon_names import BRAND
from appliance.hardware.vendors.cambricon_tool import from_tool

VENDOR = vendor_of(BRAND, ways=(("libcndev", from_library), ("cnmon", from_tool)))
