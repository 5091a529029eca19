"""pyoxigraph alone: `store.py load FILE.nq DIRECTORY` and `store.py dump DIRECTORY FILE.nq`."""

import sys

from pyoxigraph import RdfFormat, Store

if sys.argv[1] == "load":
    store = Store(sys.argv[3])
    store.bulk_load(path=sys.argv[2], format=RdfFormat.N_QUADS)
    store.flush()
else:
    Store.read_only(sys.argv[2]).dump(sys.argv[3], format=RdfFormat.N_QUADS)
