"""A page of a OneRoster list from its bytes: which key holds the rows, and what of them can be read."""

from typing import Generic, TypeVar

import msgspec

from sisportal.providers import faults
from sisportal.providers.mending import mend
from sisportal.providers.oneroster_wire import WireObject
from sisportal.providers.paging import Rows

W = TypeVar("W", bound=WireObject)

_decode_envelope = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_rows = msgspec.json.Decoder(list[msgspec.Raw]).decode


class ListReader(Generic[W]):
    """Reads one kind of page: at once where it is as it should be, else row by row.

    The rows stand under the key of the specification (``users``), under the endpoint's own name (``students``), or, with
    some sources, under no key at all. Anything else is no list, and never an empty one.
    """

    def __init__(self, shape: type[W], keys: tuple[str, ...], path: str) -> None:
        self._shape = shape
        self._keys = keys
        self._path = path
        self._is_bare: bool | None = None
        """Whether this list's pages have no key; None before the first one."""
        self._decode = msgspec.json.Decoder(list[shape]).decode  # type: ignore[valid-type]  # msgspec builds the decoder at run time

    def __call__(self, content: bytes) -> Rows[W]:
        """Raises ``msgspec.DecodeError`` for what is not JSON, ``ProviderError`` for JSON that is no list."""
        is_bare = content[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"["
        if self._is_bare not in (None, is_bare):
            raise faults.no_envelope(self._path)  # what begins in one way and goes on in another is not believed
        raw = content if is_bare else self._below_key(content)
        try:
            rows = Rows(self._decode(raw), [])
        except msgspec.ValidationError:
            rows = self._row_by_row(raw)
        self._is_bare = is_bare
        return rows

    def _below_key(self, content: bytes) -> msgspec.Raw:
        try:
            envelope = _decode_envelope(content)
        except msgspec.ValidationError:
            raise faults.no_envelope(self._path) from None
        raw = next((envelope[key] for key in self._keys if key in envelope), None)
        if raw is None:
            raise faults.no_envelope(self._path)
        return raw

    def _row_by_row(self, raw: bytes | msgspec.Raw) -> Rows[W]:
        try:
            each = _decode_rows(raw)
        except msgspec.ValidationError:
            raise faults.no_envelope(self._path) from None
        rows: Rows[W] = Rows([], [])
        for one in each:
            record, flaws = mend(one, self._shape)
            if record is None:
                rows.unread += 1
                continue
            rows.records.append(record)
            if flaws:
                rows.flaws.append((record, flaws))
        return rows
