"""The configuration of the appliance's own Redis: a unix socket, a password, an append-only file. Pure."""

from appliance.base.paths import Home


def render_redis(home: Home, *, password: str) -> str:
    """`noeviction`: what Redis holds is small and meant; it must refuse rather than forget silently.

    `set-proc-title no`: the title would be written over the environment, and with it over the mark of the home.
    """
    return f"""\
# Written by the appliance; changes are overwritten.
port 0
unixsocket {home.redis_socket}
unixsocketperm 700
requirepass {password}
dir "{home.redis_data}"
appendonly yes
appendfsync everysec
save ""
maxmemory 256mb
maxmemory-policy noeviction
daemonize no
set-proc-title no
loglevel notice
databases 1
protected-mode yes
"""
