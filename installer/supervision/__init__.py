"""supervisord under our hand: its configuration, its XML-RPC, and the strays that a killed supervisor leaves behind.

Called by the setup steps and by the stack commands. It never decides what should run: that is installer/services.py.
"""
