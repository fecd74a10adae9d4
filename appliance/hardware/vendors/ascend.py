"""Huawei Ascend NPUs: through libdcmi, through `npu-smi`, or off the PCI bus.

An index here is the logic id, which is what `ASCEND_RT_VISIBLE_DEVICES` counts; the files `/dev/davinciN` and the
container runtime go by the physical id.
"""

from appliance.hardware.vendors.ascend_library import from_library
from appliance.hardware.vendors.ascend_names import BRAND
from appliance.hardware.vendors.ascend_tool import from_tool
from appliance.hardware.vendors.brand import vendor_of

VENDOR = vendor_of(BRAND, ways=(("libdcmi", from_library), ("npu-smi", from_tool)))
