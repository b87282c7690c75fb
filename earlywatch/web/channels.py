"""Places to send alerts to: the list, and the page of one."""

from flask import Blueprint, flash, g, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue

from earlywatch.channels.registry import Kind, kind, kinds
from earlywatch.db import db, transaction
from earlywatch.models import Channel
from earlywatch.services import channel_lists, channel_uses, channels, groups
from earlywatch.services.wiring import wiring
from earlywatch.web.channel_forms import CodeForm
from earlywatch.web.guards import member_only
from earlywatch.web.paths import ID
from earlywatch.web.roles import editor, may_edit

SHOWN_ONCE = "channel-secrets"  # in the visitor's session: what we made for a new channel

bp = Blueprint("channels", __name__, url_prefix="/channels")
bp.add_app_template_filter(channel_lists.state_of, "channel_state")


@bp.app_template_filter()
def kind_of(channel: Channel) -> Kind:
    """Return the kind of a channel."""
    return kind(channel.kind)


@bp.app_template_filter()
def summary(channel: Channel) -> str:
    """Return in a few words where a channel leads, with no secret in it."""
    return kind(channel.kind).summary(channel.config)


@bp.route("")
@member_only
def index() -> ResponseReturnValue:
    """Show all channels, and the kinds that can be added."""
    doors = wiring().doors
    return render_template(
        "channels/index.html",
        rows=channel_lists.list_channels(db.session(), g.workspace),
        policies=channel_uses.count_policies(db.session(), g.workspace),
        offered=[(kind, kind.available(doors)) for kind in kinds()],
        may_edit=may_edit(),
    )


@bp.route(f"/<{ID}:channel_id>")
@member_only
def show(channel_id: int) -> ResponseReturnValue:
    """Show one channel: how it is, who uses it, what was sent."""
    channel = channels.find_channel(db.session(), g.workspace, channel_id)
    return page(channel, CodeForm(formdata=None))


@bp.route(f"/<{ID}:channel_id>/test", methods=["POST"])
@member_only
@editor
def test(channel_id: int) -> ResponseReturnValue:
    """Send a test alert; the page of the channel, or of each in a group, shows how it went."""
    try:
        with transaction() as work:
            queued = channels.send_test(work, g.workspace, channel_id, g.now)
    except (channels.TooSoon, channels.NobodyThere) as error:
        flash(str(error), "warn")
    else:
        if len(queued) > 1:
            flash(f"A test is on its way to {len(queued)} channels.", "ok")
    return redirect(url_for("channels.show", channel_id=channel_id), 303)


def page(channel: Channel, code_form: CodeForm) -> str:
    """Return the page of one channel."""
    looking = db.session()
    return render_template(
        "channels/show.html",
        channel=channel,
        code_form=code_form,
        secrets=_shown_once(channel.id),
        members=groups.members_of(looking, channel),
        groups=groups.groups_of(looking, channel),
        users=channel_lists.users_of(looking, channel),
        policies=channel_uses.policies_of(looking, channel),
        deliveries=channel_lists.recent_deliveries(looking, channel),
        may_edit=may_edit(),
    )


def _shown_once(channel_id: int) -> dict[str, str]:
    """Return what was made for this channel a moment ago, and forget it."""
    kept = session.get(SHOWN_ONCE)
    if not kept or kept["channel_id"] != channel_id:
        return {}
    del session[SHOWN_ONCE]
    return dict(kept["secrets"])
