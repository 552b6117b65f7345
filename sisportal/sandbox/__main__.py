"""``python -m sisportal.sandbox``: serves a generated district until it is stopped."""

import argparse
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

from sisportal.sandbox.memory import Origin, OtherDistrictError, keeper, recall
from sisportal.sandbox.oneroster_profiles import PROFILES
from sisportal.sandbox.service import create_sandbox
from sisportal.sandbox.serving import make_http_server


def main(arguments: list[str] | None = None) -> int:
    """Serve; returns the exit status."""
    asked = _parser().parse_args(arguments)
    # Yesterday's SIS was certainly read by now, whatever the hour.
    today = asked.today or datetime.now(UTC).date() - timedelta(days=1 + asked.days)
    try:
        memory = recall(asked.state, Origin(asked.students, asked.seed, asked.schools, today), asked.days)
    except OtherDistrictError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sandbox = create_sandbox(memory.origin.district(), token=asked.token, rate_limit=asked.rate_limit)
    sandbox.login.redirect_uris, sandbox.login.oidc = asked.redirect_uri, asked.oidc
    if asked.profile:
        sandbox.oneroster.use(asked.profile)
    sandbox.oneroster.ledger(sandbox.district)
    memory.repeat(sandbox)
    sandbox.keep = keeper(asked.state, memory)
    server = make_http_server(sandbox, asked.host, asked.port)
    for name in (signal.SIGTERM, signal.SIGINT):  # shutdown waits for the loop that this very thread runs
        signal.signal(name, lambda *_: Thread(target=server.shutdown).start())
    sys.stdout.write(
        f"Test double of Clever and OneRoster (not affiliated): {sandbox.district.name}, {asked.students:,} students\n"
        f"  http://{asked.host}:{server.server_port}\n  token {sandbox.token}\n"
        f"  OneRoster {', '.join(root for _, root in sandbox.oneroster.profile.roots)}: {sandbox.oneroster.profile_name}\n"
    )
    sys.stdout.flush()
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sisportal.sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5001, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--students", type=_students, default=300, help="10 to 100000 (default: %(default)s)")
    parser.add_argument("--schools", type=int, help="how many (default: by the number of students)")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other people (default: %(default)s)")
    parser.add_argument("--today", type=lambda text: datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date(),
                        help="the district's first day, YYYY-MM-DD (default: yesterday)")  # fmt: skip
    parser.add_argument(
        "--days", type=int, default=0, help="how many have passed in a new district: its feed has events then"
    )
    parser.add_argument("--token", default="", help="the district's token (default: made from the seed)")
    parser.add_argument(
        "--rate-limit", type=int, default=1200, help="requests a minute and token (default: %(default)s)"
    )
    parser.add_argument(
        "--redirect-uri", action="append", default=[], help="where sign-in may lead; the first is the primary one"
    )
    parser.add_argument("--oidc", action="store_true", help="give the application id_tokens")
    parser.add_argument(
        "--profile", choices=PROFILES, metavar="NAME", help=f"how OneRoster behaves: {', '.join(PROFILES)}"
    )
    parser.add_argument("--state", type=Path, help="a file that remembers what was done, repeated at the next start")
    return parser


def _students(text: str) -> int:
    if not text.isdecimal() or not 10 <= int(text) <= 100_000:
        raise argparse.ArgumentTypeError("between 10 and 100000")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
