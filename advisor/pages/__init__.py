"""What a report says and draws; the kinds of report are in `advisor.reports`."""
