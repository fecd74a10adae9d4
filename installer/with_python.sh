#!/usr/bin/env bash
# Finds a Python that can carry the appliance and hands over to bootstrap.py; runs in the root of the checkout.
set -euo pipefail
for python in python3.11 python3.12 python3.13 python3; do
  if "$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    exec "$python" installer/bootstrap.py "$@"
  fi
done
echo "Python 3.11 or newer with its venv module is missing. On Debian: apt install python3 python3-venv" >&2
exit 1
