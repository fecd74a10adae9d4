"""The cluster port: put a Serve configuration, see what became of it. One document for every place where Ray runs.

Called by the serve reconciler only. `local` speaks to this box's Ray, `kubernetes_adapter` keeps a RayCluster and
speaks to its Ray. It knows no table and imports no ray.
"""
