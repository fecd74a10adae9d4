"""Which cards, which node, for how many replicas. Pure: values in, a plan out; no I/O, no clock, no chance.

For the control plane's reconcilers (`planner.plan`) and the catalogue's pages (`what_fits.what_fits`). Filters, then
candidates, then scores: see docs/placement.md. It never starts, stops or moves anything, and never estimates what a
model needs: that is `model_catalog`'s fit, whose answers come in as layouts.
"""
