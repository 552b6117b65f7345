"""The sandbox's own pages and controls, beside the provider's addresses."""

from typing import TYPE_CHECKING

from sisportal.sandbox.clever_wire import Call, Reply

if TYPE_CHECKING:
    from sisportal.sandbox.service import Sandbox


class Control:
    """Answers what is not the provider's."""

    def __init__(self, sandbox: "Sandbox") -> None:
        self._sandbox = sandbox

    def reply(self, call: Call) -> Reply | None:
        """None for the provider's addresses."""
        return None
