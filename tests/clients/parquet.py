"""Reads a Parquet export with DuckDB or Spark, and prints what it finds as JSON: parquet.py ENGINE DIRECTORY"""

import json
import sys

engine, directory = sys.argv[1], sys.argv[2]

if engine == "duckdb":
    import duckdb

    connection = duckdb.connect()
    for table in ["quads", "records", "links"]:
        connection.sql(
            f"CREATE VIEW {table} AS SELECT * FROM read_parquet('{directory}/{table}/*/*.parquet', hive_partitioning = true)"
        )

    def rows(query):
        return [list(row) for row in connection.sql(query).fetchall()]

    contains = "list_contains"
else:
    from pyspark.sql import SparkSession

    session = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    for table in ["quads", "records", "links"]:
        session.read.parquet(f"{directory}/{table}").createOrReplaceTempView(table)

    def rows(query):
        return [list(row) for row in session.sql(query).collect()]

    contains = "array_contains"

KBV = "https://id.kb.se/vocab/"
print(
    json.dumps(
        {
            "triples": rows("SELECT count(*) FROM quads")[0][0],
            "graphs": rows("SELECT count(DISTINCT graph) FROM quads")[0][0],
            "kinds": rows("SELECT object_kind, count(*) FROM quads GROUP BY object_kind ORDER BY 1"),
            "deleted": rows("SELECT count(*) FROM records WHERE deleted")[0][0],
            "sources": rows("SELECT source, count(*) FROM records GROUP BY source ORDER BY 1"),
            "viaf_and_wikidata": rows(
                "SELECT v.entity, v.iri, w.iri FROM links v JOIN links w ON v.entity = w.entity"
                " WHERE v.authority = 'viaf' AND w.authority = 'wikidata' ORDER BY 1, 2, 3"
            ),
            "swedish_by_year": rows(
                f"SELECT year, count(*) FROM records WHERE kind = 'book' AND year IS NOT NULL"
                f" AND {contains}(languages, 'https://id.kb.se/language/swe') GROUP BY year ORDER BY year"
            ),
            "authors": rows(
                f"SELECT a.object, count(DISTINCT c.subject) FROM quads c JOIN quads a ON a.subject = c.object AND a.graph = c.graph"
                f" WHERE c.predicate = '{KBV}contribution' AND a.predicate = '{KBV}agent' AND a.object_kind = 'iri'"
                f" GROUP BY a.object ORDER BY 2 DESC, 1 LIMIT 20"
            ),
        }
    )
)
