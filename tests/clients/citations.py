"""Reads citations with rispy, bibtexparser and citeproc, and prints what they found as JSON.

Usage: citations.py FILE.ris FILE.bib FILE.csl.json
"""

import json
import sys
import warnings

import bibtexparser
import rispy
from bibtexparser.middlewares import LatexDecodingMiddleware, SeparateCoAuthors, SplitNameParts
from citeproc import Citation, CitationItem, CitationStylesBibliography, CitationStylesStyle, formatter
from citeproc.source.json import CiteProcJSON

ris, bib, csl = sys.argv[1:4]
out = {}

with open(ris, encoding="utf-8") as file:
    out["ris"] = rispy.load(file)

with open(bib, encoding="utf-8") as file:
    middleware = [LatexDecodingMiddleware(), SeparateCoAuthors(), SplitNameParts()]
    library = bibtexparser.parse_string(file.read(), append_middleware=middleware)
out["bib failed"] = len(library.failed_blocks)
out["bib"] = [
    {"type": entry.entry_type, "key": entry.key, **{
        field.key: [name.merge_last_name_first for name in field.value]
        if field.key in ("author", "editor", "translator")
        else field.value
        for field in entry.fields
    }}
    for entry in library.entries
]

with open(csl, encoding="utf-8") as file:
    items = json.load(file)
warnings.simplefilter("ignore")
source = CiteProcJSON(items)
bibliography = CitationStylesBibliography(
    CitationStylesStyle("harvard-cite-them-right", validate=False), source, formatter.plain
)
for item in items:
    bibliography.register(Citation([CitationItem(item["id"])]))
out["csl"] = [str(entry) for entry in bibliography.bibliography()]

print(json.dumps(out))
