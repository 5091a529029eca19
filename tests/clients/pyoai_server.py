"""Serves the records of a JSON file with pyoai: `pyoai_server.py RECORDS.json`, which is read again when it changes.

Each record has `identifier`, `datestamp`, `sets`, `deleted` and `rdfxml`. Says its base URL on the first line.
"""

import json
import os
import sys
import types
from datetime import datetime
from socketserver import ThreadingMixIn
from urllib.parse import parse_qs, parse_qsl
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

# pyoai 2.5.0 asks for what Python 3.8 and 3.13 took away.
sys.modules["cgi"] = types.ModuleType("cgi")
sys.modules["cgi"].parse_qs = parse_qs

from lxml import etree
from oaipmh import common, error, metadata, server

BATCH = 300
path = sys.argv[1]
base_url = ""
known = (None, [])


def records():
    global known
    changed = os.stat(path).st_mtime_ns
    if known[0] != changed:
        with open(path, encoding="utf-8") as file:
            known = (changed, json.load(file))
    return known[1]


def header(record):
    stamp = datetime.strptime(record["datestamp"], "%Y-%m-%dT%H:%M:%SZ")
    return common.Header(None, record["identifier"], stamp, record["sets"], record["deleted"])


class Records:
    """What pyoai calls an IOAI."""

    def identify(self):
        return common.Identify(
            repositoryName="Definitions", baseURL=base_url, protocolVersion="2.0", adminEmails=["nobody@example.org"],
            earliestDatestamp=datetime(2020, 1, 1), deletedRecord="persistent", granularity="YYYY-MM-DDThh:mm:ssZ",
            compression=["identity"])

    def listMetadataFormats(self, identifier=None):
        return [("rdfxml", "http://www.openarchives.org/OAI/2.0/rdf.xsd", "http://www.w3.org/1999/02/22-rdf-syntax-ns#")]

    def listSets(self):
        return [(name, name, "") for name in sorted({name for record in records() for name in record["sets"]})]

    def _selected(self, set, from_, until):
        for record in records():
            stamp = header(record).datestamp()
            if (set is None or set in record["sets"]) and (from_ is None or stamp >= from_) and (until is None or stamp <= until):
                yield record

    def listIdentifiers(self, metadataPrefix, set=None, from_=None, until=None):
        return [header(record) for record in self._selected(set, from_, until)]

    def listRecords(self, metadataPrefix, set=None, from_=None, until=None):
        return [(header(record), record["rdfxml"], None) for record in self._selected(set, from_, until)]

    def getRecord(self, metadataPrefix, identifier):
        for record in records():
            if record["identifier"] == identifier:
                return header(record), record["rdfxml"], None
        raise error.IdDoesNotExistError(identifier)


registry = metadata.MetadataRegistry()
registry.registerWriter("rdfxml", lambda element, text: element.append(etree.fromstring(text.encode("utf-8"))))
oai = server.Server(Records(), registry, resumption_batch_size=BATCH)


def application(environ, start_response):
    given = dict(parse_qsl(environ.get("QUERY_STRING", "")))
    start_response("200 OK", [("Content-Type", "text/xml; charset=utf-8")])
    return [oai.handleRequest(given)]


class Quiet(WSGIRequestHandler):
    def log_message(self, *words):
        pass


class Threading(ThreadingMixIn, WSGIServer):
    daemon_threads = True


listening = make_server("127.0.0.1", 0, application, server_class=Threading, handler_class=Quiet)
base_url = f"http://127.0.0.1:{listening.server_port}/oai"
print(base_url, flush=True)
listening.serve_forever()
