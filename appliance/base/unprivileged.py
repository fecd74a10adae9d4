"""How root starts a program that refuses root (PostgreSQL), without a second user on the machine.

In a user namespace that maps one id onto root's, the program sees itself as `nobody` while root's files stay its own,
so nothing has to be given away or opened to others. `unshare` (util-linux) replaces itself by the program: the process
id stays.
"""

import os
from collections.abc import Sequence

NOBODY = 65534


def unprivileged(argv: Sequence[str]) -> list[str]:
    """`argv` as it is for an ordinary user; for root, wrapped so that the program does not see user id 0."""
    if os.geteuid() != 0:
        return list(argv)
    return ["unshare", "-U", f"--map-user={NOBODY}", f"--map-group={NOBODY}", *argv]
