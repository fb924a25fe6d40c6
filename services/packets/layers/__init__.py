"""One-line summaries of the layers of a packet, a module a protocol.

A decoder is given the captured bytes and where its header begins, and never raises: a truncated
or wrong header shows as what could be read of it. Link and network layers are called
`(data, at)`; an upper layer is called `(data, at, end, source, destination)`, where `end` is where
the packet ends by its own header, which a snap length may have put beyond the captured bytes.
"""
