"""What the arena tells the other apps, always inside the transaction that did it.

`vote_cast` is sent with `votes: Sequence[DecidedVote]` (one, or a batch of an import, in the
order cast), read with their texts. A receiver may return a mapping {(battle id, contender id):
(elo before, elo after)}, which the arena keeps on the placements and shows at the reveal.
`more=True` says that further votes of the same import follow; the end of one is a call without
votes. `vote_excluded` and
`vote_restored` are sent with `votes` when votes are taken out of the count or back in,
`vote_changed` when votes still count but have lost their texts and their rater.
"""

from django.dispatch import Signal

vote_cast = Signal()
vote_excluded = Signal()
vote_restored = Signal()
vote_changed = Signal()
