"""Who is asking: the principal, its role, and the dependencies by which an endpoint demands one.

Every slice's endpoints import it. It does not know how somebody proves who they are: `sessions` does, and
`api` connects the two; so the slices below `sessions` can demand an admin without importing upwards.
"""
