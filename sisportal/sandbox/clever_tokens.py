"""What an application learns of somebody who signed in: OpenID Connect's documents and tokens, and /userinfo (Clever: OIDC)."""

from functools import cached_property
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

from sisportal.sandbox.clever_visitors import Visitor
from sisportal.sandbox.clever_wire import Rendered, present
from sisportal.sandbox.legacy import role_of

LIFETIME = 3600
"""Seconds that an id_token is good for."""
USER_TYPES = {"district_admin": "district admin"}
"""How id_tokens name a role that /me names otherwise."""


class Signing:
    """The key that id_tokens are signed with: made when it is first needed."""

    @cached_property
    def key(self) -> RSAKey:
        return RSAKey.generate_key(2048, parameters={"use": "sig", "alg": "RS256"}, auto_kid=True)

    def certs(self) -> Rendered:
        """The public part, as ``/oauth/certs`` serves it."""
        return {"keys": [self.key.as_dict(private=False)]}

    def sign(self, claims: dict[str, Any]) -> str:
        """An id_token."""
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)


def discovery(issuer: str) -> Rendered:
    """``/.well-known/openid-configuration``."""
    return {
        "issuer": issuer, "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/tokens", "userinfo_endpoint": f"{issuer}/userinfo",
        "jwks_uri": f"{issuer}/oauth/certs", "response_types_supported": ["code"],
        "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"],
    }  # fmt: skip


def claims(visitor: Visitor, role: str, issuer: str, audience: str, nonce: str, now: int) -> dict[str, Any]:
    """What an id_token says."""
    person = visitor.person
    return present({
        "iss": issuer, "sub": person.id, "aud": audience, "iat": now, "exp": now + LIFETIME, "nonce": nonce or None,
        "user_id": older_id(visitor, role), "multi_role_user_id": person.id, "user_type": USER_TYPES.get(role, role),
        "district": visitor.district or None, "email": person.email or None, "email_verified": False,
        "given_name": person.first, "family_name": person.last,
    })  # fmt: skip


def user_info(visitor: Visitor, role: str) -> Rendered:
    """``/userinfo``: the role of this login only."""
    person, district = visitor.person, visitor.district or None
    return present({
        "sub": person.id, "user_id": older_id(visitor, role), "multi_role_user_id": person.id, "user_type": role,
        "district_id": district, "district": district, "email": person.email,
        "name": {"first": person.first or "", "last": person.last, "middle": person.middle or ""}, "schools": [],
        "given_name": person.first or "", "family_name": person.last, "email_verified": False,
        "authorized_by": authorized_by(visitor),
    })  # fmt: skip


def older_id(visitor: Visitor, role: str) -> str:
    """What versions before 3.0 call the person in this role."""
    part = role_of(visitor.person, {"district_admin": "administrator"}.get(role, role))
    return visitor.person.id if part is None else part.legacy_id


def authorized_by(visitor: Visitor) -> str:
    """Who brought the application to this person."""
    return "district" if visitor.district else "teacher"
