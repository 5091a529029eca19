// Completes prefixes, and the classes and properties that the mirror holds: while typing after a prefix, and by Ctrl+Space
// anywhere. A text area cannot be a combobox, so it is a text field with a list box that it controls (ARIA 1.2).
'use strict';
(() => {
  const page = window.sparqlPage;
  const { make, message } = page;
  // What is not among them is found by typing more.
  const MOST = 12;
  const IRI = /^[^\s<>"{}|^`\\]+$/;

  // The words of the mirror; asked for when the field is first used.
  const vocabulary = (address) => {
    let asked = null;
    const ask = async () => {
      const response = await fetch(address);
      if (!response.ok) throw new Error(response.statusText);
      const { classes, properties } = await response.json();
      const words = (all, kind) => all.filter(({ iri }) => IRI.test(iri)).map((word) => ({ ...word, kind }));
      return [...words(classes, 'classes'), ...words(properties, 'properties')];
    };
    // The field works without; who comes back to it asks again.
    return () => { asked ??= ask().catch(() => { asked = null; return []; }); return asked; };
  };

  // What stands at the cursor: where it begins and ends, what of it is typed, and whether a class is due there.
  const context = (field) => {
    const caret = field.selectionStart;
    if (caret !== field.selectionEnd) return null;
    const tokens = page.tokens(field.value);
    const at = tokens.find(({ start, end }) => start < caret && caret <= end);
    const within = (token) => token.kind === 'comment' || token.kind === 'string' || token.kind === 'iri' || token.kind === 'variable';
    if (at && within(at)) return null;
    const word = at && ['name', 'word', 'keyword'].includes(at.kind) ? at : { start: caret, end: caret };
    const before = tokens.findLast(({ kind, end }) => end <= word.start && kind !== 'comment')?.text;
    return {
      ...word,
      typed: field.value.slice(word.start, caret),
      prefixes: page.prefixes(tokens),
      declares: before?.toLowerCase() === 'prefix',
      wants: before === 'a' || before === 'rdf:type' ? 'classes' : 'properties',
    };
  };

  const offers = ({ typed, prefixes, declares, wants }, words) => {
    const colon = typed.indexOf(':');
    const [prefix, sought] = [typed.slice(0, Math.max(colon, 0)), typed.slice(colon + 1).toLowerCase()];
    const begun = Array.from(prefixes).filter(([name]) => name && colon < 0 && name.toLowerCase().startsWith(sought));
    if (declares) return begun.map(([name, namespace]) => ({ text: `${name}: <${namespace}>`, kind: 'prefixes' }));
    const own = colon >= 0 ? new Map([[prefix, prefixes.get(prefix)]]) : page.withoutEmpty(prefixes);
    const found = [];
    for (const word of words) {
      const text = own.get(prefix) === undefined && colon >= 0 ? '' : page.named(word.iri, own);
      if (!text || (colon >= 0 && text.startsWith('<'))) continue;
      const local = text.slice(text.lastIndexOf(':') + 1).toLowerCase();
      const label = (word.label || '').toLowerCase();
      if (!local.includes(sought) && !label.includes(sought)) continue;
      const begins = local.startsWith(sought) || label.startsWith(sought);
      found.push({ ...word, text, rank: (word.kind === wants ? 0 : 2) + (begins ? 0 : 1) });
    }
    found.sort((one, other) => one.rank - other.rank || other.count - one.count);
    // Where nothing is typed, what is due there comes first.
    const all = begun.map(([name, namespace]) => ({ text: `${name}:`, label: namespace, kind: 'prefixes' }));
    return typed ? [...all, ...found] : [...found, ...all];
  };

  page.completion = (editor, field, address) => {
    const words = vocabulary(address);
    const list = make('ul', undefined, { class: 'suggestions', id: 'completions', role: 'listbox', 'aria-label': message('suggestions') });
    const told = make('p', undefined, { class: 'hidden', role: 'status' });
    list.hidden = true;
    field.after(list, told);
    for (const [name, value] of Object.entries({ 'aria-autocomplete': 'list', 'aria-haspopup': 'listbox', 'aria-controls': list.id })) {
      field.setAttribute(name, value);
    }
    let [shown, at, place, chosen, asked] = [[], -1, null, false, 0];

    const close = () => {
      asked += 1;
      [list.hidden, shown, at] = [true, [], -1];
      field.removeAttribute('aria-activedescendant');
    };

    const point = (to) => {
      list.children[at]?.setAttribute('aria-selected', 'false');
      at = (to + shown.length) % shown.length;
      const item = list.children[at];
      item.setAttribute('aria-selected', 'true');
      item.scrollIntoView({ block: 'nearest' });
      field.setAttribute('aria-activedescendant', item.id);
    };

    const choose = (offer) => {
      const { start, end } = place;
      close();
      // After a prefix, its words are next.
      chosen = !offer.text.endsWith(':');
      editor.replace(start, end, offer.text);
      chosen = false;
    };

    const item = (offer, number) => {
      const row = make('li', undefined, { id: `completion-${number}`, role: 'option', 'aria-selected': 'false' });
      row.append(make('code', offer.text), ' ');
      if (offer.label) row.append(make('span', offer.label, { class: 'label' }), ' ');
      if (offer.kind !== 'prefixes') row.append(make('span', `${message(offer.kind)} ${page.number(offer.count)}`, { class: 'count' }));
      // Before the field loses the focus.
      row.addEventListener('pointerdown', (event) => { event.preventDefault(); choose(offer); });
      return row;
    };

    const open = async (wanted) => {
      asked += 1;
      const mine = asked;
      const known = await words();
      place = mine === asked && document.activeElement === field ? context(field) : null;
      if (mine !== asked) return;
      const due = place && (wanted || place.typed.includes(':'));
      shown = due ? offers(place, known).slice(0, MOST) : [];
      // What is complete needs no completion, unless it is asked for.
      if (!shown.length || (!wanted && shown.some(({ text }) => text === place.typed))) { close(); return; }
      list.replaceChildren(...shown.map(item));
      list.hidden = false;
      const { left, bottom } = editor.where(place.start);
      list.style.top = `${Math.min(bottom, field.offsetHeight)}px`;
      list.style.left = `${Math.max(0, Math.min(left, field.offsetWidth - list.offsetWidth))}px`;
      told.textContent = `${message('suggestions')}: ${shown.length}`;
      at = -1;
      point(0);
    };

    field.addEventListener('focus', words);
    field.addEventListener('input', (event) => {
      if (event.isComposing || chosen) return;
      const now = context(field);
      if (now && (now.typed.includes(':') || (!list.hidden && now.typed))) open(!list.hidden && !now.typed.includes(':'));
      else close();
    });
    for (const name of ['blur', 'click', 'scroll']) field.addEventListener(name, close);
    field.addEventListener('keydown', (event) => {
      if (event.code === 'Space' && event.ctrlKey) { event.preventDefault(); open(true); return; }
      if (list.hidden || event.isComposing) return;
      const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;
      if (event.key === 'Escape') { event.preventDefault(); close(); }
      else if (plain && event.key === 'ArrowDown') { event.preventDefault(); point(at + 1); }
      else if (plain && event.key === 'ArrowUp') { event.preventDefault(); point(at - 1); }
      else if (plain && (event.key === 'Enter' || event.key === 'Tab')) { event.preventDefault(); choose(shown[at]); }
      else if (/^(Arrow|Home|End|Page|Enter|Tab)/.test(event.key)) close();
    });
  };
})();
