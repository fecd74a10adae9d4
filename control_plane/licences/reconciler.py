"""`licences`: the clock's mark, how licences stand, seats that nobody renewed, and the signed files in the home."""

from dataclasses import dataclass

from appliance.base import clock
from appliance.licences.folder import write_folder
from control_plane.database.session import SessionFactory, transaction
from control_plane.licences import clock as marks
from control_plane.licences import seats, service
from control_plane.licences.here import Here
from control_plane.licences.watching import observe

INTERVAL_SECONDS = 15.0


@dataclass(frozen=True)
class LicencesReconciler:
    factory: SessionFactory
    here: Here
    interval_seconds: float = INTERVAL_SECONDS
    name: str = "licences"

    def run(self) -> int:
        """No seat's holder is stopped here, whatever became of its licence."""
        now = clock.now()
        with transaction(self.factory) as session:
            marks.advance(session, self.here.home, now=now, signed=service.read_shelf(session).dates())
            for row, standing in service.standings(session, self.here, now=now):
                observe(session, row, standing, now=now)
            seats.sweep(session)
            files = service.files(session)
        write_folder(self.here.home, files)
        return 0
