"""All licences of one appliance at a moment, and whether an artifact may be loaded. What runs is never asked about."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from appliance.licences.chain import Root, Signed
from appliance.licences.clock_mark import Reckoning, reckon
from appliance.licences.documents import Licence, Revocations
from appliance.licences.standing import LOADS, Box, LicenceState, Standing, judge

PREFERENCE = {state: rank for rank, state in enumerate(LOADS)}


@dataclass(frozen=True)
class Verdict:
    """`reason` is a sentence for an admin: why not, or what to know all the same."""

    may_load: bool
    reason: str
    state: LicenceState | None = None
    licence: Licence | None = None


@dataclass(frozen=True)
class Held:
    """A licence that was taken, with the newest list of its root."""

    signed: Signed[Licence]
    revocations: Revocations | None


@dataclass(frozen=True)
class Portfolio:
    """`mark`: the highest time that was seen (`clock_mark`)."""

    held: Sequence[Held]
    box: Box
    mark: datetime | None

    def clock(self, at: datetime) -> Reckoning:
        return reckon(at, mark=self.mark)

    def standings(self, at: datetime) -> list[Standing]:
        clock = self.clock(at)
        return [judge(one.signed, box=self.box, revocations=one.revocations, clock=clock) for one in self.held]

    def roots(self) -> list[Root]:
        return [one.signed.root for one in self.held]

    def candidates(self, artifact_digest: str, *, at: datetime, family: str | None = None) -> list[Standing]:
        """Those under which it may be loaded, cards aside; the best first."""
        loading = [one for one in self.standings(at) if one.loads and one.licence.covers(artifact_digest)]
        return sorted((one for one in loading if allows(one.licence, family)), key=lambda one: PREFERENCE[one.state])

    def may_load(
        self, artifact_digest: str, *, at: datetime, cards_in_use: int, cards: int = 1, family: str | None = None
    ) -> Verdict:
        """For a sealed artifact, before a new replica of it is placed: `cards` more beside the `cards_in_use`.

        `cards_in_use` are those that artifacts of the same licence hold; the seats count them (control_plane.licences).
        Open weights need no licence and are never asked about here.
        """
        fitting = self.candidates(artifact_digest, at=at, family=family)
        if not fitting:
            return self.refusal(artifact_digest, at=at, family=family)
        roomy = [one for one in fitting if cards_in_use + cards <= one.licence.max_cards]
        if not roomy:
            most = max(one.licence.max_cards for one in fitting)
            reason = f"The licence allows {most} cards; {cards_in_use} are in use and {cards} more are wanted."
            return Verdict(False, reason, fitting[0].state, fitting[0].licence)
        return Verdict(True, roomy[0].sentence, roomy[0].state, roomy[0].licence)

    def refusal(self, artifact_digest: str, *, at: datetime, family: str | None) -> Verdict:
        covering = [one for one in self.standings(at) if one.licence.covers(artifact_digest)]
        if not covering:
            short = artifact_digest[:12]
            return Verdict(False, f"No licence covers the sealed artifact {short}. `appliance licence request` asks.")
        loading = [one for one in covering if one.loads]
        if loading:
            families = ", ".join(loading[0].licence.accelerator_families)
            reason = f"The licence allows {families}, and these are {family} cards."
            return Verdict(False, reason, loading[0].state, loading[0].licence)
        nearest = covering[-1]
        return Verdict(False, f"Licence {nearest.licence.id}: {nearest.sentence}", nearest.state, nearest.licence)


def allows(licence: Licence, family: str | None) -> bool:
    """`family` None: not known yet, so not refused yet."""
    return not licence.accelerator_families or family is None or family in licence.accelerator_families
