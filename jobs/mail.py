"""The job of the mail queue: sends what the outbox holds. It may be killed at any time and sent any number of times."""

import contextlib

from flask import current_app

from sisportal.syncing.mailing import send_due
from sisportal.syncing.queue import QueueGone
from sisportal.web.letters import mailer


def send(mail_id: int) -> None:
    """Send this mail, if it is still due, then the others that are; what is left is handed to the next job."""
    done = send_due(mailer(), mail_id)
    if done.next_id is not None:
        with contextlib.suppress(QueueGone):  # recovery sees that mail waits
            current_app.extensions["queue"].send_mail(done.next_id)
