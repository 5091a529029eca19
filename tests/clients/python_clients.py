"""Asks a running server with SPARQLWrapper and rdflib, as their documentation says, and prints what came as JSON.

Usage: python_clients.py SERVER RECORD-PATH
"""

import json
import sys

from rdflib import Graph, URIRef
from rdflib.plugins.stores.sparqlstore import SPARQLStore
from SPARQLWrapper import CSV, JSON, JSONLD, N3, POST, RDFXML, TSV, TURTLE, XML, SPARQLWrapper
from SPARQLWrapper.SPARQLExceptions import QueryBadFormed

server, record = sys.argv[1:3]
endpoint = server + "/sparql"
PEOPLE = "SELECT ?person WHERE { ?person a <https://id.kb.se/vocab/Person> }"
GRAPH = "CONSTRUCT { ?p a <https://id.kb.se/vocab/Person> } WHERE { ?p a <https://id.kb.se/vocab/Person> }"
out = {}

# SPARQLWrapper: every format of solutions, by GET and by POST.
for name, return_format in [("json", JSON), ("xml", XML), ("csv", CSV), ("tsv", TSV)]:
    for method in ["GET", POST]:
        client = SPARQLWrapper(endpoint)
        client.setQuery(PEOPLE)
        client.setReturnFormat(return_format)
        client.setMethod(method)
        result = client.query().convert()
        if name == "json":
            count = len(result["results"]["bindings"])
        elif name == "xml":
            count = len(result.getElementsByTagName("result"))
        else:
            count = len(result.decode().strip().splitlines()) - 1
        out[f"wrapper {name} {method}"] = count

# Graphs, which SPARQLWrapper hands to rdflib or as bytes.
for name, return_format in [("rdfxml", RDFXML), ("turtle", TURTLE), ("n3", N3), ("jsonld", JSONLD)]:
    client = SPARQLWrapper(endpoint)
    client.setQuery(GRAPH)
    client.setReturnFormat(return_format)
    result = client.query().convert()
    if isinstance(result, bytes):
        result = Graph().parse(data=result, format="turtle")
    out[f"wrapper {name}"] = len(result)

client = SPARQLWrapper(endpoint)
client.setReturnFormat(JSON)
client.setQuery("ASK { ?s ?p ?o }")
out["wrapper ask"] = client.query().convert()["boolean"]
client.setQuery("SELECT * WHERE { ?s ?p }")
try:
    client.query()
    out["wrapper error"] = "none"
except QueryBadFormed as error:
    out["wrapper error"] = str(error)

# rdflib's SPARQLStore: queries and triple patterns.
store = Graph(SPARQLStore(endpoint, returnFormat="json"), identifier=None)
out["store query"] = len(list(store.query(PEOPLE)))
plain = SPARQLStore(endpoint, method="POST")
out["store post"] = len(list(Graph(plain).query(PEOPLE)))
kind = URIRef("http://www.w3.org/1999/02/22-rdf-syntax-ns#type")
pattern = SPARQLStore(endpoint)
out["store triples"] = sum(1 for _ in pattern.triples((None, kind, URIRef("https://id.kb.se/vocab/Person"))))

# A record by its address, in whatever rdflib asks for, and in each format.
sizes = {name: len(Graph().parse(server + record + "/data." + name, format=format_name))
         for name, format_name in [("ttl", "turtle"), ("nt", "nt"), ("rdf", "xml"), ("jsonld", "json-ld")]}
sizes["negotiated"] = len(Graph().parse(server + record))
out["record"] = sizes
out["void"] = len(Graph().parse(server + "/.well-known/void"))

print(json.dumps(out))
