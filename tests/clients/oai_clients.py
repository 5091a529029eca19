"""Harvests an OAI-PMH provider with Sickle and oaipmh-scythe, and validates its answers: `oai_clients.py URL SCHEMAS FIXTURES`.

SCHEMAS has OAI-PMH.xsd, oai_dc.xsd and what they import; FIXTURES has schemas of ours for what OAI-PMH leaves open. Prints JSON: for each
client and format the identifiers of live and of deleted records, and for each invalid answer why.
"""

import json
import sys
import urllib.parse
import urllib.request
from pathlib import Path

from lxml import etree
from oaipmh_scythe import Scythe
from sickle import Sickle

url, schemas, fixtures = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
# Sickle wants an element in `<metadata>`, which Turtle and JSON are not.
FORMATS = ["oai_dc", "rdfxml"]


def split(headers):
    live, deleted = [], []
    for identifier, gone in headers:
        (deleted if gone else live).append(identifier)
    return {"live": live, "deleted": deleted}


def sickle():
    client = Sickle(url)
    seen = {name: split((r.header.identifier, r.header.deleted) for r in client.ListRecords(metadataPrefix=name)) for name in FORMATS}
    seen["headers"] = split((h.identifier, h.deleted) for h in client.ListIdentifiers(metadataPrefix="ttl"))
    seen["sets"] = [s.setSpec for s in client.ListSets()]
    seen["formats"] = [f.metadataPrefix for f in client.ListMetadataFormats()]
    return seen


def scythe():
    with Scythe(url) as client:
        records = list(client.list_records(metadata_prefix="oai_dc"))
        seen = {"oai_dc": split((r.header.identifier, r.header.deleted) for r in records)}
        seen["titles"] = {r.header.identifier: r.metadata["title"] for r in records if not r.header.deleted and "title" in r.metadata}
        headers = client.list_identifiers(metadata_prefix="rdfxml")
        seen["headers"] = split((h.identifier, h.deleted) for h in headers)
        return seen


def schema():
    """All schemas as one, so that nothing is fetched."""
    places = {
        "http://www.w3.org/XML/1998/namespace": schemas / "xml.xsd",
        "http://purl.org/dc/elements/1.1/": schemas / "simpledc20021212.xsd",
        "http://www.openarchives.org/OAI/2.0/oai_dc/": schemas / "oai_dc.xsd",
        "http://www.openarchives.org/OAI/2.0/": schemas / "OAI-PMH.xsd",
        "http://www.openarchives.org/OAI/2.0/provenance": fixtures / "provenance.xsd",
        "http://www.w3.org/1999/02/22-rdf-syntax-ns#": fixtures / "rdf.xsd",
    }
    imports = "".join(f'<xs:import namespace="{name}" schemaLocation="{path}"/>' for name, path in places.items())
    text = f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">{imports}</xs:schema>'
    return etree.XMLSchema(etree.fromstring(text, etree.XMLParser(no_network=True)))


def invalid():
    known = schema()
    first = Sickle(url).ListIdentifiers(metadataPrefix="oai_dc").next().identifier
    requests = [
        {"verb": "Identify"},
        {"verb": "ListSets"},
        {"verb": "ListMetadataFormats"},
        {"verb": "ListMetadataFormats", "identifier": first},
        {"verb": "ListIdentifiers", "metadataPrefix": "oai_dc"},
        {"verb": "ListRecords", "metadataPrefix": "oai_dc"},
        {"verb": "ListRecords", "metadataPrefix": "rdfxml"},
        {"verb": "GetRecord", "metadataPrefix": "oai_dc", "identifier": first},
        {"verb": "GetRecord", "metadataPrefix": "marcxml", "identifier": first},
        {"verb": "GetRecord", "metadataPrefix": "oai_dc", "identifier": "https://x/none"},
        {"verb": "ListRecords", "metadataPrefix": "oai_dc", "set": "no:such"},
        {"verb": "ListRecords", "resumptionToken": "none"},
        {"verb": "ListRecords", "metadataPrefix": "oai_dc", "from": "yesterday"},
        {"verb": "Harvest<all>"},
        {},
    ]
    found = []
    while requests:
        request = requests.pop()
        answer = urllib.request.urlopen(f"{url}?{urllib.parse.urlencode(request)}").read()
        document = etree.fromstring(answer)
        if not known.validate(document):
            found.append(f"{request}: {known.error_log.last_error}")
        token = document.findtext(".//{*}resumptionToken")
        if token:
            requests.append({"verb": request["verb"], "resumptionToken": token})
    return found


print(json.dumps({"sickle": sickle(), "scythe": scythe(), "invalid": invalid()}))
