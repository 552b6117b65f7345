from playwright.sync_api import Browser
from redis import Redis
from sqlalchemy import create_engine, inspect, text

from sisportal.models import Base


def test_redis_is_empty_for_each_test_first(redis_url: str) -> None:
    with Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left", "behind")


def test_redis_is_empty_for_each_test_second(redis_url: str) -> None:
    with Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0


def test_a_database_has_every_table_and_takes_rows(database_url: str) -> None:
    engine = create_engine(database_url)

    tables = set(inspect(engine).get_table_names())

    engine.dispose()
    assert tables == set(Base.metadata.tables)


def test_an_empty_database_has_no_tables(empty_database_url: str) -> None:
    engine = create_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE pupil (name TEXT)"))

    tables = inspect(engine).get_table_names()

    engine.dispose()
    assert tables == ["pupil"]


def test_the_browser_opens_a_page(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content("<title>Portal</title>")

    title = page.title()

    page.close()
    assert title == "Portal"
