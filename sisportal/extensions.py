"""Flask's extensions, made here and bound by the foundation and the factory."""

from flask_login import LoginManager
from flask_sqlalchemy import SQLAlchemy
from flask_wtf.csrf import CSRFProtect
from htmx_flask import Htmx

from sisportal.models import Base

# What was read stays readable after a commit: a new read would begin a transaction that cannot write any more.
db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})
login_manager = LoginManager()
csrf = CSRFProtect()
htmx = Htmx()
