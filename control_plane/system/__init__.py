"""The control plane's view of itself: every reconciler's last run, the schema, what is served, what is not shipped yet.

Read by `appliance status`, `doctor` and the console. It changes nothing.
"""
