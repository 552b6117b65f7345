"""OneRoster 1.1 and 1.2 rostering by REST over the sandbox's district, as true or as odd as the profile says."""

from collections.abc import Callable, Sequence
from functools import partial
from urllib.parse import unquote

from sisportal.sandbox.clever_access import Access
from sisportal.sandbox.clever_wire import HTML, Call, Reply, json_reply, no_such_route
from sisportal.sandbox.district import District
from sisportal.sandbox.oneroster_access import OneRosterAccess
from sisportal.sandbox.oneroster_discovery import described, is_description
from sisportal.sandbox.oneroster_ledger import Ledger
from sisportal.sandbox.oneroster_objects import Listed
from sisportal.sandbox.oneroster_pages import Asked, Pages
from sisportal.sandbox.oneroster_profiles import PROFILES, SPEC_TRUE, Profile
from sisportal.sandbox.oneroster_quirks import straight
from sisportal.sandbox.oneroster_refusals import RefusedError, refusal
from sisportal.sandbox.oneroster_routes import ENDPOINTS, IN_CLASS_IN_SCHOOL, ROSTER, Kept, Lists
from sisportal.sandbox.oneroster_twins import TwinLedger

BUSY_PAGE = b"<html><body>Too many requests, please try again later.</body></html>"
CHANGES_AT = 9
"""The request at which the revision of a provider changes that is loading data."""


class OneRoster:
    """The provider. Its profile may be changed at any time."""

    def __init__(self, application: Access, clock: Callable[[], float]) -> None:
        self.access = OneRosterAccess(application, clock)
        self.profile = SPEC_TRUE
        self.profile_name = "spec-true"
        self.requests = 0
        """How many requests were answered in this profile, for what happens every so many of them."""
        self._ledger: Ledger | None = None
        self._kept = Kept()

    def use(self, profile: str | Profile) -> None:
        """Behave as the profile, or the one of that name; KeyError for none."""
        self.profile = PROFILES[profile] if isinstance(profile, str) else profile
        self.profile_name = profile if isinstance(profile, str) else self.profile.says
        self.requests, self._kept = 0, Kept()

    def ledger(self, district: District) -> Ledger:
        """The district's objects as they are now. The first call begins to follow the district."""
        if self._ledger is None or self._ledger.district is not district:
            self._ledger, self._kept = Ledger(district), Kept()
        self._ledger.take()
        return self._ledger

    def reply(self, district: District, call: Call) -> Reply | None:
        """None for an address that is not OneRoster's."""
        token = self.access.token(call, self.profile)
        if token is not None:
            return token
        for version, root in self.profile.roots:
            if call.raw_path.startswith(f"{root}/"):
                return self._service(district, call, version, root)
        return no_such_route(call) if "/ims/oneroster" in call.path else None

    def _service(self, district: District, call: Call, version: str, root: str) -> Reply:
        steps = [straight(unquote(step)) for step in call.raw_path.removeprefix(f"{root}/").split("/")]
        if version == "1.2" and is_description(steps):
            return json_reply(described(call, root, self.profile.grants_at))
        self.requests += 1
        if self.profile.busy_every and self.requests % self.profile.busy_every == 0:
            return Reply(429, BUSY_PAGE, HTML, {"Retry-After": "1"})
        try:
            return self._answer(district, call, version, root, steps)
        except RefusedError as refused:
            return refusal(self.profile, version, refused)

    def _answer(self, district: District, call: Call, version: str, root: str, steps: list[str]) -> Reply:
        scopes = self.access.scopes(call, version, self.profile)
        if call.method != "GET":
            raise RefusedError("unsupportedoperation", "Rosters can only be read.", 405)
        lists = self._lists(district)
        asked = self._asked(lists, call, version, root, steps)
        if asked is None:
            raise RefusedError("unknownobject", "There is no such object.", 404)
        if _name_of(steps) in self.profile.forbidden or not scopes & set(_scopes(steps)):
            raise RefusedError("forbidden", "The application may not read this.", 403)
        reply = Pages(self.profile, lists, self.requests).reply(asked)
        reply.headers |= self._revision(lists)
        return reply

    def _lists(self, district: District) -> Lists:
        ledger = self.ledger(district)
        if self.profile.twins:
            return Lists(self._kept.get(ledger.number, ("twins",), lambda: TwinLedger(ledger)), self._kept)
        return Lists(ledger, self._kept)

    def _asked(self, lists: Lists, call: Call, version: str, root: str, steps: list[str]) -> Asked | None:
        """What a path leads to; None where there is nothing."""
        make = partial(Asked, call, version, f"http://{call.host}{root}")
        if _name_of(steps) in self.profile.missing or steps[0] not in ENDPOINTS:
            return None
        match steps:
            case [endpoint]:
                return make(endpoint, (endpoint,), lists.all(endpoint))
            case [endpoint, id_]:
                one = lists.one(endpoint, id_)
                return None if one is None else make(endpoint, (), (), one)
        below = self._below(lists, steps)
        return None if below is None else make(steps[-1], (steps[-3], steps[-2], steps[-1]), below)

    def _below(self, lists: Lists, steps: list[str]) -> Sequence[Listed] | None:
        match steps:
            case ["schools", school, "classes", id_, endpoint] if endpoint in IN_CLASS_IN_SCHOOL:
                found = lists.one("classes", id_)
                there = found is not None and getattr(found.item, "school", "") == school
                return lists.in_class(id_, endpoint) if there else None
            case ["classes", id_, "students"] if self.profile.extra_people:
                return [*lists.in_class(id_, "teachers"), *lists.in_class(id_, "students")]
            case [collection, id_, endpoint] if lists.one(collection, id_) is not None:
                return lists.below(collection, id_, endpoint)
        return None

    def _revision(self, lists: Lists) -> dict[str, str]:
        if not self.profile.revisions:
            return {}
        loading = self.profile.revisions == "changing" and self.requests >= CHANGES_AT
        return {"x-perm-rev": f"{lists.ledger.number}{'-b' if loading else ''}"}


def _name_of(steps: list[str]) -> str:
    """``users`` of ``/users`` and of ``/users/1``, ``schools/classes`` of ``/schools/1/classes``."""
    return steps[0] if len(steps) < 3 else f"{steps[0]}/{steps[-1]}"


def _scopes(steps: list[str]) -> tuple[str, ...]:
    """One of which the address wants: what belongs to something wants more than the collections do."""
    return ENDPOINTS[steps[0]].scopes if len(steps) < 3 else (ROSTER,)
