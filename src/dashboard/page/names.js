// Names that come from outside (symbols, companies, sources, causes), as they are shown. What is invisible, or changes the
// order of what is around it, is shown escaped, like \u{202E}: two names that differ never look the same because of it.

// Controls, formats, unassigned and private characters, spaces other than the usual one, and what has no shape of its own.
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}|\\(?=u\{)/gu;

export const shown = (name) =>
  String(name ?? '').replace(HIDDEN, (found) => `\\u{${found.codePointAt(0).toString(16).toUpperCase()}}`);

// A symbol's exchange, before the first colon, and the rest; without one of them all is the rest.
export function parts(symbol) {
  const at = symbol.indexOf(':');
  if (at < 0 || at === symbol.length - 1) return { exchange: '', own: symbol };
  return { exchange: symbol.slice(0, at), own: symbol.slice(at + 1) };
}
