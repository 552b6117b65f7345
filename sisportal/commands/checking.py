"""``flask check``: the store held against itself."""

import click

from sisportal.commands.answers import print_json
from sisportal.commands.entry import JSON, Failed, PortalCommand, portal
from sisportal.syncing.selfcheck import check_store


@click.command("check", cls=PortalCommand)
@JSON
def check(as_json: bool) -> None:
    """Say what of the stored data does not fit together, and what to do. Fails where there is something."""
    here = portal()
    found = check_store(here.engine, here.cipher, here.clock())
    if as_json:
        print_json({"ok": not found, "findings": found})
    else:
        for finding in found:
            click.echo(f"{finding.what} {finding.advice}")
    if found:
        raise Failed(f"{len(found):,} things do not fit together." if found[1:] else "1 thing does not fit together.")
    if not as_json:
        click.echo("Everything fits together.")
