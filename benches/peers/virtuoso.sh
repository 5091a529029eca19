#!/usr/bin/env bash
# A Virtuoso with the quads of a file: `virtuoso.sh DIRECTORY FILE.nq PORT`. Loads them on all cores, then serves SPARQL on
# http://127.0.0.1:PORT/sparql until it is ended. Debian's package is virtuoso-opensource-7-bin.
set -euo pipefail
directory=$1 file=$(realpath "$2") port=$3
mkdir -p "$directory"
cd "$directory"
sql=$((port + 1))
cat > virtuoso.ini <<INI
[Database]
DatabaseFile = virtuoso.db
ErrorLogFile = virtuoso.log
LockFile = virtuoso.lck
TransactionFile = virtuoso.trx
xa_persistent_file = virtuoso.pxa
[TempDatabase]
DatabaseFile = virtuoso-temp.db
TransactionFile = virtuoso-temp.trx
[Parameters]
ServerPort = 127.0.0.1:$sql
DirsAllowed = ., $(dirname "$file")
# What Virtuoso's own file advises for 4 GB.
NumberOfBuffers = 340000
MaxDirtyBuffers = 250000
[HTTPServer]
ServerPort = 127.0.0.1:$port
ServerRoot = .
[SPARQL]
ResultSetMaxRows = 10000000
MaxQueryCostEstimationTime = 100000
MaxQueryExecutionTime = 300
INI
virtuoso-t +foreground +configfile virtuoso.ini > out.log 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null' EXIT
sql() { isql-vt "127.0.0.1:$sql" dba dba exec="$1"; }
until sql 'status();' > /dev/null 2>&1; do
    kill -0 "$server" || { cat out.log virtuoso.log >&2; exit 1; }
    read -r -t 0.5 < <(tail -f -n0 virtuoso.log 2>/dev/null) || true
done
if [ "$(sql 'SELECT COUNT(*) FROM DB.DBA.LOAD_LIST;' | grep -cx '0')" -gt 0 ]; then
    begun=$(date +%s.%N)
    sql "ld_dir('$(dirname "$file")', '$(basename "$file")', 'urn:none');" > /dev/null
    sql 'rdf_loader_run();' > /dev/null &
    sql 'rdf_loader_run();' > /dev/null
    wait %2 2>/dev/null || true
    sql 'checkpoint;' > /dev/null
    echo "loaded in $(echo "$(date +%s.%N) - $begun" | bc) s, $(du -cb virtuoso.db | tail -n1 | cut -f1) bytes"
fi
echo "http://127.0.0.1:$port/sparql"
wait "$server"
