"""A year of selection on simulated parcels: what it finds of what an oracle would have found, measured over seeds.

`columns` turns a world into arrays, what may be seen apart from what is true; `features` works out what a parcel's own
words and the days before tell; `learning` learns from examined parcels alone, `curiosity` which are unlike them; `running`
goes through the days; `measuring` compares with the truth. Needs the extra `risk`. ADR 28.
"""
