# pragma version 0.4.3
# pragma evm-version london
# @license Apache-2.0
"""
@title Anchors of final checkpoints
@notice For each log, by the SHA-256 of its origin: sizes and roots that its members have cosigned. An anchor is never
        changed, and each one is larger than the one before. Named anchorers write; a quorum of owners says who they
        are, and who the owners are.
"""

event Anchored:
    origin: indexed(bytes32)
    size: indexed(uint64)
    root: bytes32
    by: address

event Voted:
    change: indexed(bytes32)
    owner: indexed(address)
    role: uint8
    who: address
    is_admitted: bool

event Changed:
    role: uint8
    who: indexed(address)
    is_admitted: bool

ANCHORER: constant(uint8) = 0
OWNER: constant(uint8) = 1
OWNERS_MAX: constant(uint256) = 16
ANCHORERS_MAX: constant(uint256) = 16

threshold: public(immutable(uint256))
owner_count: public(uint256)
is_owner: public(HashMap[address, bool])
is_anchorer: public(HashMap[address, bool])

# Votes count for one round; every change that is carried out begins the next, so that no vote outlives its voter's office.
round: public(uint256)
votes: public(HashMap[bytes32, uint256])
has_voted: HashMap[bytes32, HashMap[address, bool]]

latest_size: HashMap[bytes32, uint64]
root_at: public(HashMap[bytes32, HashMap[uint64, bytes32]])


@deploy
def __init__(owners: DynArray[address, OWNERS_MAX], threshold_: uint256, anchorers: DynArray[address, ANCHORERS_MAX]):
    assert 1 <= threshold_ and threshold_ <= len(owners), "threshold"
    threshold = threshold_
    for owner: address in owners:
        assert owner != empty(address) and not self.is_owner[owner], "owner"
        self.is_owner[owner] = True
    self.owner_count = len(owners)
    for anchorer: address in anchorers:
        self.is_anchorer[anchorer] = True


@external
def anchor(origin: bytes32, size: uint64, root: bytes32):
    """
    @notice Write that the log `origin` had `size` entries under `root`.
    """
    assert self.is_anchorer[msg.sender], "not an anchorer"
    assert size > self.latest_size[origin], "size must grow"
    assert root != empty(bytes32), "no root"
    self.latest_size[origin] = size
    self.root_at[origin][size] = root
    log Anchored(origin=origin, size=size, root=root, by=msg.sender)


@external
@view
def latest(origin: bytes32) -> (uint64, bytes32):
    """
    @notice The largest anchor of a log; zeroes where it has none.
    """
    size: uint64 = self.latest_size[origin]
    return size, self.root_at[origin][size]


@external
def vote(role: uint8, who: address, is_admitted: bool):
    """
    @notice An owner is for admitting or dismissing an anchorer (0) or owner (1); carried out with the vote that
            completes the quorum.
    """
    assert self.is_owner[msg.sender], "not an owner"
    assert role == ANCHORER or role == OWNER, "role"
    assert who != empty(address), "who"
    current: bool = self.is_anchorer[who]
    if role == OWNER:
        current = self.is_owner[who]
    assert current != is_admitted, "no change"

    change: bytes32 = keccak256(abi_encode(self.round, role, who, is_admitted))
    assert not self.has_voted[change][msg.sender], "voted already"
    self.has_voted[change][msg.sender] = True
    self.votes[change] += 1
    log Voted(change=change, owner=msg.sender, role=role, who=who, is_admitted=is_admitted)
    if self.votes[change] < threshold:
        return

    if role == ANCHORER:
        self.is_anchorer[who] = is_admitted
    elif is_admitted:
        assert self.owner_count < OWNERS_MAX, "too many owners"
        self.is_owner[who] = True
        self.owner_count += 1
    else:
        assert self.owner_count > threshold, "too few owners"
        self.is_owner[who] = False
        self.owner_count -= 1
    self.round += 1
    log Changed(role=role, who=who, is_admitted=is_admitted)
