"""The chart's hook Job: make the release's Secret once, and add the keys that a newer version needs.

`python -m control_plane.cluster.kubernetes_adapter.make_secrets <namespace> <name>`. Values that are there are never
changed, so it runs before every install and upgrade; a rendered manifest never holds a secret, under GitOps neither.
"""

import sys

from appliance.base.errors import ApplianceError
from appliance.base.ids import new_secret
from appliance.base.logs import configure, get_logger
from appliance.base.secret_files import Secret
from control_plane.cluster.kubernetes_adapter.kube_api import AbsentObject, KubeApi, StaleObject, find_configuration
from control_plane.cluster.port import ClusterUnreachable
from control_plane.keys.domain import new_key_secret

LABELS = {"app.kubernetes.io/part-of": "thousand-sails"}

log = get_logger(__name__)


def main(arguments: list[str]) -> int:
    configure(service="make-secrets")
    namespace, name = arguments
    try:
        made = make_secrets(KubeApi(find_configuration(), namespace=namespace), name=name)
    except ApplianceError as error:
        log.error("secrets_not_made", message=error.message, hint=error.hint)
        return 1
    log.info("secrets_made", secret=name, keys=sorted(made))
    return 0


def make_secrets(api: KubeApi, *, name: str) -> set[str]:
    """The keys that were missing and were made."""
    try:
        present = api.secret_keys(name)
    except AbsentObject:
        values = new_values({secret.value for secret in Secret})
        try:
            api.create_secret(name, values=values, labels=LABELS)
        except StaleObject as error:
            raise ClusterUnreachable(f"The Secret {name} was made by somebody else just now; try again.") from error
        return set(values)
    missing = {secret.value for secret in Secret} - present
    if missing:
        api.add_to_secret(name, values=new_values(missing))
    return missing


def new_values(names: set[str]) -> dict[str, str]:
    """Fresh secrets of 32 random bytes; the first API key in the form that clients know."""
    api_key = Secret.FIRST_API_KEY.value
    return {name: new_key_secret().text if name == api_key else new_secret() for name in names}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
