"""What people changed by hand, and the fields in which the portal differs from the SIS for it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

EDITED = sa.text("edited_at IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "hand_edit",
        sa.Column("record", sa.String(length=40), nullable=False),
        sa.Column("record_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("field", sa.String(length=40), nullable=False),
        sa.Column("member_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("editor", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("record", "record_id", "field", "member_id", name="pk_hand_edit"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "pin",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("record", sa.String(length=40), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.String(length=255), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("school", sa.String(length=255), nullable=False),
        sa.Column("label", sa.Text(), server_default="", nullable=False),
        sa.Column("search", sa.Text(), server_default="", nullable=False),
        sa.Column("field", sa.String(length=40), nullable=False),
        sa.Column("member", sa.String(length=255), nullable=False),
        sa.Column("last", sa.Text(), nullable=False),
        sa.Column("here", sa.Text(), nullable=False),
        sa.Column("sis", sa.Text(), nullable=False),
        sa.Column("both", sa.Boolean(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("editor", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"], name="fk_pin_connection_id_connection"),
        sa.PrimaryKeyConstraint("id", name="pk_pin"),
    )
    op.create_index("uq_pin_field", "pin", ["connection_id", "record", "record_id", "field", "member"], unique=True)
    op.create_index("ix_pin_list", "pin", ["connection_id", "search", "type", "school", "field"])
    for table in ("account", "class"):
        op.create_index(f"ix_{table}_edited", table, ["edited_at"], sqlite_where=EDITED, postgresql_where=EDITED)


def downgrade() -> None:
    for table in ("class", "account"):
        op.drop_index(f"ix_{table}_edited", table)
    op.drop_index("ix_pin_list", "pin")
    op.drop_index("uq_pin_field", "pin")
    op.drop_table("pin")
    op.drop_table("hand_edit")
