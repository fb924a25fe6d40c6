"""The compiling child, on a machine where libpcap is not installed."""

from services.packets import filterchild, libpcap

libpcap.LIBRARY = "libpcap-that-is-not-there.so"
filterchild.main()
