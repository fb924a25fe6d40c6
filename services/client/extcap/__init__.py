"""The plug-in that Wireshark runs (extcap): every online resource's service as an interface.

It is packed into one file and started many times by Wireshark, by whatever Python there is. So it
takes the standard library alone, imports what a call needs when it needs it, and its modules name
each other relatively.
"""
