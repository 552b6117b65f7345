"""The web process, and what the `flask` command finds."""

import os

from sisportal.config import load
from sisportal.factory import create_app

app = create_app(load(os.environ))
