"""What a basket will cost, whether it may come in, who pays and when; and why a later declaration's amounts differ.

Pure: a basket is told to customs as a declaration (`telling`), which goes through the one evaluation path like any
other; `quote` arranges what came out, `sentences` says it in words, `comparing` explains differences to a declaration.
"""
