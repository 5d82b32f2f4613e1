"""The parcel simulator: a made-up world of parcels in which what is wrong is known.

Pure and in whole numbers: equal seeds and parameters give equal parcels on
every machine. `world` streams the parcels of each day with their truth,
`oracle` says what an examination finds, `parameters` holds the figures
(data/simulation/world.yaml), `chance` the generator. Nothing here is law:
what is owed in this world follows its own parameters.
"""

from typing import Final

VERSION: Final = "2"  # changes whenever equal seeds and parameters give other parcels than before
