"""Who somebody is: the admin's password and login session, admin tokens and node tokens.

`api` plugs `service.authenticate` into `access`. Tokens and passwords are kept as digests only.
"""
