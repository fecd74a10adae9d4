"""NVIDIA: NVML, then nvidia-smi, then the PCI bus."""

from appliance.hardware.vendors.brand import vendor_of
from appliance.hardware.vendors.nvidia_library import from_library
from appliance.hardware.vendors.nvidia_names import BRAND
from appliance.hardware.vendors.nvidia_tool import from_tool

VENDOR = vendor_of(BRAND, ways=(("NVML", from_library), ("nvidia-smi", from_tool)))
