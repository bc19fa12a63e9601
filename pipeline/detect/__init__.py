"""Detection: which class a column holds, and where identities stand in a text.

    columns.propose       a table's sample -> one profile per column, for `pouch scan`
    spans.find_spans      texts, and what is known about their rows -> spans
    free_text, proposal   both on files, as the commands print them
    presidio_bridge       our recognizers for users of Presidio's AnalyzerEngine

Nothing here opens a socket, and nothing returns a value of the data: spans are offsets, profiles are rates.
"""
