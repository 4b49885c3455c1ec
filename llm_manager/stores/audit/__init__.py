"""The audit trail, and the anchors that vouch for its length."""
