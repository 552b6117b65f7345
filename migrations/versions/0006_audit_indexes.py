"""Indexes of the audit log: by whoever did something, by whom it is about, and by the event."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INDEXES = (("actor", "id"), ("subject", "id"), ("event", "at"))


def upgrade() -> None:
    for columns in INDEXES:
        op.create_index(f"ix_audit_event_{columns[0]}", "audit_event", list(columns))


def downgrade() -> None:
    for columns in INDEXES:
        op.drop_index(f"ix_audit_event_{columns[0]}", "audit_event")
