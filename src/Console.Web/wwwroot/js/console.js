// Ages and moments as custom elements: the server renders an attribute, the browser counts. One timer for all of them.
const ages = new Set();

function words(seconds) {
  if (seconds < 1.5) return 'just now';
  if (seconds < 100) return `${Math.round(seconds)} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 129600) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86400)} d ago`;
}

class LiveAge extends HTMLElement {
  static observedAttributes = ['at'];
  connectedCallback() { ages.add(this); this.show(); }
  disconnectedCallback() { ages.delete(this); }
  attributeChangedCallback() { if (this.isConnected) this.show(); }
  show() {
    const at = Date.parse(this.getAttribute('at'));
    if (!(at > 0)) { this.set('never', true); return; }
    const seconds = Math.max(0, (Date.now() - at) / 1000);
    this.set(words(seconds), seconds > Number(this.getAttribute('stale-after') || 60));
  }
  set(text, stale) {
    if (this.textContent !== text) this.textContent = text;
    this.classList.toggle('stale', stale);
    const at = this.getAttribute('at');
    if (this.dataset.titled !== at) { this.title = at; this.dataset.titled = at; }
  }
}

const parts = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23', timeZoneName: 'short' };
const localTime = new Intl.DateTimeFormat(undefined, parts);
const localDay = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric', ...parts });
const zoneIsUtc = ['UTC', 'Etc/UTC', 'GMT', 'Etc/GMT'].includes(localTime.resolvedOptions().timeZone);

class LiveWhen extends HTMLElement {
  static observedAttributes = ['at'];
  connectedCallback() { this.show(); }
  attributeChangedCallback() { if (this.isConnected) this.show(); }
  show() {
    const at = new Date(this.getAttribute('at'));
    if (!(at.getTime() > 0)) { this.textContent = '–'; return; }
    const utc = at.toISOString();
    const near = Math.abs(Date.now() - at) < 12 * 3600e3;
    const inUtc = span('when-utc', (near ? '' : utc.slice(0, 10) + ' ') + utc.slice(11, 19) + 'Z');
    if (zoneIsUtc) this.replaceChildren(inUtc);
    else this.replaceChildren(span('when-local', (near ? localTime : localDay).format(at)), inUtc);
    this.title = utc;
  }
}

function span(cls, text) {
  const element = document.createElement('span');
  element.className = cls;
  element.textContent = text;
  return element;
}

customElements.define('live-age', LiveAge);
customElements.define('live-when', LiveWhen);
setInterval(() => { if (!document.hidden) for (const age of ages) age.show(); }, 1000);

// Colour scheme: system → light → dark → system.
const themes = { light: 'dark', dark: 'system', system: 'light' };
const theme = () => localStorage.getItem('opsconsole.theme') ?? 'system';

function nameTheme() {
  for (const word of document.querySelectorAll('[data-theme-word]')) word.textContent = theme();
}

function setTheme(next) {
  if (next === 'system') {
    localStorage.removeItem('opsconsole.theme');
    delete document.documentElement.dataset.theme;
  } else {
    localStorage.setItem('opsconsole.theme', next);
    document.documentElement.dataset.theme = next;
  }
  nameTheme();
  window.dispatchEvent(new Event('opsconsole-theme'));
}

document.addEventListener('click', event => {
  if (event.target.closest('[data-theme-toggle]')) setTheme(themes[theme()]);
  if (event.target.closest('[data-reload]')) location.reload();
  // A bare #main would be relative to the base address, not to the page.
  if (event.target.closest('[data-skip]')) { event.preventDefault(); document.getElementById('main').focus(); }
  // Menus close when a link is taken or something else is clicked.
  for (const menu of document.querySelectorAll('details[data-menu][open]'))
    if (!menu.contains(event.target) || event.target.closest('.menu a')) menu.open = false;
});
document.addEventListener('keydown', event => {
  if (event.key !== 'Escape') return;
  for (const menu of document.querySelectorAll('details[data-menu][open]')) { menu.open = false; menu.querySelector('summary').focus(); }
});
nameTheme();

// The circuit learns whether the page is seen; after a reconnection it is told again.
let layout = null;
function tellVisible() { layout?.invokeMethodAsync('SetVisible', !document.hidden).catch(() => { /* gone; told again on reconnect */ }); }
document.addEventListener('visibilitychange', tellVisible);
window.opsConsole = {
  attach(reference) {
    layout = reference;
    nameTheme();
    document.documentElement.dataset.interactive = 'true';
    if (document.hidden) tellVisible();
  },
};

// Connection lost: the page stays readable, its values dimmed, dangerous buttons disabled (CSS and inert).
const banner = document.getElementById('components-reconnect-modal');
let poll = 0;
banner?.addEventListener('components-reconnect-state-changed', event => {
  const lost = event.detail.state !== 'hide';
  document.documentElement.dataset.link = lost ? 'lost' : 'live';
  for (const button of document.querySelectorAll('[data-dangerous]')) button.inert = lost;
  if (!lost) { clearInterval(poll); poll = 0; tellVisible(); }
  if (event.detail.state === 'rejected') location.reload();
  if (event.detail.state === 'failed' && !poll) poll = setInterval(reloadWhenBack, 4000);
});

async function reloadWhenBack() {
  try {
    if ((await fetch('/healthz', { cache: 'no-store' })).ok) location.reload();
  } catch {
    // Still away; asked again.
  }
}
