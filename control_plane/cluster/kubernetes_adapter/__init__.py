"""The cluster port where Ray runs in Kubernetes: keeps the RayCluster large enough, puts the Serve config to its head.

Called by the serve reconciler, and by the chart's hook Job that makes the Secret. It never creates or deletes the
RayCluster: that is the chart's (docs/adr/0004-kubernetes-adapter.md). The only place that imports `kubernetes`.
"""
