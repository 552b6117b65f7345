"""Starting the sample district from a page: from set-up, where nobody is signed in yet, and from its own page."""

from flask import current_app

from sisportal.extensions import db
from sisportal.syncing import sample_district
from sisportal.syncing.review import Who
from sisportal.syncing.states import NotAllowed
from sisportal.syncing.trials import read_schools
from sisportal.web.portal import now


def start_sample(asker: Who) -> str:
    """Serve and connect the sample district and read its schools; why that could not be done, or blank.

    The request must hold no transaction: it waits for the district to answer.
    """
    portal, settings = current_app.extensions, current_app.extensions["settings"]
    try:
        connection_id = sample_district.try_it(
            db.engine, settings.data_dir, portal["cipher"], settings.base_url, asker, now()
        )
    except NotAllowed as refusal:
        return str(refusal)
    return read_schools(db.engine, connection_id, portal["open_provider"], portal["clock"])
