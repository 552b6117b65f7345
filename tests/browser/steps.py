"""What a person does in the browser to set a portal up and connect it."""

from playwright.sync_api import Page, expect

EMAIL = "ada@example.org"
PASSWORD = "correct horse battery"


def set_up(page: Page, code: str, begin: str = "") -> None:
    """The first start, from whichever page leads to it."""
    page.goto("/")
    expect(page).to_have_url("/setup")
    page.get_by_label("One-time code").fill(code)
    page.get_by_label("Name of the portal").fill("Lincoln School")
    page.get_by_label("Time zone").select_option("Europe/Stockholm")
    page.get_by_label("First name").fill("Ada")
    page.get_by_label("Last name").fill("Lovelace")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    if begin:
        page.get_by_label("How to begin").select_option(begin)
    page.get_by_role("button", name="Set up").click()
    expect(page.get_by_text("you are signed in")).to_be_visible()


def sign_in(page: Page) -> None:
    page.goto("/sign-in")
    page.get_by_label("Username").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Home")


def connect(page: Page, sis: str, token: str) -> None:
    """From the home page to the list of schools, with a test before."""
    page.get_by_role("link", name="Connect Clever").click()
    page.get_by_role("button", name="Yes").click()
    page.get_by_label("API base URL").fill(sis)
    page.get_by_label("District token").fill(token)
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_text("Everything works")).to_be_visible()
    if not page.get_by_label("District token").input_value():  # a whole new page does not give a secret back
        page.get_by_label("District token").fill(token)
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.get_by_text("Clever is connected.")).to_be_visible()


def choose_school(page: Page, name: str) -> None:
    page.get_by_role("radio", name=name).check()
    page.get_by_role("button", name="Choose this school").click()


def sync_now(page: Page) -> None:
    """From the Status tab."""
    page.get_by_role("button", name="Sync now").click()
    page.get_by_role("button", name="Start the sync").click()


def commit(page: Page) -> None:
    """From the report."""
    page.get_by_role("button", name="Commit", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Commit", exact=True).click()


def reload_until(page: Page, text: str) -> None:
    """What somebody without scripts does while they wait."""
    for _ in range(200):
        if page.get_by_text(text, exact=True).is_visible():
            return
        page.wait_for_timeout(100)
        page.reload()
    expect(page.get_by_text(text, exact=True)).to_be_visible()
