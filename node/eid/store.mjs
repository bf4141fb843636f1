// SPDX-License-Identifier: AGPL-3.0-or-later
// What oidc-provider remembers of log-ins under way, in memory: who is logging in begins again after a restart.

const MAX_ENTRIES = 100_000;

export class Store {
  #entries = new Map(); // in the order of writing
  #byUid = new Map();

  model(name) {
    const key = (id) => `${name}:${id}`;
    return {
      upsert: async (id, payload, expiresIn) => this.#put(key(id), payload, expiresIn),
      find: async (id) => this.#get(key(id)),
      findByUid: async (uid) => this.#get(this.#byUid.get(uid)),
      findByUserCode: async () => undefined,
      consume: async (id) => {
        const payload = this.#get(key(id));
        if (payload !== undefined) payload.consumed = Math.floor(Date.now() / 1000);
      },
      destroy: async (id) => this.#drop(key(id)),
      revokeByGrantId: async (grant) => {
        for (const [entry, { payload }] of this.#entries) if (payload.grantId === grant) this.#drop(entry);
      },
    };
  }

  #put(key, payload, expiresIn) {
    this.#drop(key);
    this.#entries.set(key, { payload, expires: Date.now() + (expiresIn ?? 3600) * 1000 });
    if (payload.uid !== undefined) this.#byUid.set(payload.uid, key);
    for (const [oldest, { expires }] of this.#entries) {
      if (expires > Date.now() && this.#entries.size <= MAX_ENTRIES) break;
      this.#drop(oldest);
    }
  }

  #get(key) {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.expires > Date.now() ? entry.payload : undefined;
  }

  #drop(key) {
    const uid = this.#entries.get(key)?.payload.uid;
    if (uid !== undefined && this.#byUid.get(uid) === key) this.#byUid.delete(uid);
    this.#entries.delete(key);
  }
}
