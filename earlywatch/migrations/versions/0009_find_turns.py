"""Find turns, steps and folds fast, and check the old rows.

Each index is made while alerts go out. The one that keeps an alert from being told twice is there
under its new name before the old one goes.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

INDEXES = (
    ("ix_delivery_drill", "delivery", ["drill_id"], "drill_id IS NOT NULL"),
    ("ix_delivery_fallback", "delivery", ["fallback_for_id"], "fallback_for_id IS NOT NULL"),
    ("ix_delivery_gathered", "delivery", ["channel_id"], "state = 'gathered'"),
    ("ix_delivery_leader", "delivery", ["leader_id"], "leader_id IS NOT NULL"),
    ("ix_delivery_provider", "delivery", ["provider_id"], "provider_id IS NOT NULL"),
    (
        "ix_delivery_queue",
        "delivery",
        ["workspace_id", "turn_at"],
        "state = 'pending' AND attempts = 0",
    ),
    ("ix_delivery_turn", "delivery", ["turn_at", "id"], "state = 'pending'"),
    (
        "ix_delivery_undelivered",
        "delivery",
        ["due_at"],
        "state IN ('pending', 'failed') AND fallback_at IS NULL",
    ),
    ("ix_incident_blocked", "incident", ["blocked_by_id"], "blocked_by_id IS NOT NULL"),
    ("ix_incident_fold", "incident", ["fold_id"], "fold_id IS NOT NULL"),
    ("ix_incident_policy", "incident", ["policy_id"], "policy_id IS NOT NULL"),
    ("ix_incident_step", "incident", ["next_step_at", "id"], "next_step_at IS NOT NULL"),
    ("ix_incident_told", "incident", ["told_since"], "resolved_at IS NULL AND fold_id IS NULL"),
    (
        "ix_workspace_fallback",
        "workspace",
        ["fallback_channel_id"],
        "fallback_channel_id IS NOT NULL",
    ),
)
CHECKED = (
    ("fk_delivery_leader_id", "delivery"),
    ("fk_delivery_fallback_for_id", "delivery"),
    ("fk_delivery_drill_id", "delivery"),
    ("fk_incident_fold_id", "incident"),
    ("fk_incident_outage_id", "incident"),
    ("fk_incident_policy_id", "incident"),
    ("fk_incident_blocked_by_id", "incident"),
    ("fk_monitor_outage_id", "monitor"),
    ("fk_workspace_fallback_channel_id", "workspace"),
    ("ck_delivery_alert", "delivery"),
    ("ck_delivery_state", "delivery"),
    ("ck_delivery_incident", "delivery"),
    ("ck_incident_held", "incident"),
    ("ck_channel_quiet", "channel"),
)
ONCE, FORMER = "uq_delivery_alert", "uq_delivery_alert_former"
OF_ONE = "incident_id IS NOT NULL"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")  # it waits for what began before, and holds up nobody
        for name, table in CHECKED:
            op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")
        for name, table, columns, where in INDEXES:
            op.drop_index(name, table_name=table, if_exists=True, postgresql_concurrently=True)
            op.create_index(
                name, table, columns, postgresql_where=where, postgresql_concurrently=True
            )
        _replace(["incident_id", "channel_id", "alert", "number"])
        op.execute("RESET lock_timeout")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("DELETE FROM delivery WHERE number > 0")
        _replace(["incident_id", "channel_id", "alert"])
    for name, table, _columns, _where in reversed(INDEXES):
        op.drop_index(name, table_name=table)


def _replace(columns: list[str]) -> None:
    """Make the index anew; one that was begun and left is dropped first."""
    made = f"{ONCE}_made"
    for left in (made, FORMER):
        op.drop_index(left, table_name="delivery", if_exists=True, postgresql_concurrently=True)
    op.create_index(
        made,
        "delivery",
        columns,
        unique=True,
        postgresql_where=OF_ONE,
        postgresql_concurrently=True,
    )
    # At once, so that there is always one of that name.
    op.execute(f"ALTER INDEX {ONCE} RENAME TO {FORMER}; ALTER INDEX {made} RENAME TO {ONCE}")
    op.drop_index(FORMER, table_name="delivery", if_exists=True, postgresql_concurrently=True)
