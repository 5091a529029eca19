"""Reads ResourceSync lists and an Atom feed with clients that are not ours, and prints what they found as JSON."""

import json
import sys

import feedparser
from resync.capability_list import CapabilityList
from resync.change_list import ChangeList
from resync.resource_list import ResourceList
from resync.source_description import SourceDescription

address, search = sys.argv[1:]

description = SourceDescription()
description.read(uri=address + "/.well-known/resourcesync")
capabilities = CapabilityList()
capabilities.read(uri=[resource.uri for resource in description][0])
places = {resource.capability: resource.uri for resource in capabilities}
resources = ResourceList()
resources.read(uri=places["resourcelist"])
changes = ChangeList()
changes.read(uri=places["changelist"])
feed = feedparser.parse(address + search)
print(
    json.dumps(
        {
            "resources": sorted(resource.uri for resource in resources),
            "changes": [[change.uri, change.change] for change in changes],
            "valid": not feed.bozo,
            "title": feed.feed.title,
            "entries": [[entry.id, entry.title, entry.link, entry.updated] for entry in feed.entries],
        }
    )
)
