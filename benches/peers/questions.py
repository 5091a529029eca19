"""The same questions over HTTP and in a process, side by side.

    questions.py MIRROR [VIRTUOSO] [pyoxigraph:DIRECTORY] [--rounds N] [--limit SECONDS]

MIRROR and VIRTUOSO are addresses of SPARQL endpoints, such as http://127.0.0.1:7878/sparql; the last is a store that load.py made. Each asks
the examples of the SPARQL page, the questions of the tests, and for persons without an ISNI. A question is asked uncached: each round
adds a comment of its own. Times are medians in milliseconds, with what HTTP takes where it is asked so.
"""

import argparse
import http.client
import pathlib
import statistics
import sys
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
ISNI = "SELECT (COUNT(*) AS ?n) { ?p a kbv:Person FILTER NOT EXISTS { ?p kbv:identifiedBy ?i . ?i a kbv:ISNI } }"


def prefixes():
    """The prefixes that the mirror knows, for those who do not."""
    import re

    text = (ROOT / "src/rdf/prefixes.rs").read_text().split("];")[0]
    pairs = re.findall(r'\(\s*"([a-z]*)",\s*"([^"]+)"', text)
    return "".join(f"PREFIX {name}: <{iri}>\n" for name, iri in pairs)


def questions():
    for folder in ("config/queries", "tests/fixtures/questions"):
        for file in sorted((ROOT / folder).glob("*.rq")):
            yield file.stem, file.read_text()
    yield "persons without an ISNI", ISNI


class Endpoint:
    """A server, over one connection."""

    def __init__(self, address):
        self.address = urllib.parse.urlsplit(address)
        self.connection = None

    def ask(self, query, limit):
        if self.connection is None:
            self.connection = http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=limit)
        # What every server takes.
        body = urllib.parse.urlencode({"query": query})
        headers = {"accept": "text/csv, text/plain", "content-type": "application/x-www-form-urlencoded"}
        try:
            self.connection.request("POST", self.address.path, body, headers)
            answer = self.connection.getresponse()
            text = answer.read()
        except OSError:
            self.connection.close()
            self.connection = None
            return None
        return text.count(b"\n") if answer.status == 200 else None


class Process:
    """A store of pyoxigraph in this process."""

    def __init__(self, directory):
        from pyoxigraph import Store

        self.store = Store.read_only(directory)

    def ask(self, query, limit):
        answer = self.store.query(query, use_default_graph_as_union=True)
        return 1 if isinstance(answer, bool) else sum(1 for _ in answer)


def measure(peer, query, rounds, limit):
    times, found = [], None
    for number in range(rounds):
        begun = time.perf_counter()
        found = peer.ask(f"{query}\n# {number} {begun}\n", limit)
        if found is None:
            return None, None
        times.append((time.perf_counter() - begun) * 1000)
        if times[0] > 5000:
            break
    return statistics.median(times), found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peers", nargs="+")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--limit", type=float, default=120)
    arguments = parser.parse_args()
    peers = [
        Process(peer.removeprefix("pyoxigraph:")) if peer.startswith("pyoxigraph:") else Endpoint(peer)
        for peer in arguments.peers
    ]
    known, sums, worst = prefixes(), [0.0] * len(peers), [0.0, ""]
    print(f"{'':38}" + "".join(f"{peer[:22]:>24}" for peer in arguments.peers))
    for name, query in questions():
        row, first = f"{name[:38]:38}", None
        for place, peer in enumerate(peers):
            spent, found = measure(peer, known + query, arguments.rounds, arguments.limit)
            sums[place] += arguments.limit * 1000 if spent is None else spent
            row += f"{'failed':>24}" if spent is None else f"{spent:15.2f} ({found:6})"
            first = spent if place == 0 else first
            if place == 1 and spent is not None and first is not None and first - spent > worst[0]:
                worst = [first - spent, name]
        print(row, flush=True)
    print(f"{'together':38}" + "".join(f"{spent:15.1f} {'':8}" for spent in sums))
    if worst[1]:
        print(f"the first is slower than the second by at most {worst[0]:.1f} ms: {worst[1]}")


if __name__ == "__main__":
    sys.exit(main())
