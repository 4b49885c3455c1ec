"""`llm-manager chat`: a conversation on a terminal or in a pipe.

`words` are its options, `lines` where its lines come from, `typed` what a line means, `talking` the talk.
"""
