"""The description of itself that a provider of OneRoster 1.2 publishes (1EdTech: OneRoster 1.2, service discovery)."""

from sisportal.sandbox.clever_wire import Call, Rendered
from sisportal.sandbox.oneroster_access import PREFIXES
from sisportal.sandbox.oneroster_routes import CORE, ENDPOINTS, IN_CLASS_IN_SCHOOL, NESTED, PRIVATE, ROSTER

FILES = ("onerosterv1p2rostersservice_openapi3_v1p0.json", "imsorv1p2_rostering_openapi3_v1p0.json")


def is_description(steps: list[str]) -> bool:
    """Whether an address below the service is that of its description."""
    return len(steps) == 2 and steps[0] == "discovery" and steps[1] in FILES


def described(call: Call, root: str, grants_at: str) -> Rendered:
    """The description (OpenAPI 3): where the service is, what it answers, which scopes each address wants."""
    paths: Rendered = {}
    for name, endpoint in ENDPOINTS.items():
        paths[f"/{name}"] = _get(name, endpoint.scopes)
        paths[f"/{name}/{{sourcedId}}"] = _get(endpoint.single, endpoint.scopes)
    for collection, name in NESTED:
        paths[f"/{collection}/{{sourcedId}}/{name}"] = _get(name, (ROSTER,))
    for name in IN_CLASS_IN_SCHOOL:
        paths[f"/schools/{{schoolSourcedId}}/classes/{{classSourcedId}}/{name}"] = _get(name, (ROSTER,))
    scopes = {PREFIXES["1.2"] + scope: scope for scope in (CORE, ROSTER, PRIVATE)}
    flow = {"tokenUrl": f"http://{call.host}{grants_at}", "scopes": scopes}
    return {
        "openapi": "3.0.1", "info": {"title": "OneRoster Rostering Service (test double)", "version": "1.2"},
        "servers": [{"url": f"http://{call.host}{root}"}], "paths": paths,
        "components": {"securitySchemes": {"OAuth2": {"type": "oauth2", "flows": {"clientCredentials": flow}}}},
    }  # fmt: skip


def _get(name: str, scopes: tuple[str, ...]) -> Rendered:
    return {"get": {"summary": name, "security": [{"OAuth2": [PREFIXES["1.2"] + scope]} for scope in scopes]}}
