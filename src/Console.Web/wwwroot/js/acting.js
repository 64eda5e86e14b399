// Dangerous calls go from the browser to the API, so that pages and scripts meet the same checks: the session, the origin, the second factor.
async function request(method, url, body, headers) {
  const response = await fetch(url, {
    method,
    credentials: 'same-origin',
    headers: { 'X-OpsConsole': '1', ...(body === undefined || body === null ? {} : { 'Content-Type': 'application/json' }), ...headers },
    body: body === undefined || body === null ? undefined : JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
}

const json = answer => (answer.text.startsWith('{') ? JSON.parse(answer.text) : {});
const encode = text => btoa(String.fromCharCode(...new TextEncoder().encode(text))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

/** Answers a challenge with a passkey; throws when the person or the authenticator declines. */
async function answer(challenge) {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(challenge.options);
  const credential = await navigator.credentials.get({ publicKey });
  return { challengeId: challenge.challengeId, credential: credential.toJSON() };
}

async function proof() {
  const asked = await request('POST', '/api/v1/me/passkeys/challenge');
  if (asked.status !== 200) throw new Error(json(asked).detail ?? 'No challenge.');
  return encode(JSON.stringify(await answer(json(asked))));
}

/** Called by pages: {code} or {passkey: true} proves presence, {key} makes a repeated call harmless. */
async function call(method, url, body, { code, passkey, key } = {}) {
  try {
    const headers = {};
    if (code) headers['X-Totp'] = code;
    if (passkey) headers['X-Passkey'] = await proof();
    if (key) headers['Idempotency-Key'] = key;
    return await request(method, url, body, headers);
  } catch (problem) {
    return { status: 0, text: JSON.stringify({ title: 'Not sent', detail: passkey ? `The passkey was not used: ${problem.message}` : 'The console does not answer.' }) };
  }
}

window.opsConsoleActing = { call };

// The emergency stop: one tap, with or without a circuit. Repeated until the console answers, then it shows that everything is undone.
const pause = milliseconds => new Promise(done => setTimeout(done, milliseconds));
let stopping = false;

function tellStop(word, more = '') {
  for (const place of document.querySelectorAll('[data-stop-word]')) place.textContent = word;
  for (const place of document.querySelectorAll('[data-stop-said]')) place.textContent = `${word} ${more}`;
}

async function emergencyStop() {
  if (stopping) return;
  stopping = true;
  tellStop('Stopping');
  try {
    let answer = { status: 0 };
    for (let tries = 0; tries < 30 && (answer.status === 0 || answer.status >= 500); tries++) {
      if (tries > 0) await pause(1000);
      answer = await call('POST', '/api/v1/emergency-stop', { reason: 'emergency stop on the page' });
    }
    if (answer.status !== 200) { tellStop('Not stopped', json(answer).detail ?? 'The console does not answer. Try again.'); return; }
    for (let looks = 0; looks < 120; looks++) {
      const { reverted = [] } = json(answer);
      const verified = reverted.map(target => target.verifiedAt).filter(Boolean).sort();
      if (verified.length === reverted.length) {
        tellStop('Stopped', reverted.length === 0 ? 'Nothing ran.' : `Reverted ${verified.length} of ${reverted.length}, verified ${verified.at(-1).slice(11, 19)}Z.`);
        return;
      }
      tellStop(`Undone ${verified.length} of ${reverted.length}`);
      await pause(250);
      answer = await call('GET', '/api/v1/emergency-stop');
    }
    tellStop('Not all undone', 'See the operations.');
  } finally {
    stopping = false;
  }
}

document.addEventListener('click', event => { if (event.target.closest('[data-emergency-stop]')) emergencyStop(); });

// Forms of pages that have no circuit: sign-in and the account.
const shown = form => (form.elements.code ? { code: form.elements.code.value } : { passkey: form.dataset.passkey !== undefined });

const acts = {
  async signIn(button, form) {
    const asked = await request('POST', '/api/v1/session/passkey/options');
    const signed = await request('POST', '/api/v1/session/passkey', await answer(json(asked)));
    if (signed.status === 200) location.assign(form.dataset.next || '/');
    return signed;
  },
  async add(button, form) {
    const started = await call('POST', '/api/v1/me/passkeys/options', null, shown(form));
    if (started.status !== 200) return started;
    const challenge = json(started);
    const credential = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(challenge.options) });
    const added = await request('POST', '/api/v1/me/passkeys', { challengeId: challenge.challengeId, credential: credential.toJSON(), name: form.elements.name.value });
    if (added.status === 201) location.assign('/account');
    return added;
  },
  async remove(button, form) {
    const code = form.elements.code?.value;
    const removed = await call('DELETE', `/api/v1/me/passkeys/${button.dataset.id}`, null, code ? { code } : { passkey: true });
    if (removed.status === 204) location.assign('/account');
    return removed;
  },
  async enrol(button, form) {
    const started = await call('POST', '/api/v1/me/totp', null, { passkey: true });
    if (started.status !== 200) return started;
    form.elements['Form.Secret'].value = json(started).secret;
    form.submit(); // the page shows the key and asks for its first code
    return started;
  },
  async link(button, form) {
    const started = await call('POST', '/api/v1/me/links', null, shown(form));
    if (started.status === 200) location.assign(json(started).url);
    return started;
  },
};

document.addEventListener('submit', async event => {
  const form = event.target;
  const act = acts[form.dataset?.act];
  if (!act) return;
  event.preventDefault();
  const said = form.querySelector('[data-said]');
  try {
    const result = await act(event.submitter ?? form, form);
    if (result.status >= 400 && said) said.textContent = json(result).detail ?? 'It was refused.';
  } catch (problem) {
    if (said) said.textContent = `Not done: ${problem.message}`;
  }
});

// A posted form that takes a code, or a passkey where the code is left empty: the passkey's answer travels in the form.
document.addEventListener('submit', async event => {
  const { target: form, submitter } = event;
  const field = form.elements['Form.Passkey'];
  if (!field || field.value || form.elements['Form.Code'].value || submitter?.dataset.prove === undefined) return;
  event.preventDefault();
  const said = form.querySelector('[data-said]');
  try {
    field.value = await proof();
    form.requestSubmit(submitter);
  } catch (problem) {
    if (said) said.textContent = `Not done: ${problem.message}`;
  }
});
