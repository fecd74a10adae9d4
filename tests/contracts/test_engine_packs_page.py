"""docs/engine_packs.md says what the packs say."""

from appliance.engines.page import PAGE, page


def test_the_page_is_what_the_packs_say() -> None:
    assert PAGE.read_text() == page(), "Run `python -m appliance.engines.page`."
