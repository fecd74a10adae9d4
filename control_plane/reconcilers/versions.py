"""`versions`: an import whose job failed or was cancelled leaves no version that says `importing` for ever."""

from dataclasses import dataclass

from control_plane.database.session import SessionFactory, transaction
from control_plane.versions.service import mark_failed_imports


@dataclass(frozen=True)
class VersionsReconciler:
    factory: SessionFactory
    interval_seconds: float
    name: str = "versions"

    def run(self) -> int:
        with transaction(self.factory) as session:
            mark_failed_imports(session)
        return 0
