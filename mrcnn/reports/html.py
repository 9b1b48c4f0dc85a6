"""Write HTML: elements whose texts are escaped, tables, and a whole page with its style and script."""

import html
import re
from pathlib import Path

from mrcnn.screen import printable

_VOID = {"img", "input", "meta", "br"}
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


class Markup(str):
    """HTML; every other text is escaped when it becomes part of an element."""


def tag(name, /, *children, **attributes):
    """Return an element.

    children: Markup, or texts and numbers, which are escaped; None is left out. attributes: ``class_`` and
    the like lose the line at their end, other lines become hyphens; None is left out, True has no value.
    """
    words = [name]
    for key, value in attributes.items():
        if value is not None:
            key = key.rstrip("_").replace("_", "-")
            words.append(key if value is True else f'{key}="{_escaped(value)}"')
    opening = f"<{' '.join(words)}>"
    return Markup(opening if name in _VOID else f"{opening}{join(*children)}</{name}>")


def join(*children):
    """Return elements and texts, one after another."""
    return Markup("".join(c if isinstance(c, Markup) else _escaped(c) for c in children if c is not None))


def _escaped(value):
    return html.escape(printable(value))


def table(head, rows, numbers=True, **attributes):
    """Return a table that scrolls within its width.

    head: texts above the columns, or None. rows: lists of cells, texts or elements ``td``; the first cell
    names the row. numbers: whether the other cells are numbers, which stand to the right.
    """
    body = [tag("tr", tag("th", first, scope="row"), *map(_cell, rest)) for first, *rest in rows]
    top = head and tag("thead", tag("tr", *(tag("th", text, scope="col") for text in head)))
    inner = tag("table", top, tag("tbody", *body), class_="numbers" if numbers else None, **attributes)
    return tag("div", inner, class_="scrolls", tabindex="0")


def _cell(cell):
    return cell if isinstance(cell, Markup) and cell.startswith("<td") else tag("td", cell)


def section(title, *children):
    """Return a section under a heading, to which the page's list of contents leads."""
    name = re.sub(r"\W+", "-", title.lower()).strip("-")
    return tag("section", tag("h2", title), *children, id=name)


def _contents(sections):
    """Return links to the sections among some elements."""
    links = [
        tag("a", Markup(title), href=f"#{name}")
        for name, title in re.findall(r'<section id="([\w-]+)"><h2>(.*?)</h2>', join(*sections))
    ]
    return tag("nav", *links) if len(links) > 1 else None


def lines(texts):
    """Return lines of text in a font of one width, with their blanks."""
    return tag("pre", Markup("\n".join(_escaped(text) for text in texts)))


def page(title, *children):
    """Return a whole page as text. Its policy forbids the browser every request."""
    here = Path(__file__)
    style, script = (
        Markup(here.with_name(name).read_text(encoding="utf-8")) for name in ("page.css", "page.js")
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("title", title),
        tag("style", style),
    )
    body = tag("body", tag("main", tag("h1", title), _contents(children), *children), tag("script", script))
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"


def number(value, digits=3):
    """Return a measure between 0 and 1 as text; a dash for one that there is not (None or below 0)."""
    return "\N{EN DASH}" if value is None or value < 0 else f"{value:.{digits}f}"
