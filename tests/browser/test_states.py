"""Every state of `states`: no violation that axe knows of in either theme, and nothing wider than a phone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no annotations
from playwright.sync_api import Page

from tests.browser.conftest import Watch
from tests.browser.site import SIZES, Site
from tests.browser.states import STATES, Stage, State

pytestmark = pytest.mark.once

# What a theme can change; everything else was asked in the other one.
COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}

# What stands over the edge of a phone and is in nothing that scrolls sideways itself.
WIDER = """
[...document.querySelectorAll("body *")].filter(element => {
    const box = element.getBoundingClientRect()
    if (!element.checkVisibility({opacityProperty: true, visibilityProperty: true})) return false
    if (box.width < 2 || (box.right <= 391 && box.left >= -1)) return false
    return !element.closest(".lanes, lane-tabs, .sets, pre, .table-scroll, .weather__hours, .sidebar, svg, [popover]")
}).map(element => element.outerHTML.slice(0, 120))
"""


@pytest.mark.parametrize("one", STATES, ids=[one.name for one in STATES])
def test_a_state_is_accessible_and_fits(one: State, visit: Callable[..., Page], server: Site, watch: Watch) -> None:
    watch.expect(*one.complaints)
    page = one.reach(Stage(server, one.sizes[0], partial(visit, reduced_motion="reduce")))
    for scheme, rules in (("light", {}), ("dark", COLOURS)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # one of two literals
        page.wait_for_timeout(50)
        found = Axe().run(page, options=rules)
        assert found.violations_count == 0, f"{scheme}: {found.generate_report()}"
    if "phone" in one.sizes:
        page.set_viewport_size(SIZES["phone"]["viewport"])
        assert page.evaluate(WIDER) == []
