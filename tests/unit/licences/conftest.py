"""One vendor, one customer."""

from pathlib import Path

import pytest

from tests.fixtures.licences import Customer, Vendor


@pytest.fixture
def vendor(tmp_path: Path) -> Vendor:
    return Vendor(tmp_path / "vendor")


@pytest.fixture
def customer(tmp_path: Path) -> Customer:
    return Customer(tmp_path / "customer")
