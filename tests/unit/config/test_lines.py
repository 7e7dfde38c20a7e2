"""Line numbers of keys, against a text with everything TOML allows."""

from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connector.config.lines import KeyPath, key_lines, line_of

TEXT = """\
# comment = "no key"
top = 1
"quoted key" = "a # not a comment [x]"

[store] # a comment
url = '''
[not.a.header]
x = 1
'''
list = [
  1, # [one]
  { a = "]" },
]
after = \"\"\"two \\"\"\" [y]
z = 2\"\"\"

[a.b."c.d"]
dotted.key.path = true

[[flows]]
name = "one"
[[flows]]
name = "two"
[flows.deep]
key = 1
"""


def test_each_key_has_its_line() -> None:
    assert key_lines(TEXT) == {
        ("top",): 2,
        ("quoted key",): 3,
        ("store",): 5,
        ("store", "url"): 6,
        ("store", "list"): 10,
        ("store", "after"): 14,
        ("a",): 17,
        ("a", "b"): 17,
        ("a", "b", "c.d"): 17,
        ("a", "b", "c.d", "dotted"): 18,
        ("a", "b", "c.d", "dotted", "key"): 18,
        ("a", "b", "c.d", "dotted", "key", "path"): 18,
        ("flows",): 20,
        ("flows", 0): 20,
        ("flows", 0, "name"): 21,
        ("flows", 1): 22,
        ("flows", 1, "name"): 23,
        ("flows", 1, "deep"): 24,
        ("flows", 1, "deep", "key"): 25,
    }


def test_what_has_no_line_of_its_own_has_that_of_the_table_around_it() -> None:
    lines = key_lines(TEXT)
    assert line_of(("flows", 1, "missing"), lines) == 22
    assert line_of(("store", "list", 1, "a"), lines) == 10
    assert line_of(("nowhere",), lines) is None


keys = st.from_regex(r"[A-Za-z0-9_-]{1,8}", fullmatch=True) | st.sampled_from(['"a.b"', "'#'"])
values = st.sampled_from(
    ["1", '"text"', "'li#t'", "[1, [2]]", "{ a = [1], b = '}' }", '"""a\n[b]\n"""', "1979-05-27"]
)


@given(st.lists(st.tuples(keys, values), unique_by=lambda pair: pair[0].strip("'\"")))
def test_every_key_of_a_table_is_found_where_it_stands(pairs: list[tuple[str, str]]) -> None:
    text, expected, line = "[table]\n", dict[KeyPath, int](), 2
    for key, value in pairs:
        text += f"{key} = {value}\n"
        expected["table", key.strip("'\"")] = line
        line += value.count("\n") + 1
    table: dict[str, Any] = tomllib.loads(text)["table"]
    assert set(table) == {path[1] for path in expected}
    assert key_lines(text) == {("table",): 1, **expected}
