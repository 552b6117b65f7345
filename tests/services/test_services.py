from datetime import UTC, datetime

from playwright.sync_api import Browser
from redis import Redis
from sqlalchemy import create_engine, insert, inspect, select, text

from sisportal.models import Base, Organization
from tests.services.databases import Stores

ORGANIZATION = {"name": "Lincoln", "slug": "lincoln", "created_at": datetime(2026, 11, 3, tzinfo=UTC)}


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


def test_a_database_that_is_lent_again_is_as_it_was(postgres_stores: Stores) -> None:
    lent = []
    for _ in range(2):
        with postgres_stores.lent() as url:
            engine = create_engine(url)
            with engine.begin() as connection:
                assert not any(connection.execute(select(table)).all() for table in Base.metadata.tables.values())
                first = connection.execute(insert(Organization).values(ORGANIZATION)).inserted_primary_key
            forgotten = engine.connect()
            forgotten.execute(select(Organization))  # locks the table until it ends
        lent.append((url, first))
        forgotten.invalidate()
        engine.dispose()

    assert lent[0] == lent[1]


def test_a_database_whose_tables_were_changed_is_not_lent_again(postgres_stores: Stores) -> None:
    with postgres_stores.lent() as changed:
        engine = create_engine(changed)
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE organization ADD COLUMN pupil TEXT"))
        engine.dispose()

    with postgres_stores.lent() as other:
        assert other != changed


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
