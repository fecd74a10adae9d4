"""Who is asking: the principal, its role, and the dependencies by which an endpoint demands a permission.

Every slice's endpoints import it; `policy` is the one table of roles. It does not know how somebody proves who they
are: `sessions` and `keys` do, and `api` connects them; so slices below them close a door without importing upwards.
"""
