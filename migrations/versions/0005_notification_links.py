"""Where a notification leads to, for whoever it was written."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("notification", sa.Column("link", sa.Text(), server_default="", nullable=False))
    op.execute("UPDATE notification SET link = '/syncs/' || sync_id WHERE sync_id IS NOT NULL")


def downgrade() -> None:
    op.drop_column("notification", "link")
