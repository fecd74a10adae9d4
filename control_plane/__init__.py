"""The admin API, the job worker and the reconcilers: three processes that own PostgreSQL."""
