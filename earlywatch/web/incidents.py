"""The page of an incident: what was expected, what happened, who was told."""

from flask import Blueprint, g, render_template
from flask.typing import ResponseReturnValue

from earlywatch.db import db
from earlywatch.domain.alert_words import CAUSES
from earlywatch.domain.monitor import Cause
from earlywatch.services import monitor_history
from earlywatch.services.why import find_why
from earlywatch.web.guards import member_only
from earlywatch.web.incident_words import events, headline
from earlywatch.web.paths import ID
from earlywatch.web.run_charts import chart_of

bp = Blueprint("incidents", __name__, url_prefix="/incidents")


@bp.route(f"/<{ID}:incident_id>")
@member_only
def show(incident_id: int) -> ResponseReturnValue:
    """Show one incident."""
    story = monitor_history.find_story(db.session(), g.workspace, incident_id)
    why = find_why(db.session(), story.incident)
    return render_template(
        "incidents/show.html",
        incident=story.incident,
        monitor=story.incident.monitor,
        deliveries=story.deliveries,
        cause=CAUSES[Cause(story.incident.cause)],
        headline=headline(story.incident, g.now),
        events=events(story),
        why=why,
        chart=chart_of(why.runs),
        explained=story.incident.explained or {},
    )
