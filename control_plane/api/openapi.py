"""`python -m control_plane.api.openapi [--write]`: print the OpenAPI document, or renew the committed one.

`control_plane/openapi.json` is what clients are generated from; a contract test fails where it differs from the code,
so a change of the API is seen in review.
"""

import json
import sys
from pathlib import Path

from fastapi import FastAPI
from sqlalchemy.orm import sessionmaker

from appliance.base.settings import Settings
from control_plane.api.application import Parts, build_application

COMMITTED = Path(__file__).resolve().parents[1] / "openapi.json"


def unconnected_application() -> FastAPI:
    """The application with nothing behind it: enough to describe itself."""
    return build_application(Parts(Settings.model_validate({}), sessionmaker(), lambda _: None))


def document() -> str:
    return json.dumps(unconnected_application().openapi(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    if arguments == ["--write"]:
        COMMITTED.write_text(document())
    else:
        sys.stdout.write(document())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
