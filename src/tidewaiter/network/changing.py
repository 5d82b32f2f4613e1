"""The operator's door of a running member for its own keys: go on under the key that the log has put in the place of another."""

from __future__ import annotations

from tidewaiter.network.handing_in import HandingIn
from tidewaiter.network.keyring import submitter_number
from tidewaiter.network.node import Node
from tidewaiter.network.sequencer_side import SequencerSide
from tidewaiter.network.serving import Request, Response, Route, as_json, refused


class Changing:
    """A member's own keys, changed while it runs."""

    def __init__(self, node: Node, handing_in: HandingIn | None) -> None:
        self._node, self._handing_in = node, handing_in

    def routes(self) -> list[Route]:
        """What the operator can ask."""
        return [Route("POST", "/submitter", self.submitter, 1000), Route("POST", "/cosigner", self.cosigner, 1000)]

    async def submitter(self, request: Request) -> Response:
        """Submit no longer with the key of this number, but with the one that follows: its number."""
        key = self._node.home.keyring.change_submitter(request.body.decode("ascii", errors="replace"))
        if self._handing_in is not None:
            await self._handing_in.change(key)
        return as_json({"submits with": submitter_number(key)})

    async def cosigner(self, request: Request) -> Response:
        """Cosign with the next key, where the members count it by now: its text."""
        keyring = self._node.home.keyring
        following = keyring.next_cosigner()
        side = next(reversed(self._node.sides.values()))
        own = side.charter.members.get(self._node.label)
        if isinstance(side, SequencerSide) or own is None or own.key != following.verifier.text:
            raise refused(
                409, "network.not_counted", "the members do not count the next key yet", "Ask again in a second."
            )
        keyring.change_cosigner()
        side.take_key(following)
        return as_json({"cosigns with": following.verifier.text})
