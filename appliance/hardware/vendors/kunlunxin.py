"""Kunlunxin XPUs (Baidu's Kunlun): through libxpuml, through `xpu-smi`, or off the PCI bus.

Intel's tool for its own cards is called `xpu-smi` too, so nothing here is believed for its name: the gate is the PCI
vendor id, or, in a container without a PCI bus, the control node `/dev/xpuctrl`, which Intel's driver does not make.
"""

from appliance.hardware.vendors.brand import vendor_of
from appliance.hardware.vendors.kunlunxin_library import from_library
from appliance.hardware.vendors.kunlunxin_names import BRAND
from appliance.hardware.vendors.kunlunxin_tool import from_tool

VENDOR = vendor_of(BRAND, ways=(("libxpuml", from_library), ("xpu-smi", from_tool)))
