"""docs/catalogue.md is what the entries say now."""

from model_catalog.page import PAGE, page


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "Run: python -m model_catalog.page"
