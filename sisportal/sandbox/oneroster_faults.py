"""OneRoster's pages in the shape that faults know, and back: rows under ``data``, a link for each rel."""

import re
from typing import Any

import msgspec

from sisportal.sandbox.clever_wire import Reply

_LINK = re.compile(r'<([^>]*)>; rel="([^"]*)"')


def as_page(reply: Reply) -> tuple[dict[str, Any], str] | None:
    """The rows and links of a list, and the key that its rows stand under (blank for none); None for anything else."""
    try:
        body = msgspec.json.decode(reply.body)
    except msgspec.DecodeError:
        return None
    key, rows = next(iter(body.items())) if isinstance(body, dict) and len(body) == 1 else ("", body)
    if not isinstance(rows, list):
        return None
    links = [{"rel": rel, "uri": uri} for uri, rel in _LINK.findall(reply.headers.get("Link", ""))]
    return {"data": rows, "links": links}, key


def as_reply(page: dict[str, Any], key: str, reply: Reply) -> Reply:
    """The reply with the rows and links that a fault left."""
    links = ", ".join(f'<{link["uri"]}>; rel="{link["rel"]}"' for link in page["links"] if link["rel"] != "self")
    headers = {name: value for name, value in reply.headers.items() if name != "Link"} | (
        {"Link": links} if links else {}
    )
    return Reply(200, msgspec.json.encode({key: page["data"]} if key else page["data"]), reply.content_type, headers)
