"""How far from the specification a provider is: profiles, each a family of what running providers do."""

from dataclasses import dataclass, replace

V1P1, V1P2 = "/ims/oneroster/v1p1", "/ims/oneroster/rostering/v1p2"


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What a provider does; the defaults are what the specification says."""

    says: str
    """The profile in a few words."""
    roots: tuple[tuple[str, str], ...] = (("1.1", V1P1), ("1.2", V1P2))
    """The versions that are spoken, and where."""

    # lists
    envelope: str = "spec"
    """The key of a list: as the specification has it, the ``endpoint``'s name, or none (``bare``)."""
    totals: str = "true"
    """``X-Total-Count``: ``true``, ``none``, or counted before it is filtered (``unfiltered``)."""
    links: str = "true"
    """``true``, ``none``, ``next`` only (with a comma behind it, past the end too), ``leaping`` by the limit asked for
    although fewer rows came, or ``headers`` called Next and Previous."""
    most: int = 0
    """The largest page; more are not sent. 0 for any."""
    refuses_above: int = 0
    """A larger limit is refused. 0 for none."""
    pages: bool = True
    """Whether limit and offset are heeded at all."""
    order: str = "stable"
    """``stable``, ``unstable`` where no order is asked for, or ``unsorted``: another one for every request."""
    sorts: bool = True
    """Whether ``sort`` is known; refused where it is not."""
    filters: str = "true"
    """``true``, ``ignored``, ``lenient`` (ignored where malformed), ``nothing`` passes, or ``refused``."""
    descends: bool = True
    """Whether ``orderBy=desc`` is heeded."""
    missing: tuple[str, ...] = ()
    """Endpoints that are not there, as ``orgs`` or ``schools/classes``."""
    forbidden: tuple[str, ...] = ()
    """Endpoints that are not for us."""

    # rows
    keeps_gone: bool = True
    """Whether what is deleted is listed as ``tobedeleted`` for a while; else it vanishes."""
    gone_word: str = "tobedeleted"
    truths: str = "words"
    """``"true"``, ``true``, ``1`` or ``"TRUE"``: ``words``, ``booleans``, ``numbers``, ``capitals``."""
    refs: str = "whole"
    """``whole``, ``bare`` (``sourcedId`` alone), ``relative`` addresses and types of their own."""
    reference_habits: bool = False
    """What the reference implementation does: ``parent: []``, ``metadata: []``, numbers and texts where others belong."""
    nulls: bool = False
    """Null for what is not there; else it is left out."""
    padded_ids: bool = False
    """Whitespace around ids."""
    odd_ids: bool = False
    """Ids with slashes, spaces and the like."""
    both_roles: bool = False
    """Users of 1.2 have 1.1's ``role`` and ``orgs`` as well."""
    passwords: bool = False
    """Users carry passwords."""
    twins: bool = False
    """One person is one user for each school."""
    planned_only: bool = False
    """Of people only students and teachers are listed."""
    extra_people: bool = False
    """``/classes/{id}/students`` lists teachers too."""

    # errors and limits
    errors: str = "nested"
    """Shape of an error: ``nested``, a status ``set``, ``flat``, an OAuth ``word``, or an ``empty`` body."""
    busy_every: int = 0
    """Every so many requests one is answered 429, in HTML. 0 for none."""
    revisions: str = ""
    """``steady`` or ``changing`` in the middle of a pull, in the header ``x-perm-rev``; blank for no such header."""

    # who may read
    grants_at: str = "/token"
    """Path of the token URL."""
    grants_query: str = ""
    """What its query must contain."""
    credentials: tuple[str, ...] = ("header",)
    """Where id and secret are taken from: ``header``, ``body``, ``query``."""
    scopes: str = "spec"
    """``spec``, ``required`` (none asked for is refused), or ``unknown`` (they are not looked at)."""
    scope_prefix: str = ""
    """What stands before the specification's scopes."""
    expires: bool = True
    """Whether a token's reply tells when it ends."""
    token_uses: int = 0
    """A token is refused after so many requests. 0 for any number."""
    signatures: tuple[str, ...] = ("HMAC-SHA1", "HMAC-SHA256")
    """What 1.1 takes as OAuth 1.0a signatures; none for OAuth 2 only."""
    only_bearer: bool = False
    """There is no token endpoint: a fixed bearer is handed out."""

    def root(self, version: str) -> str:
        """Where a version is; blank where it is not spoken."""
        return dict(self.roots).get(version, "")

    @property
    def token_address(self) -> str:
        """The token URL without the host."""
        return f"{self.grants_at}?{self.grants_query}" if self.grants_query else self.grants_at


