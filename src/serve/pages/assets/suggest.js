// Suggestions below the search field: a combobox with a list (ARIA 1.2). Without this script the field is a plain one.
(() => {
  'use strict';
  const field = document.querySelector('input[data-suggest]');
  if (!field) return;
  const list = document.createElement('ul');
  list.className = 'suggestions';
  list.id = 'suggestions';
  list.hidden = true;
  list.setAttribute('role', 'listbox');
  list.setAttribute('aria-label', field.labels[0].textContent);
  field.after(list);
  for (const [name, value] of Object.entries({ role: 'combobox', 'aria-expanded': 'false', 'aria-controls': list.id, 'aria-autocomplete': 'list' })) {
    field.setAttribute(name, value);
  }

  let [asking, waiting, at, typed] = [null, 0, -1, field.value];

  const close = () => {
    list.hidden = true;
    at = -1;
    field.setAttribute('aria-expanded', 'false');
    field.removeAttribute('aria-activedescendant');
  };

  const choose = (text) => {
    // The name of a thing is looked up as it stands.
    field.value = text;
    close();
    field.form.requestSubmit();
  };

  const show = (texts) => {
    list.replaceChildren(...texts.map((text, place) => {
      const item = document.createElement('li');
      item.id = `suggestion-${place}`;
      item.setAttribute('role', 'option');
      item.setAttribute('aria-selected', 'false');
      item.textContent = text;
      // Before the field loses the focus.
      item.addEventListener('pointerdown', (event) => { event.preventDefault(); choose(text); });
      return item;
    }));
    at = -1;
    list.hidden = texts.length === 0;
    field.setAttribute('aria-expanded', String(texts.length > 0));
    field.removeAttribute('aria-activedescendant');
  };

  const ask = async () => {
    if (asking) asking.abort();
    asking = new AbortController();
    try {
      const response = await fetch(`${field.dataset.suggest}?${new URLSearchParams({ q: typed })}`, { signal: asking.signal });
      if (!response.ok) return;
      const [text, texts] = await response.json();
      if (text === typed.trim() && document.activeElement === field) show(texts);
    } catch { /* The field works without suggestions. */ }
  };

  field.addEventListener('input', () => {
    typed = field.value;
    clearTimeout(waiting);
    if (typed.trim().length < 2) { close(); return; }
    waiting = setTimeout(ask, 120);
  });
  field.addEventListener('blur', close);
  field.addEventListener('keydown', (event) => {
    const items = list.children;
    if (event.key === 'Escape' && !list.hidden) {
      event.preventDefault();
      field.value = typed;
      close();
      return;
    }
    if (event.key === 'Enter' && at >= 0) { event.preventDefault(); choose(items[at].textContent); return; }
    if (list.hidden || (event.key !== 'ArrowDown' && event.key !== 'ArrowUp')) return;
    event.preventDefault();
    if (at >= 0) items[at].setAttribute('aria-selected', 'false');
    const places = items.length + 1;
    at = (at + 1 + (event.key === 'ArrowDown' ? 1 : places - 1)) % places - 1;
    field.value = at >= 0 ? items[at].textContent : typed;
    if (at < 0) { field.removeAttribute('aria-activedescendant'); return; }
    items[at].setAttribute('aria-selected', 'true');
    field.setAttribute('aria-activedescendant', items[at].id);
  });
})();
