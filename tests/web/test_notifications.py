"""The bell and the page of notifications."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from sisportal.extensions import db
from sisportal.models import NoticeKind, Notification
from sisportal.web.notifications import KINDS
from tests.web.conftest import NOW


def add(app: Flask, account_id: int = 1, text: str = "Prepared.", link: str = "", kind: str = "prepared") -> int:
    with app.app_context():
        notification = Notification(account_id=account_id, kind=kind, text=text, created_at=NOW, link=link)
        db.session.add(notification)
        db.session.commit()
        return notification.id


def unread(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(select(Notification.text).where(Notification.read_at.is_(None))))


def test_the_bell_counts_ones_own_unread_notifications(app: Flask, ada: FlaskClient) -> None:
    add(app)
    add(app)
    add(app, account_id=2)
    assert "Notifications: 2 unread" in ada.get("/notifications/bell").text


@pytest.mark.parametrize(
    ("link", "leads_to"),
    [
        ("/syncs/7", "/syncs/7"),
        ("/admin/sis/clever/status", "/admin/sis/clever/status"),
        ("", "/notifications"),
        ("https://elsewhere.example", "/notifications"),
    ],
)
def test_following_a_notification_leads_to_what_it_tells_of_and_reads_it(
    app: Flask, ada: FlaskClient, link: str, leads_to: str
) -> None:
    number = add(app, link=link)
    assert ada.get(f"/notifications/{number}").location == leads_to
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


def test_the_list_is_searched_and_narrowed_to_a_kind_and_to_what_is_unread(app: Flask, ada: FlaskClient) -> None:
    add(app, text="The sync failed. The token was refused.", kind="failed")
    add(app, text="The sync failed. The server did not answer.", kind="failed")
    add(app, text="The sync is committed: 3 students.", kind="committed")
    ada.post("/notifications/read", data={"id": 1})
    add(app, account_id=2, text="The token of somebody else.", kind="failed")

    def shown(query: str) -> list[str]:
        page = ada.get(f"/notifications?{query}").text
        return [word for word in ("token was", "server did", "3 students", "somebody else") if word in page]

    assert shown("") == ["token was", "server did", "3 students"]
    assert shown("kind=failed") == ["token was", "server did"]
    assert shown("kind=failed&show=unread") == ["server did"]
    assert shown("q=FAILED+token") == ["token was"]
    assert shown("q=nothing") == []
    assert "Show everything" in ada.get("/notifications?q=nothing").text
    assert "2 notifications" in ada.get("/notifications?kind=failed").text


def test_a_long_list_comes_in_pages_and_its_links_keep_what_was_asked_for(app: Flask, ada: FlaskClient) -> None:
    for number in range(53):
        add(app, text=f"Sync {number} failed.", kind="failed")

    first, second = ada.get("/notifications?kind=failed").text, ada.get("/notifications?kind=failed&page=2").text

    assert "50 of 53 notifications" in first
    assert "Sync 52 failed." in first
    assert "Sync 2 failed." in second
    assert "/notifications?kind=failed&amp;page=2" in first
    assert "/notifications?kind=failed&amp;show=unread" in first


def test_the_bell_asks_again_by_itself(ada: FlaskClient) -> None:
    bell = ada.get("/notifications/bell").text
    assert 'hx-get="/notifications/bell"' in bell
    assert 'hx-trigger="every 20s"' in bell


def test_every_kind_of_notification_can_be_asked_for() -> None:
    assert set(KINDS) == {"", *NoticeKind}
