"""What was last written of fields whose pins were released: a person may edit them again before a sync takes the SIS's."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("account_link", "class_link"):
        op.add_column(table, sa.Column("released", sa.Text(), nullable=True))


def downgrade() -> None:
    for table in ("account_link", "class_link"):
        op.drop_column(table, "released")
