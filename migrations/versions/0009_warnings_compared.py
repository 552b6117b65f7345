"""Which warnings are new, still there, and mended since the sync before."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MENDED = sa.text("mended_in IS NOT NULL")


def upgrade() -> None:
    op.add_column("sync", sa.Column("compared", sa.Text(), server_default="{}", nullable=False))
    op.add_column("warning", sa.Column("is_new", sa.Boolean(), nullable=True))
    op.add_column("warning", sa.Column("mended_in", sa.Integer(), nullable=True))
    op.create_index("ix_warning_mended", "warning", ["mended_in"], sqlite_where=MENDED, postgresql_where=MENDED)


def downgrade() -> None:
    op.drop_index("ix_warning_mended", "warning")
    # Not in batches: those make SQLite's tables anew, and drop one that others refer to.
    op.drop_column("warning", "mended_in")
    op.drop_column("warning", "is_new")
    op.drop_column("sync", "compared")
