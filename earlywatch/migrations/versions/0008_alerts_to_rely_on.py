"""Policies, acknowledgements, folds, maintenance, outages, drills, and a log of every attempt.

Columns come with constant defaults, and promises are checked for new rows alone: nothing is read
through, so that nobody waits. The next migration checks the old rows and makes the indexes. The
former version goes on beside it: what it queues has no workspace, and its alerts are told at once.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

OF_INCIDENT = "'opened', 'reminder', 'escalated', 'resolved'"
ALERTS = f"{OF_INCIDENT}, 'test', 'confirm', 'drill', 'notice', 'digest'"
CHECKS = (
    ("ck_delivery_alert", "delivery", f"alert IN ({ALERTS})"),
    (
        "ck_delivery_state",
        "delivery",
        "state IN ('pending', 'sent', 'failed', 'gathered', 'merged')",
    ),
    (
        "ck_delivery_incident",
        "delivery",
        f"(alert IN ({OF_INCIDENT})) = (incident_id IS NOT NULL)",
    ),
    (
        "ck_incident_held",
        "incident",
        "held IN ('maintenance', 'blocked', 'failures', 'flapping', 'folded')",
    ),
    (
        "ck_channel_quiet",
        "channel",
        (
            "(quiet_from IS NULL) = (quiet_until IS NULL)"
            " AND (quiet_from IS NULL) = (quiet_zone IS NULL)"
        ),
    ),
)
FORMER_CHECKS = (
    ("ck_delivery_alert", "alert IN ('opened', 'resolved', 'test', 'confirm')"),
    ("ck_delivery_state", "state IN ('pending', 'sent', 'failed')"),
    ("ck_delivery_incident", "(alert IN ('opened', 'resolved')) = (incident_id IS NOT NULL)"),
)


def upgrade() -> None:
    op.create_table(
        "destination",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("free_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_destination")),
    )
    op.create_table(
        "outage",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("noticed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "cause IN ('intake', 'volume', 'detector', 'clock')", name=op.f("ck_outage_cause")
        ),
        sa.CheckConstraint("ended_at >= began_at", name=op.f("ck_outage_ended_after_began")),
        sa.CheckConstraint(
            "moved_at IS NULL OR ended_at IS NOT NULL", name=op.f("ck_outage_moved")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outage")),
    )
    op.create_index("ix_outage_began", "outage", ["began_at"], unique=False)
    op.create_index(
        "uq_outage_open", "outage", ["id"], unique=True, postgresql_where="moved_at IS NULL"
    )
    op.create_table(
        "drill",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("started_by", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspace.id"],
            name=op.f("fk_drill_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drill")),
    )
    op.create_index("ix_drill_workspace", "drill", ["workspace_id", "id"], unique=False)
    op.create_table(
        "incident_act",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("incident_id", sa.BigInteger(), nullable=False),
        sa.Column("deed", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "deed IN ('acknowledged', 'snoozed', 'undone')", name=op.f("ck_incident_act_deed")
        ),
        sa.ForeignKeyConstraint(
            ["incident_id"],
            ["incident.id"],
            name=op.f("fk_incident_act_incident_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident_act")),
    )
    op.create_index("ix_incident_act_incident", "incident_act", ["incident_id", "id"], unique=False)
    op.create_table(
        "fold",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("first_id", sa.BigInteger(), nullable=False),
        sa.Column("shared", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspace.id"],
            name=op.f("fk_fold_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fold")),
    )
    op.create_index(
        "ix_fold_open",
        "fold",
        ["workspace_id", "key"],
        unique=False,
        postgresql_where="closed_at IS NULL",
    )
    op.create_table(
        "maintenance",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("monitor_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column(
            "tags", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("recurrence", sa.String(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "weekdays",
            postgresql.ARRAY(sa.SmallInteger()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("starts", sa.Time(), nullable=True),
        sa.Column("expression", sa.String(), nullable=True),
        sa.Column("length", sa.Interval(), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(recurrence = 'once') = (starts_at IS NOT NULL) AND (recurrence = 'weekly') = (starts IS NOT NULL) AND (recurrence = 'cron') = (expression IS NOT NULL)",
            name=op.f("ck_maintenance_moments"),
        ),
        sa.CheckConstraint("length > interval '0'", name=op.f("ck_maintenance_length")),
        sa.CheckConstraint(
            "recurrence IN ('once', 'weekly', 'cron')", name=op.f("ck_maintenance_recurrence")
        ),
        sa.ForeignKeyConstraint(
            ["monitor_id"],
            ["monitor.id"],
            name=op.f("fk_maintenance_monitor_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspace.id"],
            name=op.f("fk_maintenance_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_maintenance")),
    )
    op.create_index("ix_maintenance_workspace", "maintenance", ["workspace_id"], unique=False)
    op.create_index(
        "ix_maintenance_monitor",
        "maintenance",
        ["monitor_id"],
        unique=False,
        postgresql_where="monitor_id IS NOT NULL",
    )
    op.create_table(
        "policy",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column(
            "tags", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column(
            "causes", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column(
            "weekdays",
            postgresql.ARRAY(sa.SmallInteger()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("time_zone", sa.String(), server_default=sa.text("'UTC'"), nullable=False),
        sa.Column("repeat_every", sa.Interval(), nullable=True),
        sa.Column("repeat_most", sa.SmallInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "repeat_every >= interval '1 minute'", name=op.f("ck_policy_repeat_every")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspace.id"],
            name=op.f("fk_policy_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy")),
    )
    op.create_index("ix_policy_workspace", "policy", ["workspace_id", "position"], unique=False)
    op.create_table(
        "channel_member",
        sa.Column("group_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["channel.id"],
            name=op.f("fk_channel_member_channel_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["channel.id"],
            name=op.f("fk_channel_member_group_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("group_id", "channel_id", name=op.f("pk_channel_member")),
    )
    op.create_index("ix_channel_member_channel", "channel_member", ["channel_id"], unique=False)
    op.create_table(
        "monitor_parent",
        sa.Column("monitor_id", sa.BigInteger(), nullable=False),
        sa.Column("parent_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("monitor_id <> parent_id", name=op.f("ck_monitor_parent_another")),
        sa.ForeignKeyConstraint(
            ["monitor_id"],
            ["monitor.id"],
            name=op.f("fk_monitor_parent_monitor_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"],
            ["monitor.id"],
            name=op.f("fk_monitor_parent_parent_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("monitor_id", "parent_id", name=op.f("pk_monitor_parent")),
    )
    op.create_index("ix_monitor_parent_parent", "monitor_parent", ["parent_id"], unique=False)
    op.create_table(
        "policy_step",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("policy_id", sa.BigInteger(), nullable=False),
        sa.Column("after", sa.Interval(), nullable=False),
        sa.Column("own", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("after >= interval '0'", name=op.f("ck_policy_step_after")),
        sa.ForeignKeyConstraint(
            ["policy_id"], ["policy.id"], name=op.f("fk_policy_step_policy_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_step")),
    )
    op.create_index("uq_policy_step", "policy_step", ["policy_id", "after"], unique=True)
    op.create_table(
        "policy_step_channel",
        sa.Column("step_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["channel_id"],
            ["channel.id"],
            name=op.f("fk_policy_step_channel_channel_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["step_id"],
            ["policy_step.id"],
            name=op.f("fk_policy_step_channel_step_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("step_id", "channel_id", name=op.f("pk_policy_step_channel")),
    )
    op.create_index(
        "ix_policy_step_channel_channel", "policy_step_channel", ["channel_id"], unique=False
    )
    op.create_table(
        "attempt",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("delivery_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "took", sa.Interval(), server_default=sa.text("'00:00:00'::interval"), nullable=False
        ),
        sa.Column("sent", sa.Boolean(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["delivery.id"],
            name=op.f("fk_attempt_delivery_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
    )
    op.create_index("ix_attempt_delivery", "attempt", ["delivery_id", "id"], unique=False)
    op.add_column("channel", sa.Column("quiet_from", sa.Time(), nullable=True))
    op.add_column("channel", sa.Column("quiet_until", sa.Time(), nullable=True))
    op.add_column("channel", sa.Column("quiet_zone", sa.String(), nullable=True))
    op.add_column(
        "channel",
        sa.Column(
            "quiet_days",
            postgresql.ARRAY(sa.SmallInteger()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
    )
    op.add_column(
        "channel",
        sa.Column(
            "urgent_breaks_through", sa.Boolean(), server_default=sa.text("true"), nullable=False
        ),
    )
    op.add_column("channel", sa.Column("digest_every", sa.Interval(), nullable=True))
    op.add_column("channel", sa.Column("proven_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "channel",
        sa.Column(
            "unproven_told_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),  # or all would be told of in the first hour
            nullable=True,
        ),
    )
    op.alter_column("channel", "unproven_told_at", server_default=None)
    op.add_column("delivery", sa.Column("workspace_id", sa.BigInteger(), nullable=True))
    op.add_column(
        "delivery",
        sa.Column("number", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column(
        "delivery",
        sa.Column("urgent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column("delivery", sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "delivery",
        sa.Column(
            "turn_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
    )
    op.add_column("delivery", sa.Column("slot_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("delivery", sa.Column("fallback_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("delivery", sa.Column("fallback_for_id", sa.BigInteger(), nullable=True))
    op.add_column("delivery", sa.Column("leader_id", sa.BigInteger(), nullable=True))
    op.add_column("delivery", sa.Column("drill_id", sa.BigInteger(), nullable=True))
    op.add_column("delivery", sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("delivery", sa.Column("provider_id", sa.String(), nullable=True))
    op.add_column("delivery", sa.Column("lost_attempt", sa.SmallInteger(), nullable=True))
    op.add_column(
        "delivery",
        sa.Column(
            "words", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
    )
    op.create_foreign_key(
        op.f("fk_delivery_leader_id"),
        "delivery",
        "delivery",
        ["leader_id"],
        ["id"],
        ondelete="SET NULL",
        postgresql_not_valid=True,
    )
    op.create_foreign_key(
        op.f("fk_delivery_fallback_for_id"),
        "delivery",
        "delivery",
        ["fallback_for_id"],
        ["id"],
        ondelete="SET NULL",
        postgresql_not_valid=True,
    )
    op.create_foreign_key(
        op.f("fk_delivery_drill_id"),
        "delivery",
        "drill",
        ["drill_id"],
        ["id"],
        ondelete="CASCADE",
        postgresql_not_valid=True,
    )
    op.add_column(
        "incident",
        sa.Column("urgent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column(
        "incident",
        sa.Column(
            "explained", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
    )
    op.add_column("incident", sa.Column("next_step_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("incident", sa.Column("told_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("incident", sa.Column("policy_id", sa.BigInteger(), nullable=True))
    op.add_column(
        "incident",
        sa.Column("step", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column(
        "incident",
        sa.Column("reminders", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column("incident", sa.Column("held", sa.String(), nullable=True))
    op.add_column("incident", sa.Column("blocked_by_id", sa.BigInteger(), nullable=True))
    op.add_column(
        "incident",
        sa.Column("failures", sa.SmallInteger(), server_default=sa.text("1"), nullable=False),
    )
    op.add_column("incident", sa.Column("fold_id", sa.BigInteger(), nullable=True))
    op.add_column("incident", sa.Column("outage_id", sa.BigInteger(), nullable=True))
    op.add_column(
        "incident", sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.add_column("incident", sa.Column("acknowledged_by", sa.String(), nullable=True))
    op.add_column("incident", sa.Column("snoozed_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("incident", sa.Column("snoozed_by", sa.String(), nullable=True))
    op.create_foreign_key(
        op.f("fk_incident_fold_id"),
        "incident",
        "fold",
        ["fold_id"],
        ["id"],
        ondelete="SET NULL",
        postgresql_not_valid=True,
    )
    op.create_foreign_key(
        op.f("fk_incident_outage_id"),
        "incident",
        "outage",
        ["outage_id"],
        ["id"],
        ondelete="SET NULL",
        postgresql_not_valid=True,
    )
    op.create_foreign_key(
        op.f("fk_incident_policy_id"),
        "incident",
        "policy",
        ["policy_id"],
        ["id"],
        ondelete="SET NULL",
        postgresql_not_valid=True,
    )
    op.create_foreign_key(
        op.f("fk_incident_blocked_by_id"),
        "incident",
        "monitor",
        ["blocked_by_id"],
        ["id"],
        ondelete="SET NULL",
        postgresql_not_valid=True,
    )
    op.add_column(
        "monitor",
        sa.Column("urgent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column(
        "monitor",
        sa.Column(
            "failures_needed", sa.SmallInteger(), server_default=sa.text("1"), nullable=False
        ),
    )
    op.add_column("monitor", sa.Column("failures_of", sa.SmallInteger(), nullable=True))
    op.add_column(
        "monitor",
        sa.Column(
            "successes_needed", sa.SmallInteger(), server_default=sa.text("1"), nullable=False
        ),
    )
    op.add_column(
        "monitor",
        sa.Column("recovering", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column("monitor", sa.Column("flapping_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("monitor", sa.Column("outage_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_monitor_outage_id"),
        "monitor",
        "outage",
        ["outage_id"],
        ["id"],
        ondelete="SET NULL",
        postgresql_not_valid=True,
    )
    op.add_column("workspace", sa.Column("fallback_channel_id", sa.BigInteger(), nullable=True))
    op.add_column(
        "workspace",
        sa.Column(
            "fallback_after",
            sa.Interval(),
            server_default=sa.text("'00:05:00'::interval"),
            nullable=False,
        ),
    )
    op.add_column(
        "workspace",
        sa.Column("fold_from", sa.SmallInteger(), server_default=sa.text("3"), nullable=True),
    )
    op.add_column(
        "workspace",
        sa.Column("drill_weekly", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.create_foreign_key(
        op.f("fk_workspace_fallback_channel_id"),
        "workspace",
        "channel",
        ["fallback_channel_id"],
        ["id"],
        ondelete="SET NULL",
        postgresql_not_valid=True,
    )
    for name, table, condition in CHECKS:
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID")


def downgrade() -> None:
    # What the former version has no word for.
    op.execute("DELETE FROM delivery WHERE alert NOT IN ('opened', 'resolved', 'test', 'confirm')")
    op.execute("DELETE FROM delivery WHERE number > 0")
    op.execute("UPDATE delivery SET state = 'failed' WHERE state IN ('gathered', 'merged')")
    op.execute("ALTER TABLE incident DROP CONSTRAINT ck_incident_held")
    op.execute("ALTER TABLE channel DROP CONSTRAINT ck_channel_quiet")
    for name, condition in FORMER_CHECKS:
        op.execute(f"ALTER TABLE delivery DROP CONSTRAINT {name}")
        op.execute(f"ALTER TABLE delivery ADD CONSTRAINT {name} CHECK ({condition})")
    op.drop_constraint(op.f("fk_workspace_fallback_channel_id"), "workspace", type_="foreignkey")
    op.drop_column("workspace", "drill_weekly")
    op.drop_column("workspace", "fold_from")
    op.drop_column("workspace", "fallback_after")
    op.drop_column("workspace", "fallback_channel_id")
    op.drop_constraint(op.f("fk_monitor_outage_id"), "monitor", type_="foreignkey")
    op.drop_column("monitor", "outage_id")
    op.drop_column("monitor", "flapping_at")
    op.drop_column("monitor", "recovering")
    op.drop_column("monitor", "successes_needed")
    op.drop_column("monitor", "failures_of")
    op.drop_column("monitor", "failures_needed")
    op.drop_column("monitor", "urgent")
    op.drop_constraint(op.f("fk_incident_blocked_by_id"), "incident", type_="foreignkey")
    op.drop_constraint(op.f("fk_incident_policy_id"), "incident", type_="foreignkey")
    op.drop_constraint(op.f("fk_incident_outage_id"), "incident", type_="foreignkey")
    op.drop_constraint(op.f("fk_incident_fold_id"), "incident", type_="foreignkey")
    op.drop_column("incident", "snoozed_by")
    op.drop_column("incident", "snoozed_until")
    op.drop_column("incident", "acknowledged_by")
    op.drop_column("incident", "acknowledged_at")
    op.drop_column("incident", "outage_id")
    op.drop_column("incident", "fold_id")
    op.drop_column("incident", "failures")
    op.drop_column("incident", "blocked_by_id")
    op.drop_column("incident", "held")
    op.drop_column("incident", "reminders")
    op.drop_column("incident", "step")
    op.drop_column("incident", "policy_id")
    op.drop_column("incident", "told_since")
    op.drop_column("incident", "next_step_at")
    op.drop_column("incident", "explained")
    op.drop_column("incident", "urgent")
    op.drop_constraint(op.f("fk_delivery_drill_id"), "delivery", type_="foreignkey")
    op.drop_constraint(op.f("fk_delivery_fallback_for_id"), "delivery", type_="foreignkey")
    op.drop_constraint(op.f("fk_delivery_leader_id"), "delivery", type_="foreignkey")
    op.drop_column("delivery", "words")
    op.drop_column("delivery", "lost_attempt")
    op.drop_column("delivery", "provider_id")
    op.drop_column("delivery", "answered_at")
    op.drop_column("delivery", "drill_id")
    op.drop_column("delivery", "leader_id")
    op.drop_column("delivery", "fallback_for_id")
    op.drop_column("delivery", "fallback_at")
    op.drop_column("delivery", "slot_at")
    op.drop_column("delivery", "turn_at")
    op.drop_column("delivery", "due_at")
    op.drop_column("delivery", "urgent")
    op.drop_column("delivery", "number")
    op.drop_column("delivery", "workspace_id")
    op.drop_column("channel", "unproven_told_at")
    op.drop_column("channel", "proven_at")
    op.drop_column("channel", "digest_every")
    op.drop_column("channel", "urgent_breaks_through")
    op.drop_column("channel", "quiet_days")
    op.drop_column("channel", "quiet_zone")
    op.drop_column("channel", "quiet_until")
    op.drop_column("channel", "quiet_from")
    op.drop_index("ix_attempt_delivery", table_name="attempt")
    op.drop_table("attempt")
    op.drop_index("ix_policy_step_channel_channel", table_name="policy_step_channel")
    op.drop_table("policy_step_channel")
    op.drop_index("uq_policy_step", table_name="policy_step")
    op.drop_table("policy_step")
    op.drop_index("ix_monitor_parent_parent", table_name="monitor_parent")
    op.drop_table("monitor_parent")
    op.drop_index("ix_channel_member_channel", table_name="channel_member")
    op.drop_table("channel_member")
    op.drop_index("ix_policy_workspace", table_name="policy")
    op.drop_table("policy")
    op.drop_index("ix_maintenance_workspace", table_name="maintenance")
    op.drop_table("maintenance")
    op.drop_index("ix_fold_open", table_name="fold", postgresql_where="closed_at IS NULL")
    op.drop_table("fold")
    op.drop_index("ix_incident_act_incident", table_name="incident_act")
    op.drop_table("incident_act")
    op.drop_index("ix_drill_workspace", table_name="drill")
    op.drop_table("drill")
    op.drop_index("uq_outage_open", table_name="outage", postgresql_where="moved_at IS NULL")
    op.drop_index("ix_outage_began", table_name="outage")
    op.drop_table("outage")
    op.drop_table("destination")
