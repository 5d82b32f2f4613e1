"""Goods under customs supervision in free zones and warehouses: what came in, what went out, what must be there.

Revised Kyoto Convention, Specific Annex D (warehouses, free zones); Regulation (EU) No 952/2013, articles 214 and 237 to 249.
An account is derived from facts that are only ever added: the same facts give the same account, in whatever order they came.
"""
