"""A competent script: oaipmh-scythe lists the records, lxml takes the payloads out, pyoxigraph keeps them.

harvest.py URL DIRECTORY
"""

import sys

from lxml import etree
from oaipmh_scythe import Scythe
from pyoxigraph import NamedNode, Quad, RdfFormat, Store, parse

OAI = "{http://www.openarchives.org/OAI/2.0/}"


def quads(record):
    graph = NamedNode(record.findtext(f"{OAI}header/{OAI}identifier"))
    payload = record.find(f"{OAI}metadata")[0]
    for quad in parse(etree.tostring(payload), format=RdfFormat.RDF_XML, base_iri=graph.value, rename_blank_nodes=True):
        yield Quad(quad.subject, quad.predicate, quad.object, graph)


def main(url, directory):
    store = Store(directory)
    waiting = []
    with Scythe(url) as scythe:
        for record in scythe.list_records(metadata_prefix="rdfxml", ignore_deleted=True):
            waiting.append(record.xml)
            if len(waiting) == 1000:
                store.extend(quad for record in waiting for quad in quads(record))
                waiting.clear()
    store.extend(quad for record in waiting for quad in quads(record))
    store.flush()


main(*sys.argv[1:3])
