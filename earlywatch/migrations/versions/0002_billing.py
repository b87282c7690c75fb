"""Add plans, subscriptions and what is told about them; let a monitor be frozen.

Tables come first; `monitor` is touched last, so that its lock is held for a moment. New columns
have constant defaults, so no table is written anew. The new promises are not checked against the
rows there are, which held the narrower one or take the default; 0003 proves them.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

PROMISES = (
    ("monitor", "status", "status IN ('new', 'up', 'late', 'failed', 'paused', 'frozen')"),
    ("workspace", "plan", "plan IN ('free', 'supporter', 'team', 'business', 'unlimited')"),
    (
        "workspace",
        "gift_plan",
        "gift_plan IN ('free', 'supporter', 'team', 'business', 'unlimited')",
    ),
)
STATUS_BEFORE = "status IN ('new', 'up', 'late', 'failed', 'paused')"


def upgrade() -> None:
    op.execute("CREATE SEQUENCE subscription_ticket")
    op.create_table(
        "received_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("object_id", sa.String(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_received_event")),
        sa.UniqueConstraint(
            "provider", "event_id", name=op.f("uq_received_event_provider_event_id")
        ),
    )
    op.create_index(
        "ix_received_event_due",
        "received_event",
        ["next_attempt_at", "id"],
        unique=False,
        postgresql_where="handled_at IS NULL",
    )
    op.create_index(
        "ix_received_event_received", "received_event", ["received_at", "id"], unique=False
    )
    op.create_table(
        "refused_event",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("provider", "reason", "day", name=op.f("pk_refused_event")),
    )
    op.create_table(
        "billing_action",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), server_default=sa.text("'open'"), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("answer", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('subscribe', 'change', 'pause', 'extend', 'resume', 'cancel_at_end', 'keep', 'cancel_now', 'refund')",
            name=op.f("ck_billing_action_kind"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'begun', 'done', 'failed')", name=op.f("ck_billing_action_state")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspace.id"],
            name=op.f("fk_billing_action_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_action")),
    )
    op.create_index(
        "ix_billing_action_open",
        "billing_action",
        ["created_at"],
        unique=False,
        postgresql_where="state IN ('open', 'begun')",
    )
    op.create_index(
        "ix_billing_action_workspace",
        "billing_action",
        ["workspace_id", "created_at"],
        unique=False,
    )
    op.create_table(
        "billing_change",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("sentence", sa.String(), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspace.id"],
            name=op.f("fk_billing_change_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_change")),
    )
    op.create_index(
        "ix_billing_change_workspace", "billing_change", ["workspace_id", "id"], unique=False
    )
    op.create_index(
        "uq_billing_change_about", "billing_change", ["workspace_id", "kind", "about"], unique=True
    )
    op.create_table(
        "billing_mail",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column(
            "letter",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("state", sa.String(), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.String(), nullable=True),
        sa.CheckConstraint(
            "state IN ('pending', 'sent', 'failed')", name=op.f("ck_billing_mail_state")
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspace.id"],
            name=op.f("fk_billing_mail_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_billing_mail")),
    )
    op.create_index(
        "ix_billing_mail_due",
        "billing_mail",
        ["next_attempt_at", "id"],
        unique=False,
        postgresql_where="state = 'pending'",
    )
    op.create_index(
        "ix_billing_mail_workspace", "billing_mail", ["workspace_id", "kind"], unique=False
    )
    op.create_index(
        "uq_billing_mail_about",
        "billing_mail",
        ["workspace_id", "address", "kind", "about"],
        unique=True,
    )
    op.create_table(
        "invoice",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("paid", sa.Integer(), nullable=False),
        sa.Column("due", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("refunded", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("payment_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspace.id"],
            name=op.f("fk_invoice_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice")),
    )
    op.create_index("ix_invoice_workspace", "invoice", ["workspace_id", "created_at"], unique=False)
    op.create_table(
        "subscription",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.String(), nullable=False),
        sa.Column("stripe_id", sa.String(), nullable=True),
        sa.Column("status", sa.String(), server_default=sa.text("'none'"), nullable=False),
        sa.Column("plan", sa.String(), nullable=True),
        sa.Column("amount", sa.Integer(), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.Column("every", sa.String(), nullable=True),
        sa.Column("flexible", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("period_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("period_end", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("past_due_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_amount", sa.Integer(), nullable=True),
        sa.Column("next_discount", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("balance", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("card", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("payment_url", sa.String(), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pause_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pause_credit", sa.Integer(), nullable=True),
        sa.Column("months_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ticket", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("synced_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("every IN ('month', 'year')", name=op.f("ck_subscription_every")),
        sa.CheckConstraint(
            "plan IN ('free', 'supporter', 'team', 'business', 'unlimited')",
            name=op.f("ck_subscription_plan"),
        ),
        sa.CheckConstraint("amount IS NULL OR amount >= 0", name=op.f("ck_subscription_amount")),
        sa.ForeignKeyConstraint(
            ["workspace_id"],
            ["workspace.id"],
            name=op.f("fk_subscription_workspace_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace_id", name=op.f("pk_subscription")),
    )
    op.create_index(
        "ix_subscription_paused",
        "subscription",
        ["pause_until"],
        unique=False,
        postgresql_where="status = 'paused'",
    )
    op.create_index("ix_subscription_months_due", "subscription", ["months_due_at"], unique=False)
    op.create_index("uq_subscription_customer_id", "subscription", ["customer_id"], unique=True)
    op.create_index("uq_subscription_stripe_id", "subscription", ["stripe_id"], unique=True)
    op.add_column(
        "workspace",
        sa.Column("plan", sa.String(), server_default=sa.text("'unlimited'"), nullable=False),
    )
    op.add_column("workspace", sa.Column("gift_plan", sa.String(), nullable=True))
    op.add_column("workspace", sa.Column("gift_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "monitor", sa.Column("keep", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("monitor", sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_constraint("ck_monitor_status", "monitor")
    for table, name, condition in PROMISES:
        _promise(table, name, condition)


def downgrade() -> None:
    op.execute("UPDATE monitor SET status = 'paused' WHERE status = 'frozen'")
    op.drop_constraint("ck_monitor_status", "monitor")
    _promise("monitor", "status", STATUS_BEFORE)
    op.execute("ALTER TABLE monitor VALIDATE CONSTRAINT ck_monitor_status")
    op.execute("DROP SEQUENCE subscription_ticket")
    op.drop_column("workspace", "gift_until")
    op.drop_column("workspace", "gift_plan")
    op.drop_column("workspace", "plan")
    op.drop_column("monitor", "frozen_at")
    op.drop_column("monitor", "keep")
    op.drop_index("uq_subscription_stripe_id", table_name="subscription")
    op.drop_index("uq_subscription_customer_id", table_name="subscription")
    op.drop_index("ix_subscription_months_due", table_name="subscription")
    op.drop_index(
        "ix_subscription_paused", table_name="subscription", postgresql_where="status = 'paused'"
    )
    op.drop_table("subscription")
    op.drop_index("ix_invoice_workspace", table_name="invoice")
    op.drop_table("invoice")
    op.drop_index("uq_billing_mail_about", table_name="billing_mail")
    op.drop_index("ix_billing_mail_workspace", table_name="billing_mail")
    op.drop_index(
        "ix_billing_mail_due", table_name="billing_mail", postgresql_where="state = 'pending'"
    )
    op.drop_table("billing_mail")
    op.drop_index("uq_billing_change_about", table_name="billing_change")
    op.drop_index("ix_billing_change_workspace", table_name="billing_change")
    op.drop_table("billing_change")
    op.drop_index("ix_billing_action_workspace", table_name="billing_action")
    op.drop_index(
        "ix_billing_action_open",
        table_name="billing_action",
        postgresql_where="state IN ('open', 'begun')",
    )
    op.drop_table("billing_action")
    op.drop_table("refused_event")
    op.drop_index("ix_received_event_received", table_name="received_event")
    op.drop_index(
        "ix_received_event_due", table_name="received_event", postgresql_where="handled_at IS NULL"
    )
    op.drop_table("received_event")


def _promise(table: str, name: str, condition: str) -> None:
    op.execute(
        f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_{name} CHECK ({condition}) NOT VALID"
    )
