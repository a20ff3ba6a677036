/**
 * Imported before uPlot, which asks for numbers in the language of the browser when it is loaded. WebKitGTK in
 * the locale 'C' has a language that is none.
 */
try {
  new Intl.NumberFormat(navigator.language);
} catch {
  Object.defineProperty(navigator, 'language', { value: 'en' });
}
