// What the text of a query consists of: tokens, prefixes, the form. For colours, completion, and the place of a mistake.
'use strict';
(() => {
  const page = {};
  window.sparqlPage = page;

  // A string that is not closed ends with its line. What fits nothing is left out.
  const TOKEN = new RegExp([
    String.raw`(?<comment>#[^\n]*)`,
    String.raw`(?<iri><[^\s<>"{}|^\x60\\]*>)`,
    String.raw`(?<string>"""(?:[^"\\]|\\[^]|"(?!""))*(?:""")?|'''(?:[^'\\]|\\[^]|'(?!''))*(?:''')?|"(?:[^"\\\n]|\\.)*"?|'(?:[^'\\\n]|\\.)*'?)`,
    String.raw`(?<variable>[?$][\p{L}\p{N}_]+|_:[\p{L}\p{N}_]+)`,
    String.raw`(?<name>(?:\p{L}(?:[\p{L}\p{N}_.\-]{0,60}[\p{L}\p{N}_\-])?)?:(?:[\p{L}\p{N}_:%](?:[\p{L}\p{N}_:%.\-]*[\p{L}\p{N}_:%\-])?)?)`,
    String.raw`(?<number>\p{N}+(?:\.\p{N}+)?(?:[eE][+\-]?\p{N}+)?)`,
    String.raw`(?<word>\p{L}[\p{L}\p{N}_]*)`,
    String.raw`(?<tag>@[A-Za-z\-]+)`,
    String.raw`(?<sign>[^\s])`,
  ].join('|'), 'gu');

  const KEYWORDS = new Set(`a abs add all as asc ask avg base bind bnode bound by ceil clear coalesce concat construct contains
    copy count create data datatype day default delete desc describe distinct drop encode_for_uri exists false filter floor from
    graph group group_concat having hours if in insert into iri isblank isiri isliteral isnumeric isuri lang langmatches lateral
    lcase limit load max md5 min minus minutes month move named not now offset optional order prefix rand reduced regex replace
    round sameterm sample seconds select separator service sha1 sha256 sha384 sha512 silent str strafter strbefore strdt strends
    strlang strlen strstarts struuid substr sum timezone to true tz ucase undef union uri using uuid values where with year`.split(/\s+/));

  // The tokens in their order: kind, text, start, end.
  page.tokens = (text) => Array.from(text.matchAll(TOKEN), (match) => {
    let [kind] = Object.entries(match.groups).find(([, found]) => found !== undefined);
    if (kind === 'word' && KEYWORDS.has(match[0].toLowerCase())) kind = 'keyword';
    return { kind, text: match[0], start: match.index, end: match.index + match[0].length };
  });

  // Select, construct, describe or ask; nothing if there is none.
  page.form = (text) => {
    const forms = ['select', 'construct', 'describe', 'ask'];
    return page.tokens(text).map((token) => token.text.toLowerCase()).find((word) => forms.includes(word));
  };

  // The prefixes of the server, which are listed on the page, and those that a query declares.
  const known = Array.from(document.querySelectorAll('table.prefixes tr'), (row) => {
    const [prefix, namespace] = Array.from(row.querySelectorAll('code'), (code) => code.textContent);
    return [prefix.slice(0, -1), namespace];
  });
  page.prefixes = (tokens) => {
    const prefixes = new Map(known);
    tokens.forEach(({ text }, place) => {
      const [name, iri] = [tokens[place + 1], tokens[place + 2]];
      if (text.toLowerCase() === 'prefix' && name?.kind === 'name' && iri?.kind === 'iri') {
        prefixes.set(name.text.slice(0, name.text.indexOf(':')), iri.text.slice(1, -1));
      }
    });
    return prefixes;
  };

  // The shortest name of an IRI with some prefixes; the IRI itself if there is none.
  const LOCAL = /^[\p{L}\p{N}_](?:[\p{L}\p{N}_.-]*[\p{L}\p{N}_-])?$/u;
  page.named = (iri, prefixes) => {
    for (const [prefix, namespace] of prefixes) {
      if (iri.startsWith(namespace) && LOCAL.test(iri.slice(namespace.length))) return `${prefix}:${iri.slice(namespace.length)}`;
    }
    return `<${iri}>`;
  };
  page.withoutEmpty = (prefixes) => new Map(Array.from(prefixes).filter(([name]) => name));

  page.make = (name, text, attributes = {}) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  page.part = (id) => document.getElementById(id);
  page.message = (name) => document.querySelector(`[data-message=${name}]`).value;
  page.number = new Intl.NumberFormat(document.documentElement.lang).format;
})();
