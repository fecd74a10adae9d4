"""Trust a vendor, ask for a licence, take what came back, and say how things stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from appliance.base.errors import BadRequest, NotFound
from appliance.licences.asking import make_request
from appliance.licences.chain import Root, Signed, check_issuer, read_licence, read_revocations, read_root
from appliance.licences.clock_mark import reckon
from appliance.licences.documents import Licence, Revocations
from appliance.licences.envelope import Kind, kind_of
from appliance.licences.folder import Files
from appliance.licences.keys import ensure_appliance_key, read_appliance_key
from appliance.licences.portfolio import Held, Portfolio
from appliance.licences.refusal import LicenceRefused, Why
from appliance.licences.standing import LicenceState, Standing, judge
from appliance.licences.wrapping import unwrap
from control_plane.access.domain import Principal
from control_plane.audit.service import record
from control_plane.database.session import nudge
from control_plane.licences import clock, repository
from control_plane.licences.here import Here
from control_plane.licences.tables import AppliedLicence, RevocationList, VendorRoot

LICENCES = "licences"
"""The reconciler that writes the signed files into the home."""

SERVE = "serve"
LICENCE_HINT = "`appliance licence list` shows them."


@dataclass(frozen=True)
class Shelf:
    """All signed files, read and checked."""

    roots: tuple[Root, ...]
    lists: dict[str, Revocations]
    licences: dict[str, Signed[Licence]]

    def held(self) -> list[Held]:
        return [Held(signed, self.lists.get(signed.root.fingerprint)) for signed in self.licences.values()]

    def dates(self) -> list[datetime]:
        return [one.document.issued for one in self.licences.values()] + [one.issued for one in self.lists.values()]


def trust_root(session: Session, principal: Principal, raw: bytes, *, fingerprint: str) -> VendorRoot:
    """`fingerprint`: what the admin was told by another way. Trusting twice changes nothing."""
    root = read_root(raw)
    if root.fingerprint != fingerprint.strip().lower():
        raise BadRequest(
            "The fingerprint is not that of this root.",
            hint="Ask the vendor by another way than the one by which the file came.",
            param="fingerprint",
        )
    known = repository.root_by_fingerprint(session, root.fingerprint)
    if known is not None:
        return known
    row = VendorRoot(fingerprint=root.fingerprint, name=root.name, document=raw)
    session.add(row)
    record(session, principal, "licence_root.trust", root.fingerprint, after={"name": root.name})
    nudge(session, LICENCES)
    session.flush()
    return row


def ask(session: Session, principal: Principal, here: Here, *, now: datetime) -> bytes:
    """A request file; makes the appliance's key the first time."""
    key = ensure_appliance_key(here.home)
    observation = here.box(session).observation
    record(session, principal, "licence.request", here.box_id, after={"factors": list(observation.factors)})
    return make_request(here.asker, key=key, observation=observation, at=now)


def apply(session: Session, principal: Principal, raw: bytes, here: Here, *, now: datetime) -> Kind:
    """Take a licence or a revocation list; raises LicenceRefused with what is wrong. Twice is once."""
    kind = kind_of(raw)
    if kind is Kind.LICENCE:
        apply_licence(session, principal, raw, here, now=now)
    elif kind is Kind.REVOCATIONS:
        apply_revocations(session, principal, raw, here, now=now)
    else:
        hint = "`appliance licence trust FILE` takes a vendor's root." if kind is Kind.ROOT else None
        raise LicenceRefused(Why.WRONG_KIND, f"This is a {kind.value} file, neither licence nor list.", hint=hint)
    for reconciler in (LICENCES, SERVE):
        nudge(session, reconciler)
    return kind


def apply_licence(session: Session, principal: Principal, raw: bytes, here: Here, *, now: datetime) -> None:
    shelf = read_shelf(session)
    signed = read_licence(raw, roots=shelf.roots)
    licence = signed.document
    known = repository.licence_by_name(session, licence.id)
    resets = known is None and licence.resets_clock
    mark = licence.issued if resets else clock.highest(session, here.home, signed=shelf.dates())
    reckoning = reckon(now, mark=mark)
    if known is None:
        check_issuer(signed, at=int(reckoning.at.timestamp()))
    revocations = shelf.lists.get(signed.root.fingerprint)
    refuse(judge(signed, box=here.box(session), revocations=revocations, clock=reckoning), revocations)
    check_keys(licence, here)
    if known is None:
        keep_licence(session, principal, raw, signed)
        if resets:
            clock.reset(session, here.home, to=reckoning.at)
    elif known.document != raw:
        raise LicenceRefused(Why.DAMAGED, f"Another file with the id {licence.id} was applied before.")


