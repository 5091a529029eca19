//! The messages for queries with mistakes: the place, the sentence and the hint; the same from `query` and over HTTP.

use crate::harness::Bench;
use crate::server::Server;

/// A query, the place of its mistake, parts of the sentence, parts of the hint.
type Case = (&'static str, &'static str, &'static [&'static str], &'static [&'static str]);

const CASES: [Case; 98] = [
    ("SELECT * { ?s kbv:name LIKE \"x\" }", "1:24", &["SPARQL has no LIKE"], &["CONTAINS"]),
    ("SELECT * { ?s a ?k LET(?x := 1) }", "1:20", &["no function `LET`"], &["did you mean BIND?"]),
    // Aggregates in the wrong place, and habits of other languages.
    ("SELECT ?s { ?s a kbv:Record FILTER(COUNT(?s) > 1) }", "1:36", &["COUNT", "within the pattern"], &["HAVING"]),
    ("SELECT ?k (COUNT(*) AS ?n) { ?s a ?k FILTER(COUNT(?s) > 1) } GROUP BY ?k", "1:45", &["COUNT"], &["HAVING (COUNT(…) > 1)"]),
    ("SELECT * { ?s a ?k BIND(MAX(?s) AS ?n) }", "1:25", &["MAX", "within the pattern"], &["GROUP BY"]),
    ("SELECT ?s { ?s a kbv:Record } -- comment", "1:31", &["comment", "begins with `#`"], &["`#`"]),
    ("SELECT ?s { ?s a kbv:Record } // comment", "1:31", &["comment", "begins with `#`"], &["`#`"]),
    ("ASK {} = 1", "1:8", &["ended before `=`"], &["FILTER"]),
    ("SELECT ?s { ?s / ?y }", "1:16", &["predicate is missing before `/`"], &["a path is like"]),
    ("SELECT ?s { ?s * ?y }", "1:16", &["predicate is missing before `*`"], &["a path is like"]),
    ("SELECT * { ?s a https://id.kb.se/vocab/Record }", "1:17", &["between `<` and `>`"], &["<https://…>"]),
    ("CONSTRUCT { ?s ^kbv:x ?y } { ?y kbv:x ?s }", "1:16", &["CONSTRUCT makes triples"], &["one IRI"]),
    // Prefixes.
    ("SELECT * { ?s bf2:title ?t }", "1:15", &["`bf2:`", "not declared"], &["bibframe/>", "`bf:`"]),
    ("SELECT *\n{ ?s wdt:P31 ?t }", "2:6", &["`wdt:`"], &["PREFIX wdt: <http://www.wikidata.org/prop/direct/>"]),
    ("SELECT * { ?s KBV:title ?t }", "1:15", &["`KBV:`"], &["case of letters", "`kbv:`"]),
    ("SELECT * { ?s kvb:title ?t }", "1:15", &["`kvb:`"], &["did you mean `kbv:`"]),
    ("SELECT * { ?s mylib:title ?t }", "1:15", &["`mylib:`"], &["PREFIX mylib: <…>"]),
    ("PREFIX x <http://x/>\nSELECT * { ?s ?p ?o }", "1:8", &["colon is missing"], &["PREFIX x: <…>"]),
    ("@prefix x: <http://x/> .\nSELECT * {}", "1:1", &["Turtle"], &["PREFIX"]),
    // Items of SELECT.
    ("SELECT ?year (COUNT(*) AS ?n) { ?b kbv:year ?year }", "1:8", &["`?year`", "neither grouped", "COUNT"], &["GROUP BY ?year"]),
    ("SELECT ?a ?b (COUNT(*) AS ?n) { ?a kbv:x ?b }", "1:8", &["`?a`"], &["GROUP BY ?a ?b"]),
    ("SELECT ?a ?b (MAX(?c) AS ?n) { ?a ?b ?c } GROUP BY ?a", "1:11", &["`?b`"], &["add ?b to GROUP BY"]),
    ("SELECT ?s { ?s ?p ?o } ORDER BY COUNT(?o)", "1:8", &["`?s`", "COUNT"], &["GROUP BY ?s"]),
    ("SELECT ?s { ?s ?p ?o } HAVING (COUNT(*) > 1)", "1:8", &["`?s`", "COUNT"], &["GROUP BY ?s"]),
    ("SELECT * { ?s ?p ?o } GROUP BY ?s", "1:8", &["SELECT *"], &["?class"]),
    ("SELECT COUNT(*) AS ?n { ?s ?p ?o }", "1:8", &["parentheses"], &["(COUNT(*) AS ?n)"]),
    ("SELECT (COUNT(*) ?n) { ?s ?p ?o }", "1:18", &["AS is missing"], &["AS ?n"]),
    ("SELECT (COUNT(*) AS n) { ?s ?p ?o }", "1:21", &["variable must follow AS"], &["AS ?n"]),
    ("SELECT a, b FROM books", "1:8", &["`a` is not a variable"], &["`?a`"]),
    ("SELECT ?a, ?b { ?a ?p ?b }", "1:10", &["commas"], &["comma"]),
    ("SELECT ?o (1 AS ?o) { ?s ?p ?o }", "1:17", &["`?o` already"], &["`?o2`"]),
    ("SELECT (1 AS ?a) (2 AS ?a) {}", "1:24", &["`?a`", "twice"], &["another name"]),
    ("SELECT ?a FROM books { ?a ?p ?o }", "1:16", &["IRI of a graph", "FROM"], &["leave FROM out"]),
    ("SELECT WHERE { ?s ?p ?o }", "1:8", &["no variables"], &["SELECT *"]),
    // Keywords.
    ("SELEC * { ?s ?p ?o }", "1:1", &["`SELEC`"], &["did you mean SELECT"]),
    ("SELECT ?s WEHRE { ?s ?p ?o }", "1:11", &["`WEHRE`"], &["did you mean WHERE"]),
    ("SELECT *\nWHERE {\n  ?s ?p ?o . FILTR(?o > 1) }", "3:14", &["`FILTR`"], &["did you mean FILTER"]),
    ("SELECT * { ?s ?p ?o OPTINAL { ?s ?q ?r } }", "1:21", &["`OPTINAL`"], &["did you mean OPTIONAL"]),
    ("SELECT * { ?s ?p ?o } LIMIT 5 ORDER BY ?s", "1:31", &["ORDER BY must stand before LIMIT"], &["order"]),
    ("SELECT * { ?s ?p ?o } ORDER BY ?s DESC", "1:35", &["DESC"], &["DESC(?s)"]),
    ("SELECT * { ?s ?p ?o } LIMIT 10, 20", "1:31", &["comma"], &["OFFSET"]),
    ("SELECT * { ?s ?p ?o ORDER BY ?s }", "1:21", &["ORDER BY", "within the braces"], &["`}`"]),
    ("SELECT * { ?s ?p ?o } FILTER(?o > 1)", "1:23", &["FILTER", "outside of the braces"], &["before the `}`"]),
    ("SELECT * { ?s ?p ?o } UNION { ?o ?p ?s }", "1:23", &["UNION"], &["{ { … } UNION { … } }"]),
    ("ASK { ?s ?p ?o } GROUP BY ?s", "1:18", &["only SELECT"], &["SELECT"]),
    // Brackets, quotation marks, IRIs.
    ("SELECT ?s WHERE ?s ?p ?o", "1:17", &["`{` is missing"], &["WHERE { … }"]),
    ("SELECT * {\n  ?s ?p ?o", "1:10", &["`{` is not closed"], &["add `}`"]),
    ("SELECT * { ?s ?p ?o }}", "1:22", &["`}` too many"], &["remove"]),
    ("SELECT * { ?s ?p ?o FILTER(?o > 1 }", "1:35", &["`)` is missing before `}`"], &["line 1, column 27"]),
    ("SELECT * { ?s ?p ?o ) }", "1:21", &["`)` too many"], &["remove"]),
    ("SELECT * { ?s ?p \"abc }", "1:18", &["string is not closed"], &["\""]),
    ("SELECT * { ?s ?p 'it's' }", "1:22", &["string ends before `s`"], &["\\'"]),
    ("SELECT * { ?s ?p “abc” }", "1:18", &["`“` is not a quotation mark"], &["straight"]),
    ("SELECT * { <http://x ?p ?o }", "1:12", &["IRI is not closed"], &["`>`"]),
    ("SELECT * { <http://x y> ?p ?o }", "1:21", &["cannot contain a space"], &["%20"]),
    ("SELECT * { <http://x/%zz> ?p ?o }", "1:22", &["`%`", "hexadecimal"], &["%25"]),
    ("SELECT * { ?s kbv:50%off ?o }", "1:21", &["`%` in a name"], &["\\%"]),
    ("SELECT * { ?s ?p lib:a/b }", "1:23", &["`/` cannot stand in a name"], &["IRI in full"]),
    ("SELECT * { lib:a#it ?p ?o }", "1:17", &["`#` begins a comment"], &["IRI in full"]),
    // Triples.
    ("SELECT * {\n  ?s a kbv:Person\n  ?s kbv:name ?n }", "3:3", &["`.` is missing before `?s`"], &["triple ends with `.`"]),
    ("SELECT *\nWHERE {\n  ?s ?p }", "3:9", &["no object"], &["?label"]),
    ("SELECT * { ?s }", "1:15", &["no predicate"], &["?label"]),
    ("SELECT * { ?s ?p ?o , }", "1:23", &["no object after `,`"], &["?label"]),
    ("SELECT * { ?s ?p ?o . . }", "1:23", &["`.` too many"], &["remove"]),
    ("SELECT * { ; ?s ?p ?o }", "1:12", &["`;` follows no triple"], &["object"]),
    ("SELECT * { book a kbv:Book }", "1:12", &["`book` is neither a variable"], &["`?book`", "`kbv:book`"]),
    ("SELECT * { ?s \"title\" ?o }", "1:15", &["predicate is an IRI or a variable"], &["kbv:label"]),
    ("SELECT * { ?s ?p \"x\"@toolonglang }", "1:21", &["not a language tag"], &["@sv"]),
    ("SELECT * { ?s ?p \"1\"^^integer }", "1:23", &["datatype must follow `^^`"], &["xsd:"]),
    ("SELECT ?birth-year { ?s kbv:birth ?birth-year }", "1:14", &["hyphen"], &["?birth_year"]),
    ("SELECT * { ?s ?p TRUE }", "1:18", &["small letters"], &["`true`"]),
    ("SELECT * { VALUES ?x { 1, 2 } }", "1:25", &["commas"], &["remove"]),
    ("SELECT * { VALUES (?x ?y) { (1) } }", "1:29", &["values in this row is 1", "variables is 2"], &["UNDEF"]),
    ("SELECT * { ?s ?p ?o BIND(1 AS ?o) }", "1:31", &["`?o` already has a value"], &["`?o2`"]),
    // Expressions.
    ("SELECT * { ?s ?p ?o FILTER(STRLENGTH(?o) > 3) }", "1:28", &["no function `STRLENGTH`"], &["did you mean STRLEN?"]),
    ("SELECT * { ?s ?p ?o FILTER(xsd:Integer(?o) > 3) }", "1:28", &["no function `xsd:Integer`"], &["`xsd:integer`"]),
    (
        "SELECT * { ?s ?p ?o FILTER(<http://x/strlen>(?o) > 3) }",
        "1:28",
        &["no function", "<http://x/strlen>"],
        &["did you mean STRLEN"],
    ),
    ("SELECT (SUBSTR('a') AS ?x) {}", "1:9", &["SUBSTR takes 2 to 3 arguments"], &["comma"]),
    ("SELECT (CONCAT ('a', 'b') AS ?x) {}", "1:16", &["no space"], &["`CONCAT(`"]),
    ("SELECT * { ?s ?p ?o FILTER(?o == 3) }", "1:31", &["`==`"], &["`=`"]),
    ("SELECT * { ?s ?p ?o FILTER(?o <> 3) }", "1:31", &["`<>`"], &["`!=`"]),
    ("SELECT * { ?s ?p ?o FILTER(?o > 3 & ?o < 5) }", "1:35", &["single `&`"], &["`&&`"]),
    ("SELECT * { ?s ?p ?o FILTER(?o = 3 | ?o = 5) }", "1:35", &["single `|`"], &["`||`"]),
    ("SELECT * { ?s ?p ?o FILTER(?o LIKE 'a%') }", "1:31", &["no LIKE"], &["CONTAINS", "REGEX"]),
    ("SELECT * { ?s ?p ?o FILTER ?o > 3 }", "1:28", &["condition of FILTER", "parentheses"], &["FILTER(…)"]),
    ("SELECT (COUNT(*) AS ?n { ?s ?p ?o }", "1:24", &["`)` is missing before `{`"], &["line 1, column 8"]),
    ("SELECT * { ?s ?p ?o FILTER(CONTAINS(?o 'a')) }", "1:40", &["comma"], &["commas"]),
    ("SELECT * { ?s ?p ?o FILTER NOT EXIST { ?s ?p 1 } }", "1:32", &["`EXIST`"], &["did you mean EXISTS"]),
    ("SELECT ?s { ?s ?p ?o } GROUP BY ?s HAVING COUNT(*) > 1", "1:52", &["condition of HAVING", "parentheses"], &["HAVING ("]),
    ("SELECT * { ?s ?p ?o FILTER(?o IS NULL) }", "1:31", &["no IS"], &["!BOUND(?x)"]),
    ("SELECT * { ?s kbv:isbn 978-91-7 }", "1:27", &["number 978 ends"], &["string"]),
    ("SELECT * { ?s kbv: name ?n }", "1:20", &["space between `kbv:` and `name`"], &["`kbv:name`"]),
    ("SELECT * { [ kbv:a ?x ?y } }", "1:23", &["`]`, `;` or `,` is missing"], &["brackets"]),
    ("CONSTRUCT { ?s kbv:a/kbv:b ?o } { ?s ?p ?o }", "1:21", &["CONSTRUCT makes triples"], &["one IRI"]),
    ("SELECT * { << ?s ?p ?o >> ?q ?r }", "1:12", &["SPARQL 1.2"], &["on its own"]),
    // No query, or an update.
    ("# nothing yet\n", "1:1", &["empty", "comments"], &["SELECT * { ?s ?p ?o }"]),
    ("PREFIX x: <http://x/>", "1:22", &["empty"], &["SELECT * { ?s ?p ?o }"]),
    ("PREFIX x: <http://x/>\nINSERT DATA { x:a x:b x:c }", "2:1", &["INSERT", "read-only"], &["libris-mirror harvest"]),
];

