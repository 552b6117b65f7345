"""The bell and the page of notifications."""

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from sisportal.extensions import db
from sisportal.models import Notification, SisConnection, Sync
from tests.web.conftest import NOW


def add(app: Flask, account_id: int = 1, text: str = "Prepared.", sync_id: int | None = None) -> int:
    with app.app_context():
        notification = Notification(account_id=account_id, kind="prepared", text=text, created_at=NOW, sync_id=sync_id)
        db.session.add(notification)
        db.session.commit()
        return notification.id


def unread(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(select(Notification.text).where(Notification.read_at.is_(None))))


def add_sync(app: Flask) -> int:
    with app.app_context():
        db.session.add(SisConnection(id=1, kind="clever", created_at=NOW, updated_at=NOW))
        db.session.flush()
        db.session.add(Sync(id=7, connection_id=1, mode="full", created_at=NOW))
        db.session.commit()
    return 7


def test_the_bell_counts_ones_own_unread_notifications(app: Flask, ada: FlaskClient) -> None:
    add(app)
    add(app)
    add(app, account_id=2)
    assert "Notifications: 2 unread" in ada.get("/notifications/bell").text


def test_following_a_notification_leads_to_its_report_and_reads_it(app: Flask, ada: FlaskClient) -> None:
    number = add(app, sync_id=add_sync(app))
    assert ada.get(f"/notifications/{number}").location == "/syncs/7"
    assert unread(app) == []


def test_nobody_reads_anothers_notification(app: Flask, ben: FlaskClient) -> None:
    number = add(app)
    assert ben.get(f"/notifications/{number}").status_code == 404
    ben.post("/notifications/read", data={"id": number})
    ben.post("/notifications/read")
    assert unread(app) == ["Prepared."]


def test_one_is_marked_as_read_or_all(app: Flask, ada: FlaskClient) -> None:
    first, _, _ = add(app, text="1"), add(app, text="2"), add(app, text="3")
    ada.post("/notifications/read", data={"id": first})
    assert unread(app) == ["2", "3"]
    ada.post("/notifications/read")
    assert unread(app) == []


def test_the_page_shows_all_or_the_unread_ones(app: Flask, ada: FlaskClient) -> None:
    ada.post("/notifications/read", data={"id": add(app, text="Old news.")})
    add(app, text="Fresh news.")
    assert (
        "Old news." in ada.get("/notifications").text,
        "Old news." in ada.get("/notifications?show=unread").text,
    ) == (
        True,
        False,
    )


def test_a_page_that_does_not_exist_shows_none(ada: FlaskClient) -> None:
    assert ada.get("/notifications?page=99").status_code == 200
