"""The outbox of mails, copies of notifications by mail, and login cards."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ACCOUNT_MADE = sa.text("kind = 'account-made'")


def upgrade() -> None:
    op.create_table(
        "mail",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("sync_id", sa.Integer(), nullable=True),
        sa.Column("recipient", sa.Text(), server_default="", nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("seed", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("answer", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claim", sa.String(length=60), nullable=True),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_mail_account_id_account")),
        sa.ForeignKeyConstraint(["sync_id"], ["sync.id"], name=op.f("fk_mail_sync_id_sync")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail")),
    )
    op.create_index("ix_mail_due", "mail", ["state", "kind", "next_at"])
    op.create_index("ix_mail_account", "mail", ["account_id"])
    op.create_index(
        "uq_mail_account_made",
        "mail",
        ["account_id"],
        unique=True,
        sqlite_where=ACCOUNT_MADE,
        postgresql_where=ACCOUNT_MADE,
    )
    op.create_table(
        "notification_copy",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_notification_copy_account_id_account")),
        sa.PrimaryKeyConstraint("account_id", "kind", name=op.f("pk_notification_copy")),
    )
    op.create_table(
        "login_card",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("printed_by", sa.Text(), server_default="", nullable=False),
        sa.Column("printed_by_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_login_card_account_id_account")),
        sa.ForeignKeyConstraint(["printed_by_id"], ["account.id"], name=op.f("fk_login_card_printed_by_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_card")),
    )
    op.create_index("ix_login_card_account", "login_card", ["account_id"])


def downgrade() -> None:
    op.drop_table("login_card")
    op.drop_table("notification_copy")
    op.drop_table("mail")
