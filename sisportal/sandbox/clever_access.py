"""Who may call Clever's API: tokens of districts and of people, their scopes, the rate limit (Clever: Authentication)."""

import base64
import binascii
import hashlib
from dataclasses import dataclass, field

import msgspec

from sisportal.sandbox.clever_tokens import authorized_by, older_id, user_info
from sisportal.sandbox.clever_visitors import Visitor, find
from sisportal.sandbox.clever_wire import (
    Call,
    Rendered,
    Reply,
    json_reply,
    no_such_route,
    not_found,
    present,
    timestamp,
    unrecognized_token,
)
from sisportal.sandbox.district import District
from sisportal.sandbox.entities import Person, at, schools_of

SCOPES = [
    "read:district_admins", "read:school_admins", "read:sections", "read:student_contacts", "read:students",
    "read:teachers", "read:user_id",
]  # fmt: skip
API_VERSIONS = ("v1.1", "v2.0", "v2.1", "v3.0", "v3.1")
OLDER = {"student": "students", "teacher": "teachers", "staff": "school_admins", "district_admin": "district_admins",
         "contact": "contacts"}  # fmt: skip
"""Collections of the versions before 3.0, by the role of a login."""
WINDOW = 60
"""Seconds of the fixed window in which calls are counted."""


@dataclass
class RateLimit:
    """Calls that one token may make in a fixed minute."""

    limit: int
    joined: bool = False
    """Name two buckets at once in the headers, comma-joined, as Clever sometimes does."""
    _used: dict[tuple[str, int], int] = field(default_factory=dict)

    def take(self, token: str, now: float) -> tuple[bool, dict[str, str]]:
        """Count one call: whether it is within the limit, and the headers that tell."""
        window = int(now) // WINDOW
        if (token, window) not in self._used:
            self._used = {key: used for key, used in self._used.items() if key[1] == window}
        used = self._used[token, window] = self._used.get((token, window), 0) + 1
        return used <= self.limit, self.headers(max(0, self.limit - used), (window + 1) * WINDOW)

    def headers(self, remaining: int, reset: int) -> dict[str, str]:
        """The four headers; ``reset`` in seconds since 1970."""
        if not self.joined:
            return _headers("bearer", str(self.limit), str(remaining), str(reset))
        both = f"{max(remaining, 200)}, {remaining}"
        return _headers("all, none", f"{self.limit + 200}, {self.limit}", both, f"{reset}, {reset}")


def _headers(bucket: str, limit: str, remaining: str, reset: str) -> dict[str, str]:
    names = ("Bucket", "Limit", "Remaining", "Reset")
    return {f"X-Ratelimit-{name}": value for name, value in zip(names, (bucket, limit, remaining, reset), strict=True)}


