"""Service accounts: callers that are no person. They belong to a project, have keys of their own, and outlive whoever
made them. The endpoints speak OpenAI's admin API.
"""
