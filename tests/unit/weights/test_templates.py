import json
from pathlib import Path

import pytest

from appliance.base.errors import BadRequest
from appliance.weights.safety import examine_folder
from appliance.weights.templates import templates_in, try_templates

ORDINARY = """{%- for message in messages %}{% if not loop.first %}{% continue %}{% endif %}
<|{{ message['role'] }}|>{% generation %}{{ message['content'] | tojson }}{% endgeneration %}{{ eos_token }}
{%- endfor %}{{ strftime_now('%Y') }}{% if tools %}{{ raise_exception('no') }}{% endif %}"""
COMPLAINS = "{{ raise_exception('roles must alternate') }}"
LACKS = "{{ nothing.at.all }}{{ 1 / 0 }}"


def test_ordinary_templates_are_taken() -> None:
    assert try_templates([ORDINARY, COMPLAINS, LACKS, "{% broken"]).refusal is None


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "does not end"),
        ("{% for a in range(99999) %}xxxxxxxxxxxxxxxxxxxxxxxxx{% endfor %}", "writes more than 1 MiB"),
        ("{% set a = 'x' * 9999999999 %}", "fills the memory"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "calls itself"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "insides"),
        ("{{ messages.append(1) }}", "insides"),
        ("{{ cycler.__init__.__globals__.os.system('true') }}", "insides"),
    ],
)
def test_templates_that_do_not_end_or_reach_out_are_refused(template: str, words: str) -> None:
    assert words in str(try_templates([template], wall_seconds=20).refusal)


def test_too_many_and_too_long_ones_are_refused_unread() -> None:
    assert "33 chat templates" in str(try_templates(["x"] * 33).refusal)
    assert "1 MiB" in str(try_templates(["x" * (1024 * 1024 + 1)]).refusal)


def test_templates_are_found_where_tokenizers_keep_them() -> None:
    named = [{"name": "default", "template": "a"}, {"name": "tools", "template": "b"}, "odd", {"template": 3}]
    assert templates_in("tokenizer_config.json", json.dumps({"chat_template": named}).encode()) == ["a", "b"]
    assert templates_in("deep/tokenizer_config.json", b'{"chat_template": "c"}') == ["c"]
    assert templates_in("chat_template.json", b'{"chat_template": {"x": "d", "y": 1}}') == ["d"]
    assert templates_in("chat_template.jinja", b"e") == ["e"]
    assert templates_in("config.json", b'{"chat_template": "c"}') == []
    assert templates_in("tokenizer_config.json", b"[]") == []


def test_a_folder_with_a_bad_template_is_refused(model_folder: Path) -> None:
    bad = {"chat_template": "{{ ''.__class__.__base__ }}"}
    (model_folder / "tokenizer_config.json").write_text(json.dumps(bad))
    with pytest.raises(BadRequest, match=r"tokenizer_config\.json: has a chat template that reaches"):
        examine_folder(model_folder)
