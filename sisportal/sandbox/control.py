"""The sandbox's own page and its control API, beside the provider's addresses."""

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import jinja2
import msgspec

from sisportal.sandbox import operations
from sisportal.sandbox.clever_wire import HTML, Call, Reply, json_reply
from sisportal.sandbox.faults import EFFECTS, Fault
from sisportal.sandbox.oneroster_csv import moment, write_package
from sisportal.sandbox.oneroster_profiles import PROFILES

if TYPE_CHECKING:
    from sisportal.sandbox.service import Sandbox

POLICY = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
FORM = "application/x-www-form-urlencoded"
ZIP = "application/zip"


class Control:
    """Answers ``/``, its stylesheet, and everything below ``/sandbox``."""

    def __init__(self, sandbox: "Sandbox") -> None:
        self._sandbox = sandbox

    def reply(self, call: Call) -> Reply | None:
        """None for the provider's addresses."""
        if call.path in ("/", "/sandbox.css"):
            return self._page(call)
        if call.path != "/sandbox" and not call.path.startswith("/sandbox/"):
            return None
        with self._sandbox.lock:
            return self._controlled(call)

    def _controlled(self, call: Call) -> Reply:
        controls: dict[tuple[str, str], Callable[[Call], Reply]] = {
            ("GET", ""): lambda _: json_reply(self.summary()),
            ("POST", "do"): self._done,
            ("GET", "faults"): lambda _: json_reply(self._sandbox.faults.active),
            ("POST", "faults"): self._fault,
            ("POST", "faults/clear"): self._clear_faults,
            ("GET", "calls"): lambda _: json_reply(list(self._sandbox.calls)),
            ("POST", "calls/clear"): self._clear_calls,
            ("POST", "sign-in"): self._sign_in,
            ("GET", "oneroster.zip"): self._package,
        }
        control = controls.get((call.method, call.path.removeprefix("/sandbox").strip("/")))
        if control is None:
            return json_reply({"error": "no such control"}, 404)
        try:
            return control(call)
        except (msgspec.ValidationError, msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
            return json_reply({"error": f"{type(error).__name__}: {error}"}, 422)

    def _clear_faults(self, call: Call) -> Reply:
        """Switch off all faults, or those of one name."""
        self._sandbox.faults.clear(str(_sent(call).get("name", "")))
        return _answer(call, {"cleared": True})

    def _clear_calls(self, call: Call) -> Reply:
        self._sandbox.calls.clear()
        return _answer(call, {"cleared": True})

    def _done(self, call: Call) -> Reply:
        operation = msgspec.convert(_sent(call), operations.AnyOperation, strict=not _is_form(call))
        outcome = operation.apply(self._sandbox)
        self._sandbox.keep(operation)
        return _answer(call, outcome)

    def _fault(self, call: Call) -> Reply:
        fault = msgspec.convert(_sent(call), Fault, strict=not _is_form(call))
        return _answer(call, self._sandbox.faults.add(fault))

    def _sign_in(self, call: Call) -> Reply:
        """The token that a person would have after signing in; for their id and, if given, one of their roles."""
        asked = _sent(call)
        person = self._sandbox.district.people[asked["person"]]
        return json_reply({"token": self._sandbox.access.sign_in(person, asked.get("role", ""))})

    def _package(self, call: Call) -> Reply:
        """The district as a CSV package: ``version``, ``mode`` (``bulk``, ``delta``), ``since`` (by default this morning)."""
        sandbox, out = self._sandbox, BytesIO()
        district, version, mode = sandbox.district, call.value("version") or "1.1", call.value("mode") or "bulk"
        since = moment(call.value("since") or district.today.isoformat())
        ledger = sandbox.oneroster.ledger(district)
        write_package(district, out, version=version, mode=mode, since=since, ledger=ledger)
        name = f"oneroster-{version}-{mode}-{district.today}.zip"
        return Reply(200, out.getvalue(), ZIP, {"Content-Disposition": f'attachment; filename="{name}"'})

    def summary(self) -> dict[str, Any]:
        """The district in numbers, its keys, and the faults that are on."""
        district, access = self._sandbox.district, self._sandbox.access
        return {
            "district": {"id": district.id, "name": district.name, "state": district.state, "error": district.error},
            "day": district.day, "today": district.today, "seed": district.seed, "numbers": self._numbers(),
            "schools": [{"id": s.id, "name": s.name} for s in district.schools],
            "unshared": [{"id": id_, "name": u.school.name} for id_, u in sorted(district.unshared.items())],
            "departed": len(district.departed), "events": district.feed.enabled, "token": access.district_token, "client_id": access.client_id,
            "client_secret": access.client_secret, "redirect_uris": self._sandbox.login.redirect_uris,
            "oidc": self._sandbox.login.oidc, "rate_limit": access.rate.limit, "oneroster": self._oneroster(),
            "faults": list(self._sandbox.faults.active), "known_faults": {name: said for name, (said, _) in EFFECTS.items()},
        }  # fmt: skip

    def _oneroster(self) -> dict[str, Any]:
        """Where OneRoster is and how it behaves."""
        provider = self._sandbox.oneroster
        profile = provider.profile
        return {
            "profile": provider.profile_name, "roots": dict(profile.roots), "bearer": provider.access.bearer,
            "token_url": "" if profile.only_bearer else profile.token_address,
            "known_profiles": {name: known.says for name, known in PROFILES.items()},
        }  # fmt: skip

    def _numbers(self) -> dict[str, int]:
        people, sections = list(self._sandbox.district.people), list(self._sandbox.district.sections)
        return {
            "schools": len(self._sandbox.district.schools), "students": sum(p.student is not None for p in people),
            "teachers": sum(p.teacher is not None for p in people), "staff": sum(p.staff is not None for p in people),
            "district administrators": sum(p.administrator is not None for p in people),
            "contacts": sum(p.contact is not None for p in people), "sections": len(sections),
            "enrolments": sum(len(s.students) for s in sections), "courses": len(self._sandbox.district.courses),
            "terms": len(self._sandbox.district.terms),
        }  # fmt: skip

    def _page(self, call: Call) -> Reply:
        if call.path == "/sandbox.css":
            return Reply(200, files(__package__).joinpath("page/sandbox.css").read_bytes(), "text/css; charset=utf-8")
        with self._sandbox.lock:
            page = _template().render(self.summary(), calls=list(self._sandbox.calls)[:-13:-1])
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return Reply(200, page.encode(), HTML, headers)


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(files(__package__).joinpath("page/index.html").read_text("utf-8"))


def _is_form(call: Call) -> bool:
    return call.content_type.startswith(FORM)


def _sent(call: Call) -> dict[str, Any]:
    """What the request carries, from JSON or from a form; blank form fields count as left out."""
    if _is_form(call):
        return {key: value for key, value in parse_qsl(call.body.decode()) if value}
    return msgspec.json.decode(call.body, type=dict[str, Any]) if call.body else {}


def _answer(call: Call, outcome: object) -> Reply:
    """JSON for programs; back to the page for a person."""
    return Reply(303, b"", HTML, {"Location": "/"}) if _is_form(call) else json_reply(outcome)
