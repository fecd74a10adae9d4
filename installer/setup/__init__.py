"""From facts to steps: reads this machine once, decides purely what a right box looks like, lists the steps there.

Called by `appliance up`. It starts nothing by itself: installer/runner.py runs the steps.
"""
