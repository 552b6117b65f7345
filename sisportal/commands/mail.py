"""``flask mail``: what waits in the outbox, and sending it without a worker."""

import click

from sisportal.commands.answers import note, print_json
from sisportal.commands.entry import JSON, Failed, Portal, PortalGroup, portal
from sisportal.models.database import writing
from sisportal.syncing import outbox
from sisportal.syncing.mailing import Done, send_due
from sisportal.web.letters import mailer


@click.group("mail", cls=PortalGroup)
def mail() -> None:
    """Mails to people: of new accounts, forgotten passwords and notifications."""


@mail.command("send")
@JSON
def send(as_json: bool) -> None:
    """Send every mail that is due now, and say what came of it. The portal's worker does the same by itself."""
    here, post, total = portal(), mailer(), Done()
    with writing(here.engine).begin() as connection:
        outbox.tidy(connection, here.clock())
    while True:
        done = send_due(post, total.next_id, force=True)
        total.trouble, total.next_id = done.trouble, done.next_id
        for state, number in done.states.items():
            total.states[state] = total.states.get(state, 0) + number
        if done.next_id is None:
            break
    if as_json:
        print_json({"states": total.states, "trouble": total.trouble})
    else:
        parts = [f"{number:,} {state}" for state, number in total.states.items()]
        click.echo(f"Mails: {', '.join(parts)}." if parts else "No mail is due.")
    if total.trouble:
        raise Failed(total.trouble)


@mail.command("status")
@JSON
def status(as_json: bool) -> None:
    """Say how many mails are in which state, and what keeps the mail server from taking any."""
    here = portal()
    with here.engine.connect() as connection:
        numbers, trouble = outbox.counts(connection), outbox.trouble(connection)
    sentence = trouble.sentence if trouble else ""
    if not here.settings.smtp_url:
        sentence = "SMTP_URL is not set, so no mail can be sent."
    if as_json:
        print_json({"states": numbers, "trouble": sentence})
        return
    click.echo(", ".join(f"{number:,} {state}" for state, number in numbers.items()))
    if sentence:
        click.echo(sentence)


def note_mails(here: Portal, sync_id: int) -> None:
    """Say that a commit has written to people, and what sends it."""
    with here.engine.connect() as connection:
        waiting = outbox.waiting_of(connection, sync_id)
    if not waiting:
        return
    sends = "The running portal sends them, and so does: flask mail send"
    if not here.settings.smtp_url:
        sends = "They are kept: set SMTP_URL, then the portal sends them."
    note(f"{waiting:,} mails about new accounts wait. {sends}")
