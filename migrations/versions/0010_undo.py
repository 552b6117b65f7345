"""What undo needs of applied actions, and what was undone and is not proposed again."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("action", sa.Column("undo", sa.Text(), nullable=True))
    op.add_column("sync", sa.Column("kept_back", sa.Text(), server_default="{}", nullable=False))
    op.create_table(
        "kept_back",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("collection", sa.String(length=20), nullable=False),
        sa.Column("source_id", sa.String(length=255), nullable=False),
        sa.Column("target_id", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("label", sa.Text(), server_default="", nullable=False),
        sa.Column("search", sa.Text(), server_default="", nullable=False),
        sa.Column("is_new", sa.Boolean(), nullable=False),
        sa.Column("is_gone", sa.Boolean(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("joins", sa.Text(), nullable=False),
        sa.Column("leaves", sa.Text(), nullable=False),
        sa.Column("undone_sync_id", sa.Integer(), nullable=False),
        sa.Column("undone_by_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name=op.f("fk_kept_back_connection_id_connection")
        ),
        sa.ForeignKeyConstraint(["undone_by_id"], ["sync.id"], name=op.f("fk_kept_back_undone_by_id_sync")),
        sa.ForeignKeyConstraint(["undone_sync_id"], ["sync.id"], name=op.f("fk_kept_back_undone_sync_id_sync")),
        sa.PrimaryKeyConstraint("connection_id", "collection", "source_id", name=op.f("pk_kept_back")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("kept_back")
    op.drop_column("sync", "kept_back")
    op.drop_column("action", "undo")
