"""Programs that preview links: a ping URL that somebody pasted into a chat is no ping."""

import re
from functools import lru_cache

from earlywatch.services.incoming import LONGEST_AGENT

LONGEST_READ = 500  # bytes in which a name is looked for

# As they call themselves: somebody's own job, say "mastodon-backup", must not be taken for one.
PREVIEW = re.compile(
    rb"(?<![A-Za-z0-9_-])(?:"
    rb"Slackbot|Slack-ImgProxy|Twitterbot|facebookexternalhit|Facebot|meta-external[a-z]+"
    rb"|Discordbot|TelegramBot|SkypeUriPreview|MicrosoftPreview|BingPreview|LinkedInBot"
    rb"|Pinterestbot|redditbot|Iframely|Embedly|vkShare|KakaoTalk-Scrap|Mattermost-Bot"
    rb"|ZulipURLPreview|Google-PageRenderer|Google-InspectionTool|GoogleImageProxy|GoogleOther"
    rb"|Googlebot|bingbot|Applebot|DuckDuckBot|YandexBot|Baiduspider|PetalBot"
    rb"|(?:WhatsApp|Mastodon|Viber|Pinterest)/[0-9]"
    rb"|Synapse \(bot;"
    rb")"
)


def read_agent(agent: bytes) -> tuple[str | None, bool]:
    """Return what a client calls itself, cut, and whether that is a program previewing links."""
    return _read(agent[:LONGEST_READ])


@lru_cache(maxsize=2048)
def _read(agent: bytes) -> tuple[str | None, bool]:
    # PostgreSQL cannot store a NUL.
    text = agent.decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text[:LONGEST_AGENT] or None, PREVIEW.search(agent) is not None
