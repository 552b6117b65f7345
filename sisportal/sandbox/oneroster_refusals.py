"""OneRoster's errors in the shapes that providers give them (1EdTech: imsx_StatusInfo)."""

from sisportal.sandbox.clever_wire import HTML, Rendered, Reply, json_reply
from sisportal.sandbox.oneroster_profiles import Profile

WORDS = {
    401: "invalid_token",
    403: "insufficient_scope",
    404: "not_found",
    400: "invalid_request",
    405: "invalid_request",
}
"""What providers that speak OAuth's errors say."""


class RefusedError(Exception):
    """A request that is refused: its minor code, what the error says, its status."""

    def __init__(self, minor: str, said: str, status: int = 400) -> None:
        super().__init__(said)
        self.minor = minor
        self.said = said
        self.status = status


def refusal(profile: Profile, version: str, refused: RefusedError) -> Reply:
    """The reply to it."""
    status, minor, said = refused.status, refused.minor, refused.said
    match profile.errors:
        case "empty":
            return Reply(status, b"", HTML)
        case "word":
            return json_reply({"error": said if status == 401 else WORDS.get(status, "invalid_request")}, status)
        case "set":
            return json_reply({"statusInfoSet": [_head(said) | {"imsx_codeMinor": minor}]}, status)
        case "flat":
            return json_reply(_head(said) | {"imsx_codeMinor": minor}, status)
    field = {"imsx_codeMinorFieldName": "TargetEndSystem", "imsx_codeMinorFieldValue": minor}
    body = _head(said) | {"imsx_CodeMinor": {"imsx_codeMinorField": [field]}}
    if version == "1.1":
        body |= {"imsx_messageRefIdentifier": "0", "imsx_operationRefIdentifier": []}
    return json_reply(body, status)


def _head(said: str) -> Rendered:
    return {"imsx_codeMajor": "failure", "imsx_severity": "error", "imsx_description": said}
