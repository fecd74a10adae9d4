"""The bootstrap's pure parts: pip's words in uv's, and stamps that notice a change."""

from pathlib import Path

import pytest

from installer import bootstrap
from installer.bootstrap import Part, uv_environment


@pytest.mark.parametrize(
    ("pip", "environ", "expected"),
    [
        ({}, {}, {}),
        ({"index-url": "https://i/simple"}, {}, {"UV_DEFAULT_INDEX": "https://i/simple"}),
        ({"index-url": "https://i/simple"}, {"UV_DEFAULT_INDEX": "mine"}, {}),
        ({"find-links": "/a /b"}, {}, {"UV_FIND_LINKS": "/a,/b"}),
        ({"extra-index-url": "file:///a\nfile:///b"}, {}, {"UV_INDEX": "file:///a file:///b"}),
        ({"cert": "/c.pem"}, {}, {"SSL_CERT_FILE": "/c.pem"}),
    ],
)
def test_uv_looks_where_pip_looks(pip: dict[str, str], environ: dict[str, str], expected: dict[str, str]) -> None:
    always = {"UV_INDEX_STRATEGY", "UV_NO_PROGRESS", "UV_PYTHON_DOWNLOADS"}
    made = uv_environment(pip, environ)
    assert {key: value for key, value in made.items() if key not in always} == expected


def test_a_part_is_made_until_its_source_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "VENV", tmp_path)
    lock = tmp_path / "lock.txt"
    lock.write_text("a==1")
    part = Part(name="a", title="a", sources=(lock,), command=("true",))
    assert not part.is_made()
    part.stamp.write_text(part.digest())
    assert part.is_made()
    lock.write_text("a==2")
    assert not part.is_made()
