"""pyoxigraph alone: `load.py FILE.nq DIRECTORY`, a bulk load."""

import sys

from pyoxigraph import RdfFormat, Store

store = Store(sys.argv[2])
store.bulk_load(path=sys.argv[1], format=RdfFormat.N_QUADS)
store.flush()
