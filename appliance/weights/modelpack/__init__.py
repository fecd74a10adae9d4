"""Models as CNCF ModelPack artifacts: to a folder, a tar, volumes or a registry, and back into the weight store.

Called by the export and import jobs and by `python -m appliance.weights.modelpack`. What comes in is bounded, its
signature is checked before it is parsed, and it takes the weight store's safety checks. It runs nothing that it reads,
keeps no list of registries and fetches only from the one it is told.
"""
