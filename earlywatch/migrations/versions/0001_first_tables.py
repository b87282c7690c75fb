"""Create the first tables.

One migration, because nothing runs before it: there are no rows to keep and no locks to fear.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("email_confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("session_epoch", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_account_email_lower")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("email", name=op.f("uq_account_email")),
    )
    op.create_table(
        "tick",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("ticked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tick")),
    )
    op.create_table(
        "workspace",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("time_zone", sa.String(), server_default=sa.text("'UTC'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspace")),
    )
    op.create_table(
        "account_mail",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.String(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('confirm_email', 'already_registered', 'reset_password')",
            name=op.f("ck_account_mail_kind"),
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'sent', 'failed')", name=op.f("ck_account_mail_state")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
            name=op.f("fk_account_mail_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_mail")),
    )
    op.create_index(
        "ix_account_mail_account", "account_mail", ["account_id", "created_at"], unique=False
    )
    op.create_index(
        "ix_account_mail_due",
        "account_mail",
        ["next_attempt_at", "id"],
        unique=False,
        postgresql_where="state = 'pending'",
    )
    op.create_table(
        "channel",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("config", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("broken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("broken_reason", sa.String(), nullable=True),
        sa.Column("unsubscribed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirm_epoch", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("confirm_guesses", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspace.id"],
            name=op.f("fk_channel_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel")),
    )
    op.create_index("ix_channel_workspace", "channel", ["workspace_id"], unique=False)
    op.create_table(
        "member",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "role IN ('owner', 'admin', 'member', 'viewer')", name=op.f("ck_member_role")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_member_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspace.id"],
            name=op.f("fk_member_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "workspace_id", name=op.f("pk_member")),
    )
    op.create_index("ix_member_workspace", "member", ["workspace_id"], unique=False)
    op.create_table(
        "monitor",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("ping_key", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column(
            "tags", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("schedule_kind", sa.String(), nullable=False),
        sa.Column("period", sa.Interval(), nullable=True),
        sa.Column("expression", sa.String(), nullable=True),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("grace", sa.Interval(), nullable=False),
        sa.Column("max_runtime", sa.Interval(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(), server_default=sa.text("'new'"), nullable=False),
        sa.Column("last_ping_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_success_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("set_aside_until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(schedule_kind = 'interval' AND period IS NOT NULL AND expression IS NULL) OR (schedule_kind IN ('cron', 'oncalendar') AND period IS NULL AND expression IS NOT NULL)",
            name=op.f("ck_monitor_schedule"),
        ),
        sa.CheckConstraint(
            "deadline_at IS NULL OR status IN ('up', 'new')",
            name=op.f("ck_monitor_deadline_status"),
        ),
        sa.CheckConstraint(
            "status <> 'up' OR deadline_at IS NOT NULL", name=op.f("ck_monitor_up_has_deadline")
        ),
        sa.CheckConstraint(
            "status IN ('new', 'up', 'late', 'failed', 'paused')", name=op.f("ck_monitor_status")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspace.id"],
            name=op.f("fk_monitor_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_monitor")),
        sa.UniqueConstraint("ping_key", name=op.f("uq_monitor_ping_key")),
    )
    op.create_index(
        "ix_monitor_deadline",
        "monitor",
        ["deadline_at"],
        unique=False,
        postgresql_where="deadline_at IS NOT NULL",
    )
    op.create_index("ix_monitor_workspace", "monitor", ["workspace_id", "name"], unique=False)
    op.create_table(
        "incident",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("monitor_id", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("noticed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_ping_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("exit_status", sa.SmallInteger(), nullable=True),
        sa.CheckConstraint(
            "cause IN ('missed', 'overran', 'failed')", name=op.f("ck_incident_cause")
        ),
        sa.CheckConstraint(
            "resolved_at >= opened_at", name=op.f("ck_incident_resolved_after_opened")
        ),
        sa.ForeignKeyConstraint(
            ["monitor_id"], ["monitor.id"], name=op.f("fk_incident_monitor_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
    )
    op.create_index("ix_incident_monitor", "incident", ["monitor_id", "opened_at"], unique=False)
    op.create_index(
        "uq_incident_open",
        "incident",
        ["monitor_id"],
        unique=True,
        postgresql_where="resolved_at IS NULL",
    )
    op.create_table(
        "monitor_channel",
        sa.Column("monitor_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["channel.id"],
            name=op.f("fk_monitor_channel_channel_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["monitor_id"],
            ["monitor.id"],
            name=op.f("fk_monitor_channel_monitor_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("monitor_id", "channel_id", name=op.f("pk_monitor_channel")),
    )
    op.create_index("ix_monitor_channel_channel", "monitor_channel", ["channel_id"], unique=False)
    op.create_table(
        "ping",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("monitor_id", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("exit_status", sa.SmallInteger(), nullable=True),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.Column("duration", sa.Interval(), nullable=True),
        sa.Column("message", sa.String(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("body_cut", sa.Boolean(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("scheme", sa.String(), nullable=False),
        sa.Column("remote_address", postgresql.INET(), nullable=True),
        sa.Column("user_agent", sa.String(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('success', 'start', 'fail', 'log')", name=op.f("ck_ping_kind")
        ),
        sa.CheckConstraint("exit_status BETWEEN 0 AND 255", name=op.f("ck_ping_exit_status")),
        sa.ForeignKeyConstraint(
            ["monitor_id"], ["monitor.id"], name=op.f("fk_ping_monitor_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ping")),
    )
    op.create_index("ix_ping_monitor", "ping", ["monitor_id", "id"], unique=False)
    op.create_table(
        "delivery",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column(
            "public_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False
        ),
        sa.Column("incident_id", sa.BigInteger(), nullable=True),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("alert", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.String(), nullable=True),
        sa.CheckConstraint(
            "(alert IN ('opened', 'resolved')) = (incident_id IS NOT NULL)",
            name=op.f("ck_delivery_incident"),
        ),
        sa.CheckConstraint(
            "alert IN ('opened', 'resolved', 'test', 'confirm')", name=op.f("ck_delivery_alert")
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'sent', 'failed')", name=op.f("ck_delivery_state")
        ),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["channel.id"], name=op.f("fk_delivery_channel_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incident.id"],
            name=op.f("fk_delivery_incident_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
    )
    op.create_index("ix_delivery_channel", "delivery", ["channel_id", "id"], unique=False)
    op.create_index(
        "ix_delivery_due",
        "delivery",
        ["next_attempt_at", "id"],
        unique=False,
        postgresql_where="state = 'pending'",
    )
    op.create_index(
        "uq_delivery_alert",
        "delivery",
        ["incident_id", "channel_id", "alert"],
        unique=True,
        postgresql_where="incident_id IS NOT NULL",
    )


def downgrade() -> None:
    op.drop_index(
        "uq_delivery_alert", table_name="delivery", postgresql_where="incident_id IS NOT NULL"
    )
    op.drop_index("ix_delivery_due", table_name="delivery", postgresql_where="state = 'pending'")
    op.drop_index("ix_delivery_channel", table_name="delivery")
    op.drop_table("delivery")
    op.drop_index("ix_ping_monitor", table_name="ping")
    op.drop_table("ping")
    op.drop_index("ix_monitor_channel_channel", table_name="monitor_channel")
    op.drop_table("monitor_channel")
    op.drop_index("uq_incident_open", table_name="incident", postgresql_where="resolved_at IS NULL")
    op.drop_index("ix_incident_monitor", table_name="incident")
    op.drop_table("incident")
    op.drop_index("ix_monitor_workspace", table_name="monitor")
    op.drop_index(
        "ix_monitor_deadline", table_name="monitor", postgresql_where="deadline_at IS NOT NULL"
    )
    op.drop_table("monitor")
    op.drop_index("ix_member_workspace", table_name="member")
    op.drop_table("member")
    op.drop_index("ix_channel_workspace", table_name="channel")
    op.drop_table("channel")
    op.drop_index(
        "ix_account_mail_due", table_name="account_mail", postgresql_where="state = 'pending'"
    )
    op.drop_index("ix_account_mail_account", table_name="account_mail")
    op.drop_table("account_mail")
    op.drop_table("workspace")
    op.drop_table("tick")
    op.drop_table("account")
