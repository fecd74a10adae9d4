"""`python -m appliance.vendor`: the same as `appliance-vendor`."""

from appliance.vendor.command import app

app()
