"""GS1 EPCIS 2.0 in JSON and JSON-LD: documents ⇄ events, and the questions that may be asked of events.

`vocabulary` has the words of CBV 2.0 and of names with prefixes, `reading` and `writing` the documents, `querying` the
parameters of queries and what they mean.
"""