def refuse(standing: Standing, revocations: Revocations | None) -> None:
    """What will never load is not taken. One that is not valid yet is: it may be next year's."""
    licence = standing.licence
    if (revocations.epoch if revocations else 0) < licence.revocation_epoch:
        raise LicenceRefused(
            Why.REVOCATIONS_NEEDED, standing.sentence, hint="Apply the vendor's revocation list first, then this again."
        )
    whys = {LicenceState.REVOKED: Why.REVOKED, LicenceState.FOREIGN_BOX: Why.FOREIGN_BOX}
    if standing.state in whys:
        raise LicenceRefused(whys[standing.state], f"The licence {licence.id} is refused. {standing.sentence}")
    if standing.state is LicenceState.EXPIRED:
        raise LicenceRefused(Why.EXPIRED, f"The licence {licence.id} is refused. {standing.sentence}")


def check_keys(licence: Licence, here: Here) -> None:
    """That every data key opens is found out now, and not when a model is to start. None is kept."""
    key = read_appliance_key(here.home)
    for artifact in licence.artifacts:
        unwrap(licence, artifact.digest, key)


def keep_licence(session: Session, principal: Principal, raw: bytes, signed: Signed[Licence]) -> None:
    licence = signed.document
    session.add(
        AppliedLicence(
            licence_id=licence.id,
            root_id=root_row(session, signed.root).id,
            document=raw,
            customer=licence.customer,
            max_cards=licence.max_cards,
            max_nodes=licence.max_nodes,
            not_after=licence.ends,
        )
    )
    record(
        session,
        principal,
        "licence.apply",
        licence.id,
        after={"customer": licence.customer, "not_after": licence.not_after, "max_cards": licence.max_cards},
    )
    session.flush()


def apply_revocations(session: Session, principal: Principal, raw: bytes, here: Here, *, now: datetime) -> None:
    """Only ever a newer one: an old list that is shown again would call revoked licences back."""
    shelf = read_shelf(session)
    signed = read_revocations(raw, roots=shelf.roots)
    mark = clock.highest(session, here.home, signed=shelf.dates())
    check_issuer(signed, at=int(reckon(now, mark=mark).at.timestamp()))
    root = root_row(session, signed.root)
    row = repository.locked_list(session, root.id)
    epoch = signed.document.epoch
    if row is not None and row.document == raw:
        return
    if row is not None and epoch <= row.epoch:
        raise LicenceRefused(
            Why.STALE_REVOCATIONS, f"This is revocation list {epoch}; this box has {row.epoch}, and takes none before."
        )
    before = {"epoch": row.epoch} if row else None
    if row is None:
        row = RevocationList(root_id=root.id, epoch=epoch, document=raw)
        session.add(row)
    row.epoch, row.document = epoch, raw
    after = {"epoch": epoch, "licences": signed.document.licences, "issuers": signed.document.issuers}
    record(session, principal, "licence.revocations", signed.root.fingerprint, before=before, after=after)
    session.flush()


def read_shelf(session: Session) -> Shelf:
    """Each file checked anew: the registry is no proof."""
    roots = tuple(read_root(row.document) for row in repository.roots(session))
    lists = [read_revocations(row.document, roots=roots) for row in repository.revocation_lists(session)]
    licences = [read_licence(row.document, roots=roots) for row in repository.licences(session)]
    return Shelf(
        roots,
        {one.root.fingerprint: one.document for one in lists},
        {one.document.id: one for one in licences},
    )


def portfolio(session: Session, here: Here) -> Portfolio:
    """What `may_load` is asked of."""
    shelf = read_shelf(session)
    return Portfolio(shelf.held(), here.box(session), clock.highest(session, here.home, signed=shelf.dates()))


def files(session: Session) -> Files:
    """For the home, where those who load sealed weights read them."""
    names = {row.id: row.fingerprint for row in repository.roots(session)}
    return Files(
        roots={row.fingerprint: row.document for row in repository.roots(session)},
        revocations={names[row.root_id]: row.document for row in repository.revocation_lists(session)},
        licences={row.licence_id: row.document for row in repository.licences(session)},
    )


def find(session: Session, licence_id: str) -> AppliedLicence:
    row = repository.licence_by_name(session, licence_id)
    if row is None:
        raise NotFound(f"There is no licence {licence_id[:80]!r}.", hint=LICENCE_HINT, param="licence_id")
    return row


def standings(session: Session, here: Here, *, now: datetime) -> Sequence[tuple[AppliedLicence, Standing]]:
    by_id = {one.licence.id: one for one in portfolio(session, here).standings(now)}
    return [(row, by_id[row.licence_id]) for row in repository.licences(session)]


def root_row(session: Session, root: Root) -> VendorRoot:
    row = repository.root_by_fingerprint(session, root.fingerprint)
    assert row is not None  # it signed: it is one of them
    return row
