"""Pages in a real browser: nothing is requested, nothing fails, charts are drawn, filters filter."""

import pytest

from mrcnn.reports import evaluation
from tests import browser
from tests.reports.pages import Scenes, outcome
from tests.reports.test_comparison_page import page_of

pytestmark = browser.needed

DRAWN = """
[...document.querySelectorAll("figure.chart svg")].map(svg => {
  const box = svg.getBoundingClientRect();
  const shapes = [...svg.querySelectorAll("path")].filter(path => path.getBBox().width > 1).length;
  return box.width > 200 && box.height > 80 && shapes > 2;
})
"""


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    with browser.running(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "index.html"
    path.write_text(evaluation.write(outcome(), Scenes(), "tiny on val", {"weights": "w" * 200}))
    return path


def assert_quiet(page, path, charts):
    """No error, no request but for the page itself, nothing wider than the window, all charts drawn."""
    assert page.faults == []
    assert [url for url in page.requests if not url.startswith("data:")] == [path.as_uri()]
    drawn = page.value(DRAWN)
    assert drawn == [True] * charts
    assert page.value("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.value("[...document.images].every(image => image.complete && image.naturalWidth > 0)")


@pytest.mark.parametrize("width", [1200, 390])
def test_an_evaluation(chromium, evaluated, width):
    page = chromium.open(evaluated, width)
    assert_quiet(page, evaluated, 5)


@pytest.mark.parametrize("width", [1200, 390])
def test_a_comparison(chromium, tmp_path, width):
    path = tmp_path / "index.html"
    path.write_text(page_of([outcome(), outcome(found=(0, 1))], {"config.SEED": ["7", "8"]}))
    assert_quiet(chromium.open(path, width), path, 1)


def test_filters(chromium, evaluated):
    page = chromium.open(evaluated)

    def choose(name, value):
        page.value(
            f"{{ const s = document.querySelector('select[name={name}]'); s.value = {value!r};"
            "s.dispatchEvent(new Event('change')); }"
        )
        shown = page.value("document.querySelector('.shown').textContent")
        visible = "[...document.querySelectorAll('.pictures figure')].filter(f => f.offsetHeight > 0).length"
        assert page.value(visible) == int(shown)
        return int(shown)

    assert choose("class", "stone") == 1
    assert choose("kind", "missed") == 1
    page.value("document.querySelector('.pictures figure').dataset.kind = '[]'")
    assert choose("kind", "missed") == 0
    assert choose("kind", "") == 1
    assert page.faults == []