@dataclass
class Access:
    """The application that the district shares with, and every token that it was given."""

    client_id: str
    client_secret: str
    district_token: str
    rate: RateLimit
    rotations: int = 0
    people: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Tokens of people who signed in: the person's id and the role of that login."""

    def rotate(self) -> str:
        """Replace the district's token: the old one is refused from now on."""
        self.rotations += 1
        self.district_token = hashlib.sha1(self.district_token.encode(), usedforsecurity=False).hexdigest()
        return self.district_token

    def sign_in(self, person: Person, role: str = "") -> str:
        """A token of a person, as sign-in gives it: good for themselves and their district only."""
        token = "il" + hashlib.sha1(f"{person.id}/{role}".encode(), usedforsecurity=False).hexdigest()
        self.people[token] = (person.id, role or _role_of(person))
        return token

    def bearer(self, call: Call) -> str:
        """The token of the call if it is a known one, else blank."""
        scheme, _, token = call.authorization.partition(" ")
        known = scheme.lower() == "bearer" and (token == self.district_token or token in self.people)
        return token if known else ""

    def oauth(self, district: District, call: Call) -> Reply | None:
        """The answers below ``/oauth``; None where there is no such address."""
        if call.path == "/oauth/tokeninfo":
            return self._token_info(call)
        if call.path == "/oauth/tokens" and call.method == "GET":
            return self._district_tokens(district, call)
        return None

    def _token_info(self, call: Call) -> Reply:
        if not self.bearer(call):
            return unrecognized_token()
        return json_reply({"client_id": self.client_id, "scopes": SCOPES})

    def _district_tokens(self, district: District, call: Call) -> Reply:
        """The token of each district, for the application's id and secret."""
        if not self.is_application(call):
            return json_reply({"error": "invalid_client"}, 401)
        if call.value("owner_type") != "district":
            return json_reply({"error": "owner_type must be district"}, 400)
        item = {
            "id": district.id[:-1] + f"{(int(district.id[-1], 16) + 1 + self.rotations) % 16:x}",
            "created": timestamp(at(district.today) if self.rotations else int(district.id[:8], 16) * 1000),
            "owner": {"type": "district", "id": district.id},
            "access_token": self.district_token,
            "scopes": SCOPES,
        }
        asked = call.value("district")
        return json_reply(
            {
                "data": [] if asked and asked != district.id else [item],
                "links": [{"rel": "self", "uri": call.target}],
            }
        )

    def is_application(self, call: Call) -> bool:
        """Whether the call carries the application's id and secret."""
        return _basic(call.authorization) == f"{self.client_id}:{self.client_secret}"

    def me(self, district: District, call: Call, token: str) -> Reply:
        """Who the token belongs to."""
        version = call.path.strip("/").partition("/")[0]
        prefix = f"/{version}" if version in API_VERSIONS else "/v3.0"
        if token not in self.people:
            home = {"rel": "district", "uri": f"{prefix}/districts/{district.id}"}
            data: Rendered = {"id": district.id, "district": district.id, "type": "district"}
            links = [{"rel": "self", "uri": "/me"}, {"rel": "canonical", "uri": home["uri"]}, home]
            return json_reply({"type": "district", "data": data, "links": links})
        visitor, role = self._visitor(district, token)
        if visitor is None:
            return not_found()
        links = [{"rel": "self", "uri": "/me"}, {"rel": "canonical", "uri": prefix + _address(visitor, prefix, role)}]
        if visitor.district:
            links.append({"rel": "district", "uri": f"{prefix}/districts/{visitor.district}"})
        type_, data = _identity(visitor, prefix, role)
        return json_reply({"type": type_, "data": data, "links": links})

    def user_info(self, district: District, token: str) -> Reply:
        """The person of a token, as OpenID Connect names things; works whether the application has it or not."""
        visitor, role = self._visitor(district, token)
        return not_found() if visitor is None else json_reply(user_info(visitor, role))

    def _visitor(self, district: District, token: str) -> tuple[Visitor | None, str]:
        """Who signed in with the token, if they are still there, and in which role."""
        person, role = self.people.get(token, ("", ""))
        return find(district, person), role

    def refusal(self, district: District, call: Call, token: str) -> Reply | None:
        """What a person's token is answered where it does not reach; None where it does."""
        if token not in self.people:
            return None
        visitor, role = self._visitor(district, token)
        if visitor is None:
            return no_such_route(call)
        prefix = "/" + call.path.strip("/").partition("/")[0]
        reaches = [f"{prefix}/districts/{district.id}", prefix + _address(visitor, prefix, role)]
        if not prefix.startswith("/v3"):
            reaches += [f"{prefix}/schools/{school}" for school in schools_of(visitor.person)]
        return None if call.path in reaches else no_such_route(call)

    def as_seen_by(self, token: str, reply: Reply) -> Reply:
        """A person's token sees single records without their links."""
        if token not in self.people or reply.status != 200:
            return reply
        single = msgspec.json.decode(reply.body)
        single.pop("links", None)
        return json_reply(single)


def _identity(visitor: Visitor, prefix: str, role: str) -> tuple[str, Rendered]:
    """The type of the answer and who it is: before 3.0 under the older id, in 1.1 with name and e-mail address."""
    person = visitor.person
    home: Rendered = {"district": visitor.district} if visitor.district else {}
    if prefix.startswith("/v3"):
        return "user", {"id": person.id, **home, "type": role, "authorized_by": authorized_by(visitor)}
    older = "school_admin" if role == "staff" else role
    data: Rendered = {"id": older_id(visitor, role), **home, "type": older}
    if prefix != "/v1.1":
        return older, data | {"authorized_by": authorized_by(visitor)}
    name = present({"first": person.first, "middle": person.middle, "last": person.last})
    return older, data | present({"name": name, "email": person.email})


def _address(visitor: Visitor, prefix: str, role: str) -> str:
    """Where the version has the person: ``/users/...``, or ``/teachers/...`` with the older id."""
    if prefix.startswith("/v3"):
        return f"/users/{visitor.person.id}"
    return f"/{OLDER[role]}/{older_id(visitor, role)}"


def _basic(authorization: str) -> str:
    """``id:secret`` of an ``Authorization: Basic`` header, or blank."""
    scheme, _, text = authorization.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _role_of(person: Person) -> str:
    held = {
        "student": person.student, "teacher": person.teacher, "staff": person.staff,
        "district_admin": person.administrator, "contact": person.contact,
    }  # fmt: skip
    return next(name for name, role in held.items() if role is not None)
