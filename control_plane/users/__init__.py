"""Users as the organization runs them: added, invited, given roles, disabled, removed; their passwords reset.

`/api/v1/users` knows all of it, `/v1/organization/users` and `/invites` speak OpenAI's admin API. An invite is a token
that is shown once and handed over by a person: the box sends no mail.
"""
