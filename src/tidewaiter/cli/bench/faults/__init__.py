"""A network of the record under faults, simulated: one thread, one seed, no clock, no disk and no socket.

The machines of `tidewaiter.ledger` run here as they run in members' processes. What fails is made: `disks` lose and tear
what was not synced, `world` delays, doubles, reorders and drops messages and cuts the network in two; `members` drive the
machines, crash and come back; `attackers` replay and forge; a council (`changes`) decides who counts, and `forgers` decide what
is not theirs; `people` end an origin and begin the next; `checking` and `judging` see all and complain. `running` draws a plan
from a seed: the same seed gives the same run, message by message.
"""
