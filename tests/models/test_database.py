"""How engines talk to each database."""

import stat
from pathlib import Path

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


def test_the_database_file_and_what_sqlite_puts_beside_it_are_its_users_alone(tmp_path: Path) -> None:
    file = tmp_path / "elsewhere.sqlite3"
    file.touch(mode=0o644)
    engine = make_engine(f"sqlite:///{file}")
    with engine.connect() as connection:
        connection.execute(text("CREATE TABLE pupil (name TEXT)"))
        connection.commit()
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    engine.dispose()
    assert modes == {f"elsewhere.sqlite3{suffix}": 0o600 for suffix in ("", "-wal", "-shm")}