SPEC_TRUE = Profile(says="As the specification says")
_CLASSLINK = Profile(
    says="Revisions of the whole data set, 429 now and then, passwords in users; bearers instead of tokens",
    revisions="steady", links="none", busy_every=9, passwords=True, extra_people=True, only_bearer=True, errors="word",
    keeps_gone=False,
)  # fmt: skip
PROFILES: dict[str, Profile] = {
    "spec-true": SPEC_TRUE,
    # one quirk each
    "endpoint-envelopes": Profile(says="Lists under the endpoint's name", envelope="endpoint", errors="word"),
    "bare-lists": Profile(
        says="Lists without any key, at most 1,000 rows, other limits refused, headers Next and Previous",
        envelope="bare", totals="none", links="headers", refuses_above=1000,
    ),
    "no-headers": Profile(says="Neither total nor links", totals="none", links="none", errors="flat"),
    "clamped-pages": Profile(says="At most 50 rows a page, without a word", totals="none", links="none", most=50),
    "leaping-links": Profile(says="At most 50 rows a page, and links that leap over the rest", links="leaping", most=50),
    "trailing-links": Profile(says="Only next links, with a comma behind, past the end too", totals="none", links="next"),
    "unpaged": Profile(says="Everything on every page", pages=False, totals="none", links="none"),
    "unfiltered-totals": Profile(
        says="Totals from before the filter, malformed filters and desc ignored, no order of its own",
        totals="unfiltered", links="none", filters="lenient", descends=False, order="unstable",
    ),
    "ignored-filters": Profile(says="Filters are ignored", filters="ignored"),
    "broken-filters": Profile(says="Nothing passes a filter", filters="nothing"),
    "refused-filters": Profile(says="Filters are refused", filters="refused", errors="flat"),
    "unsortable": Profile(says="Sorting is refused", sorts=False),
    "unstable-order": Profile(says="No order unless one is asked for", order="unstable"),
    "never-sorted": Profile(says="Another order for every request, whatever is asked for", order="unsorted"),
    "never-sorted-untold": Profile(
        says="Another order for every request, and no total", order="unsorted", totals="none", links="none"
    ),
    "real-booleans": Profile(says="Booleans as JSON has them", truths="booleans"),
    "number-booleans": Profile(says="0 and 1 for booleans, references with an id only", truths="numbers", refs="bare"),
    "capital-booleans": Profile(says="TRUE and FALSE for booleans", truths="capitals"),
    "bare-references": Profile(says="References with sourcedId only", refs="bare"),
    "relative-references": Profile(says="Relative addresses, types of their own", refs="relative"),
    "reference-habits": Profile(
        says="As the reference implementation: parent [], numbers, texts for lists, no milliseconds",
        truths="booleans", refs="relative", reference_habits=True,
    ),
    "nulls": Profile(says="Null for whatever is not there", nulls=True),
    "padded-ids": Profile(says="Whitespace around ids", padded_ids=True),
    "odd-ids": Profile(says="Slashes, spaces and @ in ids", odd_ids=True),
    "both-roles": Profile(says="role and orgs beside roles in 1.2", both_roles=True),
    "vanishing": Profile(says="What is deleted vanishes", keeps_gone=False),
    "inactive": Profile(says="Deleted is called inactive, as in 1.0", gone_word="inactive", errors="set"),
    "twins": Profile(says="One user for each school of a person", twins=True),
    "changing-revision": Profile(says="The data change in the middle of a pull", revisions="changing"),
    "rate-limited": Profile(says="Every seventh request is answered 429 in HTML", busy_every=7),
    "short-tokens": Profile(says="A token is refused after five requests", token_uses=5),
    "untold-tokens": Profile(says="Tokens without a word about when they end", expires=False, token_uses=9),
    "sha1-only": Profile(says="Signatures by HMAC-SHA1 only", signatures=("HMAC-SHA1",), errors="word"),
    "sha256-only": Profile(says="Signatures by HMAC-SHA256 only", signatures=("HMAC-SHA256",), errors="empty"),
    "schools-only": Profile(says="No organizations but schools", missing=("orgs",)),
    "per-school": Profile(
        says="No users, classes and enrollments but by role and by school", missing=("users", "classes", "enrollments")
    ),
    "no-courses": Profile(says="Neither courses nor demographics", missing=("courses",), forbidden=("demographics",)),
    # several at once, as the products are described
    "like-classlink": _CLASSLINK,
    "like-powerschool": Profile(
        says="Pages of an administrator's size, whitespace around ids, nulls; its own addresses",
        roots=(("1.1", "/ws/v1p1/ims/oneroster/v1p1"),), most=100, padded_ids=True, nulls=True,
        grants_at="/ws/v1p1/oauth/access_token", signatures=(),
    ),
    "like-infinite-campus": Profile(
        says="Tokens by query, teachers and students only, no demographics; its own addresses",
        roots=(("1.2", "/campus/api/oneroster/v1p2/app/ims/oneroster/rostering/v1p2"), ("1.1", "/campus/api/ims/oneroster/v1p1")),
        grants_at="/campus/oauth2/token", grants_query="appName=app", credentials=("header", "query"), signatures=(),
        forbidden=("demographics",), planned_only=True,
    ),
    "like-aeries": Profile(
        says="A token URL with a slash, no scopes, several endpoints missing",
        grants_at="/aeries/token/", scopes="unknown", missing=("schools/classes", "schools/courses", "schools/terms"),
    ),
    "like-skyward": Profile(
        says="1.2 at 1.1's address, tokens at /api/oauth/token",
        roots=(("1.2", "/ims/oneroster/v1p2"),), grants_at="/api/oauth/token",
    ),
    "like-synergy": Profile(says="Id and secret in the body of the token request", credentials=("body",), scopes="required"),
    "like-ed-fi": Profile(
        says="500 rows a page, no headers, one user for each school, nothing told of deletions",
        most=500, totals="none", links="none", twins=True, keeps_gone=False, only_bearer=True,
    ),
    "like-fint": Profile(
        says="Totals from before the filter, no order, scopes with a prefix", totals="unfiltered", links="none",
        filters="lenient", descends=False, order="unstable", truths="booleans", scope_prefix="one-roster-api:", scopes="unknown",
        roots=(("1.1", V1P1),),
    ),
}  # fmt: skip
PROFILES["like-classlink-loading"] = replace(_CLASSLINK, revisions="changing", says=f"{_CLASSLINK.says}; loading data")
