"""What was away in an outage of ours, in words that customers and operators understand."""

CAUSES = {
    "intake": "Our own pings did not get through, or could not be stored.",
    "volume": "Far fewer pings came than just before, across workspaces.",
    "detector": "Nothing of this installation was at work.",
    "clock": "The clock of this machine was set forward, or it slept.",
}
