"""Reads ResourceSync lists and an Atom feed with clients that are not ours, and prints what they found as JSON."""

import hashlib
import io
import json
import sys
import tempfile
import urllib.request
import zipfile

import feedparser
from resync.capability_list import CapabilityList
from resync.change_list import ChangeList
from resync.resource_dump import ResourceDump
from resync.resource_dump_manifest import ResourceDumpManifest
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
dump = ResourceDump()
dump.read(uri=places["resourcedump"])
packed = []
for package in dump:
    with urllib.request.urlopen(package.uri) as answer, tempfile.TemporaryDirectory() as place:
        zipfile.ZipFile(io.BytesIO(answer.read())).extractall(place)
        manifest = ResourceDumpManifest()
        manifest.read(uri=place + "/manifest.xml")
        for resource in manifest:
            with open(place + resource.path, "rb") as file:
                data = file.read()
            assert len(data) == resource.length and hashlib.sha256(data).hexdigest() == resource.sha256, resource
            with urllib.request.urlopen(resource.uri) as answer:
                assert len(packed) % 100 or answer.read() == data, resource
            packed.append(resource.uri)
feed = feedparser.parse(address + search)
print(
    json.dumps(
        {
            "resources": sorted(resource.uri for resource in resources),
            "packed": sorted(packed),
            "changes": [[change.uri, change.change] for change in changes],
            "valid": not feed.bozo,
            "title": feed.feed.title,
            "entries": [[entry.id, entry.title, entry.link, entry.updated] for entry in feed.entries],
        }
    )
)
