"""Places in classes without foreign keys: two look-ups for each of hundreds of thousands were most of what they cost."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_KEYS = (("account_id", "account"), ("class_id", "class"))


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _make_anew()
        return
    for column, table in _KEYS:
        op.drop_constraint(f"fk_membership_{column}_{table}", "membership", type_="foreignkey")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _make_anew(
            *(
                sa.ForeignKeyConstraint([column], [f"{table}.id"], name=f"fk_membership_{column}_{table}")
                for column, table in _KEYS
            )
        )
        return
    for column, table in _KEYS:
        op.create_foreign_key(f"fk_membership_{column}_{table}", "membership", table, [column], ["id"])


def _make_anew(*keys: sa.ForeignKeyConstraint) -> None:
    """SQLite cannot drop a constraint: the rows go into a new table, in the order in which they lie."""
    op.create_table(
        "membership_anew",
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("ended_by_sync", sa.Integer(), nullable=True),
        *keys,
        sa.PrimaryKeyConstraint("class_id", "account_id", name="pk_membership"),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO membership_anew (class_id, account_id, position, ended_by_sync) "
        "SELECT class_id, account_id, position, ended_by_sync FROM membership ORDER BY class_id, account_id"
    )
    op.drop_table("membership")
    op.rename_table("membership_anew", "membership")
    op.create_index("ix_membership_account_id", "membership", ["account_id"])
