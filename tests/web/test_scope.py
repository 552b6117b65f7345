"""What somebody of an organization sees, asked of both databases."""

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import insert

from sisportal.config import Settings, load
from sisportal.extensions import db
from sisportal.models import Account, Organization
from tests.web.conftest import NOW, browser
from tests.web.mirrored import rows_of


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    given = {"DATA_DIR": str(tmp_path / "var"), "DATABASE_URL": database_url, "SECRET_KEY": "made-up"}
    return load(given, env_file=None)


def test_the_own_organization_what_is_below_it_and_who_belongs_to_several(app: Flask) -> None:
    people = [
        ("Nakamura", "organization-administrator", 1, [1]),
        ("Abel", "student", 1, [1]),
        ("Xu", "student", 3, [3]),
        ("Ueda", "teacher", 2, [2, 3]),
        ("Eleven", "teacher", 2, [2, 31]),
        ("Suarez", "student", 2, [2]),
        ("Nobody", "student", None, []),
    ]
    with app.app_context():
        places = [(1, "North", None), (2, "South", None), (3, "Annex", 1)]
        rows = [{"id": id_, "name": name, "slug": name, "parent_id": up, "created_at": NOW} for id_, name, up in places]
        db.session.execute(insert(Organization), rows)
        accounts = [
            {
                "role": role, "roles": [role], "username": name, "last_name": name, "search": name.lower(),
                "organization_id": place, "organizations": several, "created_at": NOW,
            }
            for name, role, place, several in people
        ]  # fmt: skip
        db.session.execute(insert(Account), accounts)
        db.session.commit()
    nora = browser(app, 4)
    assert rows_of(nora.get("/accounts")) == ["Abel", "Nakamura", "Ueda", "Xu"]
    assert [nora.get(f"/accounts/{id_}").status_code for id_ in range(5, 11)] == [200, 200, 200, 404, 404, 404]
    assert rows_of(nora.get("/organizations")) == ["North", "Annex"]
    assert nora.get("/organizations/3/users").status_code == 200
