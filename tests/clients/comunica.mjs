// Asks a running server with Comunica, as its documentation says, and prints what came as JSON.
// Usage: node comunica.mjs SERVER
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(path.join(process.env.CLIENTS, 'package.json'));
const { QueryEngine } = require('@comunica/query-sparql');
const server = process.argv[2];
const engine = new QueryEngine();
const endpoint = { sources: [{ type: 'sparql', value: `${server}/sparql` }] };
const out = {};

const people = await engine.queryBindings(
  'SELECT ?person WHERE { ?person a <https://id.kb.se/vocab/Person> }', endpoint);
out.people = (await people.toArray()).length;

// Comunica joins and filters here, with many small requests.
const linked = await engine.queryBindings(`
  PREFIX kbv: <https://id.kb.se/vocab/>
  SELECT ?person ?name ?match WHERE {
    ?person a kbv:Person ; kbv:familyName ?name ; kbv:exactMatch ?match .
    FILTER(STRSTARTS(STR(?match), "http://www.wikidata.org/"))
  }`, endpoint);
out.linked = (await linked.toArray()).length;

out.ask = await engine.queryBoolean('ASK { ?s ?p ?o }', endpoint);

const quads = await engine.queryQuads(
  'CONSTRUCT { ?p a <https://id.kb.se/vocab/Person> } WHERE { ?p a <https://id.kb.se/vocab/Person> }', endpoint);
out.quads = (await quads.toArray()).length;

// Without being told what it is: by the description of the service.
const found = await engine.queryBindings(
  'SELECT (COUNT(*) AS ?n) WHERE { ?s a <https://id.kb.se/vocab/Person> }', { sources: [`${server}/sparql`] });
out.found = Number((await found.toArray())[0].get('n').value);

console.log(JSON.stringify(out));
