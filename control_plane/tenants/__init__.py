"""Tenants: the organization, its projects and its users. One of each exists from the first start.

Slices above hang what a tenant owns on `project_id`. It knows nothing of passwords and logins: that is `sessions`.
"""
