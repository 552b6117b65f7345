"""Uploaded files on the portal's own disk while they are read: the machine's folder for such things may be in memory."""

from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from htmx_flask.requests import HtmxAwareRequest


class SpoolingRequest(HtmxAwareRequest):
    """Of routes that take files ``spool_folder`` says where they go; small parts of other forms stay in memory."""

    spool_folder: Path | None = None

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        if self.spool_folder is not None and filename:
            return TemporaryFile("rb+", dir=self.spool_folder)
        usual: IO[bytes] = super()._get_file_stream(total_content_length, content_type, filename, content_length)
        return usual
