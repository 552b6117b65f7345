"""Who is signed in where, and links to choose a password with."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "signed_in_browser",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("session_version", sa.Integer(), nullable=False),
        sa.Column("way", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_signed_in_browser_account_id_account")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_signed_in_browser")),
    )
    op.create_index("ix_signed_in_browser_account", "signed_in_browser", ["account_id"])
    op.create_index("ix_signed_in_browser_at", "signed_in_browser", ["created_at"])
    op.create_table(
        "password_link",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(length=40), nullable=False),
        sa.Column("made_by", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_password_link_account_id_account")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_password_link")),
    )
    op.create_index("ix_password_link_account", "password_link", ["account_id"])


def downgrade() -> None:
    op.drop_table("password_link")
    op.drop_table("signed_in_browser")
