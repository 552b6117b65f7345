"""What the last commit changed, by organization; who belongs to several organizations."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SEVERAL = sa.text("replace(organizations, ',', '') <> organizations")


def upgrade() -> None:
    op.create_index("ix_account_changed", "account", ["changed_by_sync", "organization_id", "role"])
    op.create_index("ix_account_several", "account", ["id"], sqlite_where=SEVERAL, postgresql_where=SEVERAL)
    op.create_index("ix_class_changed", "class", ["changed_by_sync", "organization_id"])


def downgrade() -> None:
    op.drop_index("ix_class_changed", "class")
    op.drop_index("ix_account_several", "account")
    op.drop_index("ix_account_changed", "account")
