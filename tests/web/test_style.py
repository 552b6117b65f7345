"""The design system in a real browser: with and without script, wide and narrow, light and dark."""

import logging
from collections.abc import Iterator
from threading import Thread

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from tests.web.style_site import make_style_site

WIDTHS = (1280, 390)


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, make_style_site(), threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    with browser.new_context(base_url=site) as context:
        yield context.new_page()


@pytest.fixture
def scriptless(browser: Browser, site: str) -> Iterator[Page]:
    with browser.new_context(base_url=site, java_script_enabled=False) as context:
        yield context.new_page()


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_part_is_accessible_and_fits(browser: Browser, site: str, width: int, colours: str) -> None:
    size = {"width": width, "height": 900}
    with browser.new_context(
        base_url=site,
        viewport={"width": width, "height": 900},
        color_scheme="dark" if colours == "dark" else "light",
        bypass_csp=True,  # axe is written into the page
    ) as context:
        page = context.new_page()
        found = []
        for path in ("/status", "/error/404"):
            page.goto(path)
            found += Axe().run(page).response["violations"]
            assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
        page.goto("/status")
        page.get_by_role("button", name="Sync now").click()
        found += Axe().run(page).response["violations"]

    assert [(rule["id"], [node["target"] for node in rule["nodes"]]) for rule in found] == []


def test_a_page_asks_no_other_host_and_the_policy_stops_nothing(page: Page, site: str) -> None:
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))

    page.goto("/status", wait_until="networkidle")

    assert [url for url in asked if not url.startswith((site, "data:"))] == []
    assert said == []


def test_a_tab_is_swapped_without_loading_the_page_and_back_shows_the_first(page: Page) -> None:
    page.goto("/status")
    page.evaluate("window.loadedOnce = true")

    page.get_by_role("navigation", name="Clever").get_by_role("link", name="Students").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Students")
    expect(page.locator(".tab[aria-current]")).to_have_text("Students")
    expect(page).to_have_title("Students · Lincoln Unified")
    expect(page.locator("h1")).to_be_focused()
    assert page.url.endswith("/students")
    assert page.evaluate("window.loadedOnce") is True
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Status")
    expect(page.locator("#sidebar")).to_have_count(1)


def test_searching_keeps_the_sort_the_filter_and_the_place_in_the_box(page: Page) -> None:
    page.goto("/students")
    page.get_by_role("link", name="Linked").first.click()
    expect(page.locator(".segment[aria-current]")).to_contain_text("Linked")
    page.get_by_role("columnheader", name="Grade").get_by_role("link").click()
    expect(page.locator("th[aria-sort]")).to_have_text("Grade")

    page.get_by_role("searchbox").press_sequentially("chen")

    expect(page.locator("#people tbody tr")).to_have_count(2)
    expect(page.get_by_role("searchbox")).to_be_focused()
    query = page.url.partition("?")[2].split("&")
    assert {"q=chen", "state=linked", "sort=grade"} <= set(query)


def test_a_tick_saves_at_once_and_is_taken_back_when_it_could_not_be_saved(page: Page) -> None:
    page.goto("/students")
    page.locator("#tick-0").click()
    expect(page.locator("#person-0")).to_have_class("row-unticked")
    expect(page.locator("#tick-0")).to_be_focused()

    page.route("**/tick/**", lambda route: route.fulfill(status=503, body="not now"))
    page.locator("#tick-1").click()

    expect(page.get_by_text("the last change is not saved")).to_be_visible()
    expect(page.locator("#tick-1")).to_be_checked()

    page.unroute("**/tick/**")
    said = "<div id='error'><p data-says>The disk is full.</p><p data-says>Make room.</p></div>"
    page.route("**/tick/**", lambda route: route.fulfill(status=507, body=said))
    page.locator("#tick-1").click()

    expect(page.locator("#connection-lost")).to_have_text("The disk is full. Make room.")


def test_a_refused_form_comes_back_in_its_place_with_the_message(page: Page) -> None:
    page.goto("/configure")
    page.locator("#token").fill("secret")
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.locator("#address")).to_have_accessible_description(
        "Clever’s own unless the sandbox is used. Type the address of the API."  # noqa: RUF001 -- as the page writes it
    )
    expect(page.locator("#address")).to_be_focused()
    expect(page.get_by_text("the last change is not saved")).to_be_hidden()


def test_everything_can_be_reached_without_script(scriptless: Page) -> None:
    page = scriptless
    page.goto("/status")
    page.get_by_role("button", name="Sync now").click()
    expect(page.locator("#sync-now")).to_be_visible()
    page.get_by_role("button", name="Not now").click()
    expect(page.locator("#sync-now")).to_be_hidden()
    expect(page.locator("#person-0").get_by_role("button", name="Save")).to_be_visible()

    page.get_by_role("navigation", name="Clever").get_by_role("link", name="Students").click()
    page.get_by_role("searchbox").fill("chen")
    page.get_by_role("button", name="Search").click()

    expect(page.locator("#people tbody tr")).to_have_count(2)


def test_the_navigation_opens_on_a_telephone_without_script(scriptless: Page) -> None:
    scriptless.set_viewport_size({"width": 390, "height": 800})
    scriptless.goto("/status")
    expect(scriptless.get_by_role("link", name="App center")).to_be_hidden()

    scriptless.get_by_role("button", name="Menu", exact=True).click()

    expect(scriptless.get_by_role("link", name="App center")).to_be_visible()


def test_the_chosen_colours_win_over_the_systems(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto("/status")

    page.get_by_role("button", name="Dark").click()

    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
