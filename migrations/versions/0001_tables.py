"""The tables of release 0.1."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "connection",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("secrets", sa.String(), nullable=True),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("options_version", sa.Integer(), nullable=False),
        sa.Column("district_id", sa.Text(), server_default="", nullable=False),
        sa.Column("district", sa.Text(), nullable=False),
        sa.Column("others", sa.Text(), nullable=False),
        sa.Column("cursor", sa.String(), nullable=True),
        sa.Column("committed_sync_id", sa.Integer(), nullable=True),
        sa.Column("mirror_stale", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connection")),
        sa.UniqueConstraint("kind", name=op.f("uq_connection_kind")),
    )
    op.create_table(
        "failed_sign_in",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failed_sign_in")),
    )
    with op.batch_alter_table("failed_sign_in", schema=None) as batch_op:
        batch_op.create_index("ix_failed_sign_in_key", ["key", "at"], unique=False)

    op.create_table(
        "installed_app",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("installed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_installed_app")),
    )
    op.create_table(
        "organization",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("slug", sa.String(length=120), nullable=False),
        sa.Column("sis_id", sa.Text(), server_default="", nullable=False),
        sa.Column("welcome", sa.Text(), server_default="", nullable=False),
        sa.Column("colour", sa.Text(), server_default="", nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("archived_by_sync", sa.Integer(), nullable=True),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_by_sync", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["organization.id"], name=op.f("fk_organization_parent_id_organization")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organization")),
        sa.UniqueConstraint("slug", name=op.f("uq_organization_slug")),
    )
    op.create_table(
        "setting",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_setting")),
    )
    op.create_table(
        "sis_enrollment",
        sa.Column("person_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("section_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("person_id", "section_id", name=op.f("pk_sis_enrollment")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("username", sa.String(length=200), nullable=False),
        sa.Column("first_name", sa.Text(), server_default="", nullable=False),
        sa.Column("middle_name", sa.Text(), server_default="", nullable=False),
        sa.Column("last_name", sa.Text(), server_default="", nullable=False),
        sa.Column("preferred_name", sa.Text(), server_default="", nullable=False),
        sa.Column("email", sa.Text(), server_default="", nullable=False),
        sa.Column("student_id", sa.Text(), server_default="", nullable=False),
        sa.Column("teacher_id", sa.Text(), server_default="", nullable=False),
        sa.Column("sis_id", sa.Text(), server_default="", nullable=False),
        sa.Column("state_id", sa.Text(), server_default="", nullable=False),
        sa.Column("grade", sa.Text(), server_default="", nullable=False),
        sa.Column("graduation_year", sa.Text(), server_default="", nullable=False),
        sa.Column("gender", sa.Text(), server_default="", nullable=False),
        sa.Column("birth_date", sa.Text(), server_default="", nullable=False),
        sa.Column("organization_id", sa.Integer(), nullable=True),
        sa.Column("organizations", sa.Text(), nullable=False),
        sa.Column("search", sa.Text(), server_default="", nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("session_version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("archived_by_sync", sa.Integer(), nullable=True),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_by_sync", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_account_organization_id_organization")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
    )
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.create_index(
            "ix_account_list", ["search", "role", "organization_id", "archived_at", "source"], unique=False
        )
        batch_op.create_index("ix_account_organization", ["organization_id", "role", "archived_at"], unique=False)
        batch_op.create_index(
            "ix_account_sign_in_email",
            [sa.literal_column("lower(email)")],
            unique=False,
            sqlite_where=sa.text("password_hash IS NOT NULL"),
            postgresql_where=sa.text("password_hash IS NOT NULL"),
        )
        batch_op.create_index("uq_account_username", [sa.literal_column("lower(username)")], unique=True)

    op.create_table(
        "class",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("code", sa.Text(), server_default="", nullable=False),
        sa.Column("subject", sa.Text(), server_default="", nullable=False),
        sa.Column("grade", sa.Text(), server_default="", nullable=False),
        sa.Column("period", sa.Text(), server_default="", nullable=False),
        sa.Column("term", sa.Text(), server_default="", nullable=False),
        sa.Column("start", sa.Text(), server_default="", nullable=False),
        sa.Column("finish", sa.Text(), server_default="", nullable=False),
        sa.Column("style", sa.String(length=40), nullable=False),
        sa.Column("sis_id", sa.Text(), server_default="", nullable=False),
        sa.Column("organization_id", sa.Integer(), nullable=True),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("is_parent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("session_key", sa.Text(), server_default="", nullable=False),
        sa.Column("search", sa.Text(), server_default="", nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("archived_by_sync", sa.Integer(), nullable=True),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_by_sync", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_class_organization_id_organization")
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["class.id"], name=op.f("fk_class_parent_id_class")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_class")),
    )
    with op.batch_alter_table("class", schema=None) as batch_op:
        batch_op.create_index("ix_class_list", ["search", "organization_id", "archived_at", "source"], unique=False)
        batch_op.create_index("ix_class_organization", ["organization_id", "archived_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_class_parent_id"), ["parent_id"], unique=False)
        batch_op.create_index(
            "ix_class_session_key",
            ["session_key"],
            unique=False,
            sqlite_where=sa.text("session_key <> ''"),
            postgresql_where=sa.text("session_key <> ''"),
        )

    op.create_table(
        "organization_link",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.String(length=255), nullable=False),
        sa.Column("organization_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name=op.f("fk_organization_link_connection_id_connection")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_organization_link_organization_id_organization")
        ),
        sa.PrimaryKeyConstraint("connection_id", "source_id", name=op.f("pk_organization_link")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("organization_link", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_organization_link_organization_id"), ["organization_id"], unique=False)

    op.create_table(
        "sis_person",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.String(length=255), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("school", sa.String(length=255), nullable=False),
        sa.Column("in_scope", sa.Boolean(), nullable=False),
        sa.Column("fingerprint", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("search", sa.Text(), server_default="", nullable=False),
        sa.Column("gone_in_sync", sa.Integer(), nullable=True),
        sa.Column("pending", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name=op.f("fk_sis_person_connection_id_connection")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sis_person")),
        sa.UniqueConstraint("connection_id", "source_id", name=op.f("uq_sis_person_connection_id_source_id")),
    )
    with op.batch_alter_table("sis_person", schema=None) as batch_op:
        batch_op.create_index(
            "ix_sis_person_list",
            ["connection_id", "role", "search", "school", "gone_in_sync", "in_scope"],
            unique=False,
        )
        batch_op.create_index(
            "ix_sis_person_pending",
            ["connection_id"],
            unique=False,
            sqlite_where=sa.text("pending = 1"),
            postgresql_where=sa.text("pending"),
        )

    op.create_table(
        "sis_reference",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("collection", sa.String(length=20), nullable=False),
        sa.Column("source_id", sa.String(length=255), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name=op.f("fk_sis_reference_connection_id_connection")
        ),
        sa.PrimaryKeyConstraint("connection_id", "collection", "source_id", name=op.f("pk_sis_reference")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sis_school",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.String(length=255), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("sis_id", sa.Text(), server_default="", nullable=False),
        sa.Column("mapping", sa.String(length=40), nullable=False),
        sa.Column("organization_id", sa.Integer(), nullable=True),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name=op.f("fk_sis_school_connection_id_connection")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_sis_school_organization_id_organization")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sis_school")),
        sa.UniqueConstraint("connection_id", "source_id", name=op.f("uq_sis_school_connection_id_source_id")),
    )
    op.create_table(
        "sis_section",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.String(length=255), nullable=False),
        sa.Column("school", sa.String(length=255), nullable=False),
        sa.Column("in_scope", sa.Boolean(), nullable=False),
        sa.Column("fingerprint", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("search", sa.Text(), server_default="", nullable=False),
        sa.Column("gone_in_sync", sa.Integer(), nullable=True),
        sa.Column("pending", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name=op.f("fk_sis_section_connection_id_connection")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sis_section")),
        sa.UniqueConstraint("connection_id", "source_id", name=op.f("uq_sis_section_connection_id_source_id")),
    )
    with op.batch_alter_table("sis_section", schema=None) as batch_op:
        batch_op.create_index(
            "ix_sis_section_list", ["connection_id", "search", "school", "gone_in_sync", "in_scope"], unique=False
        )
        batch_op.create_index(
            "ix_sis_section_pending",
            ["connection_id"],
            unique=False,
            sqlite_where=sa.text("pending = 1"),
            postgresql_where=sa.text("pending"),
        )

    op.create_table(
        "account_link",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.String(length=255), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("written", sa.Text(), nullable=False),
        sa.Column("written_fingerprint", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_account_link_account_id_account")),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name=op.f("fk_account_link_connection_id_connection")
        ),
        sa.PrimaryKeyConstraint("connection_id", "source_id", name=op.f("pk_account_link")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("account_link", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_account_link_account_id"), ["account_id"], unique=False)

    op.create_table(
        "audit_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("actor", sa.Text(), server_default="", nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.Text(), server_default="", nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["account.id"], name=op.f("fk_audit_event_actor_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
    )
    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.create_index("ix_audit_event_at", ["at"], unique=False)

    op.create_table(
        "class_link",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.String(length=255), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("written", sa.Text(), nullable=False),
        sa.Column("written_fingerprint", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["class_id"], ["class.id"], name=op.f("fk_class_link_class_id_class")),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name=op.f("fk_class_link_connection_id_connection")
        ),
        sa.PrimaryKeyConstraint("connection_id", "source_id", name=op.f("pk_class_link")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("class_link", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_class_link_class_id"), ["class_id"], unique=False)

    op.create_table(
        "match_decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("collection", sa.String(length=20), nullable=False),
        sa.Column("source_id", sa.String(length=255), nullable=False),
        sa.Column("target_id", sa.Integer(), nullable=False),
        sa.Column("decision", sa.String(length=40), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connection.id"], name=op.f("fk_match_decision_connection_id_connection")
        ),
        sa.ForeignKeyConstraint(["decided_by"], ["account.id"], name=op.f("fk_match_decision_decided_by_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_match_decision")),
        sa.UniqueConstraint(
            "connection_id",
            "collection",
            "source_id",
            "target_id",
            name=op.f("uq_match_decision_connection_id_collection_source_id_target_id"),
        ),
    )
    op.create_table(
        "membership",
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("ended_by_sync", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_membership_account_id_account")),
        sa.ForeignKeyConstraint(["class_id"], ["class.id"], name=op.f("fk_membership_class_id_class")),
        sa.PrimaryKeyConstraint("class_id", "account_id", name=op.f("pk_membership")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("membership", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_membership_account_id"), ["account_id"], unique=False)

    op.create_table(
        "sync",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("mode", sa.String(length=40), nullable=False),
        sa.Column("automatic", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("error_code", sa.Text(), server_default="", nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("options", sa.Text(), nullable=False),
        sa.Column("options_version", sa.Integer(), nullable=False),
        sa.Column("undoes_id", sa.Integer(), nullable=True),
        sa.Column("cursor", sa.String(), nullable=True),
        sa.Column("claim", sa.String(length=60), nullable=True),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_asked", sa.Boolean(), nullable=False),
        sa.Column("stage", sa.Text(), server_default="", nullable=False),
        sa.Column("stage_started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("left_out", sa.Text(), nullable=False),
        sa.Column("withheld", sa.Text(), nullable=False),
        sa.Column("held", sa.Text(), nullable=False),
        sa.Column("completeness", sa.Text(), nullable=False),
        sa.Column("started_by", sa.Integer(), nullable=True),
        sa.Column("committed_by", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("prepared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["committed_by"], ["account.id"], name=op.f("fk_sync_committed_by_account")),
        sa.ForeignKeyConstraint(["connection_id"], ["connection.id"], name=op.f("fk_sync_connection_id_connection")),
        sa.ForeignKeyConstraint(["started_by"], ["account.id"], name=op.f("fk_sync_started_by_account")),
        sa.ForeignKeyConstraint(["undoes_id"], ["sync.id"], name=op.f("fk_sync_undoes_id_sync")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync")),
    )
    with op.batch_alter_table("sync", schema=None) as batch_op:
        batch_op.create_index("ix_sync_connection", ["connection_id", "id"], unique=False)

    op.create_table(
        "action",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sync_id", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("verb", sa.String(length=40), nullable=False),
        sa.Column("source_id", sa.String(length=255), nullable=False),
        sa.Column("school", sa.String(length=255), nullable=False),
        sa.Column("label", sa.Text(), server_default="", nullable=False),
        sa.Column("search", sa.Text(), server_default="", nullable=False),
        sa.Column("target_id", sa.Integer(), nullable=True),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("roster", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.BigInteger(), nullable=True),
        sa.Column("ticked", sa.Boolean(), nullable=False),
        sa.Column("held", sa.String(length=40), server_default="", nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["sync_id"], ["sync.id"], name=op.f("fk_action_sync_id_sync")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_action")),
    )
    with op.batch_alter_table("action", schema=None) as batch_op:
        batch_op.create_index(
            "ix_action_held",
            ["sync_id"],
            unique=False,
            sqlite_where=sa.text("held <> ''"),
            postgresql_where=sa.text("held <> ''"),
        )
        batch_op.create_index("ix_action_list", ["sync_id", "type", "verb", "id"], unique=False)
        batch_op.create_index("ix_action_source", ["source_id"], unique=False)
        batch_op.create_index(
            "ix_action_unticked",
            ["sync_id"],
            unique=False,
            sqlite_where=sa.text("ticked = 0"),
            postgresql_where=sa.text("not ticked"),
        )

    op.create_table(
        "notification",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("sync_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_notification_account_id_account")),
        sa.ForeignKeyConstraint(["sync_id"], ["sync.id"], name=op.f("fk_notification_sync_id_sync")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification")),
    )
    with op.batch_alter_table("notification", schema=None) as batch_op:
        batch_op.create_index("ix_notification_account", ["account_id", "id"], unique=False)

    op.create_table(
        "warning",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sync_id", sa.Integer(), nullable=False),
        sa.Column("action_id", sa.Integer(), nullable=True),
        sa.Column("stage", sa.String(length=40), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.Text(), server_default="", nullable=False),
        sa.Column("field", sa.Text(), server_default="", nullable=False),
        sa.Column("value", sa.Text(), server_default="", nullable=False),
        sa.Column("school", sa.Text(), server_default="", nullable=False),
        sa.Column("file", sa.Text(), server_default="", nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("column", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["sync_id"], ["sync.id"], name=op.f("fk_warning_sync_id_sync")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_warning")),
    )
    with op.batch_alter_table("warning", schema=None) as batch_op:
        batch_op.create_index("ix_warning_action", ["action_id"], unique=False)
        batch_op.create_index("ix_warning_sync", ["sync_id", "code"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("warning", schema=None) as batch_op:
        batch_op.drop_index("ix_warning_sync")
        batch_op.drop_index("ix_warning_action")

    op.drop_table("warning")
    with op.batch_alter_table("notification", schema=None) as batch_op:
        batch_op.drop_index("ix_notification_account")

    op.drop_table("notification")
    with op.batch_alter_table("action", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_action_unticked", sqlite_where=sa.text("ticked = 0"), postgresql_where=sa.text("not ticked")
        )
        batch_op.drop_index("ix_action_source")
        batch_op.drop_index("ix_action_list")
        batch_op.drop_index(
            "ix_action_held", sqlite_where=sa.text("held <> ''"), postgresql_where=sa.text("held <> ''")
        )

    op.drop_table("action")
    with op.batch_alter_table("sync", schema=None) as batch_op:
        batch_op.drop_index("ix_sync_connection")

    op.drop_table("sync")
    with op.batch_alter_table("membership", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_membership_account_id"))

    op.drop_table("membership")
    op.drop_table("match_decision")
    with op.batch_alter_table("class_link", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_class_link_class_id"))

    op.drop_table("class_link")
    with op.batch_alter_table("audit_event", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_event_at")

    op.drop_table("audit_event")
    with op.batch_alter_table("account_link", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_account_link_account_id"))

    op.drop_table("account_link")
    with op.batch_alter_table("sis_section", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_sis_section_pending", sqlite_where=sa.text("pending = 1"), postgresql_where=sa.text("pending")
        )
        batch_op.drop_index("ix_sis_section_list")

    op.drop_table("sis_section")
    op.drop_table("sis_school")
    op.drop_table("sis_reference")
    with op.batch_alter_table("sis_person", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_sis_person_pending", sqlite_where=sa.text("pending = 1"), postgresql_where=sa.text("pending")
        )
        batch_op.drop_index("ix_sis_person_list")

    op.drop_table("sis_person")
    with op.batch_alter_table("organization_link", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_organization_link_organization_id"))

    op.drop_table("organization_link")
    with op.batch_alter_table("class", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_class_session_key",
            sqlite_where=sa.text("session_key <> ''"),
            postgresql_where=sa.text("session_key <> ''"),
        )
        batch_op.drop_index(batch_op.f("ix_class_parent_id"))
        batch_op.drop_index("ix_class_organization")
        batch_op.drop_index("ix_class_list")

    op.drop_table("class")
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.drop_index("uq_account_username")
        batch_op.drop_index(
            "ix_account_sign_in_email",
            sqlite_where=sa.text("password_hash IS NOT NULL"),
            postgresql_where=sa.text("password_hash IS NOT NULL"),
        )
        batch_op.drop_index("ix_account_organization")
        batch_op.drop_index("ix_account_list")

    op.drop_table("account")
    op.drop_table("sis_enrollment")
    op.drop_table("setting")
    op.drop_table("organization")
    op.drop_table("installed_app")
    with op.batch_alter_table("failed_sign_in", schema=None) as batch_op:
        batch_op.drop_index("ix_failed_sign_in_key")

    op.drop_table("failed_sign_in")
    op.drop_table("connection")
