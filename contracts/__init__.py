"""What Capflow's parts say to each other and to others: names, messages, records.

Pydantic and the standard library only, and no I/O, so that anybody may import it.
"""
