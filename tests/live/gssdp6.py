#!/usr/bin/python3
"""A device, or a program that looks for one, by IPv6: libgssdp, as UPnP programs use it.

    gssdp6.py serve|search INTERFACE ADDRESS

gssdp-discover itself knows IPv4 only (it asks libgssdp for UPnP's first version).
"""
import sys

import gi
gi.require_version("GSSDP", "1.6")
from gi.repository import Gio, GLib, GSSDP  # noqa: E402

DEVICE = "uuid:5a117042-0000-4000-8000-000000000001"

what, interface, address = sys.argv[1:]
client = GSSDP.Client.new_full(interface, Gio.InetAddress.new_from_string(address), 0, GSSDP.UDAVersion.VERSION_1_1)
if what == "serve":
    actor = GSSDP.ResourceGroup.new(client)
    actor.add_resource_simple("upnp:rootdevice", f"{DEVICE}::upnp:rootdevice", f"http://[{address}]:8200/rootDesc.xml")
    actor.set_available(True)
else:
    actor = GSSDP.ResourceBrowser.new(client, "ssdp:all")
    actor.connect("resource-available", lambda _, usn, locations: print(usn, *locations, flush=True))
    actor.set_active(True)
print("running", flush=True)
GLib.MainLoop().run()
