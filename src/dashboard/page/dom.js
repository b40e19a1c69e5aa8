// Small helpers over the document, shared by all parts of the page.
export const $ = (id) => document.getElementById(id);

// Writes a text only when it differs, so that nothing is laid out anew for nothing.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// A new element with these properties and children.
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// Tells a screen reader what has happened.
export const say = (text) => setText($('said'), text);

// What this browser keeps for the next visit. Storage may be forbidden: then nothing is kept.
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
    // The page works without.
  }
}