fn served() -> (Bench, Server) {
    let bench = Bench::new(50);
    bench.harvest("all", None, &[]);
    let server = Server::start(&bench, &[]);
    (bench, server)
}

#[test]
fn a_mistake_is_told_in_words_with_its_place_and_the_next_step() {
    let (bench, server) = served();
    let mut wrong = Vec::new();
    for (query, place, sentence, hint) in CASES {
        let done = bench.run(&["query", "--format", "json", query]);
        let over_http = server.ask(query);
        let said = done.stderr.trim_start_matches("error: ");
        let lines: Vec<&str> = said.lines().collect();
        let (line, column) = place.split_once(':').expect("a place");
        let good = done.code == Some(1)
            && done.stdout.is_empty()
            && lines.len() == 4
            && lines[0].ends_with(&format!(" (line {line}, column {column})"))
            && sentence.iter().all(|word| lines[0].contains(word))
            && lines[3].starts_with("hint: ")
            && hint.iter().all(|word| lines[3].contains(word));
        let same =
            over_http.status == 400 && over_http.header("content-type") == "text/plain; charset=utf-8" && over_http.body == said;
        let caret = good && {
            let written = query.lines().nth(line.parse::<usize>().expect("a number") - 1).unwrap_or_default();
            let under = lines[2].chars().position(|c| c == '^').and_then(|at| lines[1].chars().nth(at));
            lines[1] == format!("{line} | {written}")
                && under == written.chars().nth(column.parse::<usize>().expect("a number") - 1)
        };
        if !(good && same && caret) {
            wrong.push(format!("{query}\n(due: {place} {sentence:?} {hint:?})\n{said}{over_http:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn an_empty_query_is_said_to_be_empty() {
    let (bench, server) = served();
    let done = bench.run(&["query", " \n\t"]).expect(1);
    assert!(
        done.stderr.starts_with("error: the query is empty (line 1, column 1)\n") && done.stderr.contains("hint: "),
        "{}",
        done.stderr
    );
    assert!(server.get_query("#", "").body.starts_with("the query is empty"));
}

#[test]
fn a_relative_iri_is_told_where_there_is_nothing_to_resolve_it_against() {
    let (bench, server) = served();
    let query = "SELECT * { ?s a <Person> }";
    let done = bench.run(&["query", query]).expect(1);
    assert!(done.stderr.contains("`<Person>` is a relative IRI") && done.stderr.contains("kbv:Person"), "{}", done.stderr);
    server.ask(query).ok();
}

#[test]
fn the_caret_stands_under_the_place_whatever_stands_before_it() {
    let (bench, _server) = served();
    let long = format!("SELECT * {{ {} ?s ?p X }}", "?s ?p ?o . ".repeat(1000));
    for (query, line, caret) in [
        ("SELECT * {\r\n\t?s ?p X }", "2 |  ?s ?p X }", "  |        ^"),
        ("SELECT * { '図書' ?p X }", "1 | SELECT * { '図書' ?p X }", "  |             \u{3000}\u{3000}     ^"),
        ("SELECT * { '\u{1b}[2J\u{202e}' ?p X }", "1 | SELECT * { '\u{fffd}[2J\u{fffd}' ?p X }", "  |                       ^"),
        (&long, "1 | …", "  |"),
    ] {
        let done = bench.run(&["query", query]).expect(1);
        let lines: Vec<&str> = done.stderr.lines().collect();
        assert!(lines[1].starts_with(line) && lines[2].starts_with(caret), "{}", done.stderr);
        assert!(lines.iter().all(|line| line.chars().count() < 160), "{}", done.stderr);
        assert!(lines[2].ends_with('^') && done.stderr.chars().all(|c| c == '\n' || !c.is_control()), "{:?}", done.stderr);
    }
}

#[test]
fn a_file_with_a_mark_of_its_encoding_is_read() {
    let bench = Bench::new(30);
    bench.harvest("all", None, &[]);
    fs_err::write(bench.path().join("bom.rq"), "\u{feff}SELECT (COUNT(*) AS ?n) { ?s a kbv:Record }").expect("written");
    let plain = bench.run(&["query", "--format", "csv", "SELECT (COUNT(*) AS ?n) { ?s a kbv:Record }"]).ok();
    assert_eq!(bench.run(&["query", "-f", "bom.rq", "--format", "csv"]).ok(), plain);
    let unread = bench.run(&["query", "bom.rq"]).expect(2);
    assert!(unread.stderr.contains("is a file, not a query") && unread.stderr.contains("`-f bom.rq`"), "{}", unread.stderr);
    fs_err::write(bench.path().join("bom.rq"), "\u{feff}SELEC * {}").expect("written");
    let done = bench.run(&["query", "-f", "bom.rq"]).expect(1);
    assert!(done.stderr.contains("`SELEC` is not a keyword of SPARQL (line 1, column 1)"), "{}", done.stderr);
}
