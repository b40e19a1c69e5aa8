// DOM helpers shared by all parts of the page.
export const $ = (id) => document.getElementById(id);

// Sets a text only if it differs, to avoid needless layout.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// A new element with these properties and children.
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// Announces an event to screen readers.
export const say = (text) => setText($('said'), text);

// Settings kept in this browser for the next visit. Storage may be disabled: then nothing is kept.
export function recall(name) {
  try {
    return JSON.parse(localStorage.getItem(`tickline.${name}`));
  } catch {
    return null;
  }
}

export function keep(name, value) {
  try {
    if (value === null) localStorage.removeItem(`tickline.${name}`);
    else localStorage.setItem(`tickline.${name}`, JSON.stringify(value));
  } catch {
    // The page works without storage.
  }
}
