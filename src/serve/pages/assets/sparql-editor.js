// Colours of the query. The field stays a plain text area; its text is transparent, and the same text lies behind it, coloured by
// highlights (CSS Custom Highlight API). Where there are no highlights, nothing changes.
'use strict';
(() => {
  const page = window.sparqlPage;
  const COLOURED = ['comment', 'iri', 'string', 'variable', 'name', 'number', 'keyword', 'tag'];
  // A longer text takes too long at each stroke of a key.
  const LONGEST = 50_000;

  page.editor = (field) => {
    const frame = field.parentElement;
    const behind = page.make('pre', undefined, { 'aria-hidden': 'true' });
    frame.prepend(behind);
    const able = typeof Highlight !== 'undefined' && CSS.highlights;
    let wrong = null;

    const range = (start, end) => {
      const found = new Range();
      found.setStart(behind.firstChild, start);
      found.setEnd(behind.firstChild, end);
      return found;
    };
    const scroll = () => { behind.scrollTop = field.scrollTop; behind.scrollLeft = field.scrollLeft; };

    const colour = () => {
      const text = field.value;
      // A last line that is empty has a height only if something follows it.
      behind.textContent = `${text}\n`;
      const coloured = able && text.length <= LONGEST;
      frame.classList.toggle('coloured', Boolean(coloured));
      if (!able) return;
      const highlights = new Map(COLOURED.map((kind) => [kind, new Highlight()]));
      if (coloured) for (const { kind, start, end } of page.tokens(text)) highlights.get(kind)?.add(range(start, end));
      highlights.set('wrong', wrong ? new Highlight(range(...wrong)) : new Highlight());
      for (const [kind, highlight] of highlights) CSS.highlights.set(`sparql-${kind}`, highlight);
      scroll();
    };

    field.addEventListener('input', () => { wrong = null; colour(); });
    field.addEventListener('scroll', scroll);
    window.addEventListener('pageshow', colour);
    colour();

    const editor = {
      // Replaces a part of the text as if it were typed, so that it can be undone.
      replace: (start, end, text) => {
        field.focus();
        field.setSelectionRange(start, end);
        const done = text ? document.execCommand('insertText', false, text) : document.execCommand('delete');
        if (!done) {
          field.setRangeText(text, start, end, 'end');
          field.dispatchEvent(new Event('input'));
        }
      },
      // Marks the token at a place as wrong, or the one before the end. Returns its bounds.
      mark: (place) => {
        const tokens = page.tokens(field.value);
        const token = tokens.find(({ start, end }) => start <= place && place < end) || tokens.findLast(({ end }) => end <= place);
        wrong = token ? [Math.min(Math.max(token.start, place), token.end - 1), token.end] : null;
        colour();
        return wrong || [0, 0];
      },
      unmark: () => { wrong = null; colour(); },
      // Where a character is, from the corner of the field.
      where: (place) => {
        const [box, corner] = [range(place, place + 1).getBoundingClientRect(), frame.getBoundingClientRect()];
        return { left: box.left - corner.left, top: box.top - corner.top, bottom: box.bottom - corner.top };
      },
      // Selects a part, and shows it.
      show: (start, end) => {
        field.focus();
        field.setSelectionRange(start, end);
        field.scrollTop += editor.where(start).top - field.clientHeight / 2;
        field.scrollIntoView({ block: 'nearest' });
      },
    };
    return editor;
  };
})();
