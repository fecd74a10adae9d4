"""docs/fit.md is what the published rows and the code say now."""

from model_catalog.fit.table import PAGE, page


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "Run: python -m model_catalog.fit.table"
