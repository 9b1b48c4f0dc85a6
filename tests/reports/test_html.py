"""HTML: what is escaped and what is not."""

from mrcnn.reports.html import join, number, page, table, tag
from tests.reports.pages import assert_sound


def test_texts_and_attributes_are_escaped_and_elements_are_not():
    inner = tag("b", "a < b & c", class_="x", data_name="\"'")
    assert inner == '<b class="x" data-name="&quot;&#x27;">a &lt; b &amp; c</b>'
    assert tag("p", inner, None, 3) == f"<p>{inner}3</p>"
    assert join("<", inner) == f"&lt;{inner}"
    assert tag("img", alt="\x1b[2J", hidden=True, title=None) == '<img alt="\\x1b[2J" hidden>'


def test_a_table_keeps_cells_that_are_elements():
    text = table(("name", "AP"), [("<b>", "0.5"), ("c", tag("td", "1", style="color:red"))])
    assert '<th scope="row">&lt;b&gt;</th><td>0.5</td>' in text
    assert text.count("<td") == 2 and '<td style="color:red">1</td>' in text
    assert "<thead>" not in table(None, [("a", "b")])


def test_a_page_is_whole():
    found = assert_sound(page("<title>", tag("p", "</script><script>alert(1)</script>")))
    assert len(found.named("script")) == len(found.named("style")) == 1
    assert found.named("html") == [{"lang": "en"}]
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in found.named("meta")


def test_numbers():
    assert (number(0.12345), number(1), number(-1.0), number(None)) == ("0.123", "1.000", "\u2013", "\u2013")
