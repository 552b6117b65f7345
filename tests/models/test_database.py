"""How engines talk to each database."""

from sqlalchemy import text

from sisportal.models.database import make_engine


def test_postgresql_plans_cursors_to_be_read_to_their_end(postgres_url: str) -> None:
    engine = make_engine(postgres_url)
    for _ in range(2):  # also on a connection that was given back
        with engine.connect() as connection:
            assert connection.scalar(text("SHOW cursor_tuple_fraction")) == "1"
            connection.rollback()
            assert connection.scalar(text("SHOW cursor_tuple_fraction")) == "1"
    engine.dispose()
