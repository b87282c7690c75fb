"""Places to send alerts to: the list, and the page of one."""

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from earlywatch.channels.registry import Kind, kind, kinds
from earlywatch.db import db, transaction
from earlywatch.models import Channel
from earlywatch.services import channel_lists, channels
from earlywatch.services.wiring import wiring
from earlywatch.web.channel_forms import CodeForm
from earlywatch.web.guards import member_only
from earlywatch.web.paths import ID
from earlywatch.web.roles import editor, may_edit

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
    """Send a test alert; the page of the channel shows how it went."""
    try:
        with transaction() as session:
            channels.send_test(session, g.workspace, channel_id, g.now)
    except channels.TooSoon as error:
        flash(str(error), "warn")
    return redirect(url_for("channels.show", channel_id=channel_id), 303)


def page(channel: Channel, code_form: CodeForm) -> str:
    """Return the page of one channel."""
    session = db.session()
    return render_template(
        "channels/show.html",
        channel=channel,
        code_form=code_form,
        users=channel_lists.users_of(session, channel),
        deliveries=channel_lists.recent_deliveries(session, channel),
        may_edit=may_edit(),
    )
