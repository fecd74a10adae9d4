"""What a licence file is refused for. Texts name fields and figures, never a value of the file: it may hold keys."""

from enum import StrEnum

from appliance.base.errors import BadRequest


class Why(StrEnum):
    """Codes on the wire; a client and the console tell them apart by these."""

    TOO_LARGE = "licence_file_too_large"
    DAMAGED = "licence_file_damaged"
    WRONG_KIND = "licence_file_of_another_kind"
    NEWER_FORMAT = "licence_format_newer"
    ALGORITHM = "licence_algorithm_unknown"
    SIGNATURE = "licence_signature_wrong"
    UNTRUSTED = "licence_issuer_untrusted"
    ISSUER_EXPIRED = "licence_issuer_expired"
    ISSUER_REVOKED = "licence_issuer_revoked"
    REVOKED = "licence_revoked"
    EXPIRED = "licence_expired"
    STALE_REVOCATIONS = "revocation_list_stale"
    REVOCATIONS_NEEDED = "revocation_list_needed"
    FOREIGN_BOX = "licence_for_another_box"
    KEY = "licence_key_does_not_open"
    UNKNOWN_ARTIFACT = "licence_does_not_cover"


class LicenceRefused(BadRequest):
    """A file that is not taken, or a key that it does not give."""

    code = "licence_refused"

    def __init__(self, why: Why, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint, code=why.value)
        self.why = why
