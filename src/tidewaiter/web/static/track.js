/* Checks receipts in the page, with nothing but what the browser has: SHA-256 and Ed25519 of WebCrypto.

   A receipt is JSON; each of its proofs is a text of c2sp.org/tlog-proof, each signed checkpoint a note of
   c2sp.org/signed-note, hashes are RFC 6962's. Nothing is asked of any server. */
"use strict";

(() => {
  const utf8 = new TextEncoder();

  class NotShown extends Error {}
  class CannotSign extends Error {}

  function joined(...parts) {
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let place = 0;
    for (const part of parts) {
      bytes.set(part, place);
      place += part.length;
    }
    return bytes;
  }

  async function sha256(...parts) {
    return new Uint8Array(await crypto.subtle.digest("SHA-256", joined(...parts)));
  }

  const leafHash = (...parts) => sha256(Uint8Array.of(0), ...parts);
  const nodeHash = (left, right) => sha256(Uint8Array.of(1), left, right);
  const toHex = (bytes) => Array.from(bytes, (each) => each.toString(16).padStart(2, "0")).join("");

  function equal(one, other) {
    return one.length === other.length && one.every((each, place) => each === other[place]);
  }

  function fromBase64(text) {
    let bytes;
    try {
      bytes = Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
    } catch {
      throw new NotShown("what should be base 64 is not");
    }
    if (btoa(String.fromCharCode(...bytes)) !== text) throw new NotShown("what should be base 64 is not");
    return bytes;
  }

  function fromHex(text) {
    if (!/^([0-9a-f]{2})+$/.test(text)) throw new NotShown("what should be hexadecimal is not");
    return Uint8Array.from(text.match(/../g), (each) => parseInt(each, 16));
  }

  function number(text) {
    const found = Number(text);
    if (!/^(0|[1-9][0-9]*)$/.test(text) || !Number.isSafeInteger(found)) throw new NotShown("a number cannot be read");
    return found;
  }

  /* RFC 9162, section 2.1.3.2: the root that a leaf and its way up lead to. */
  async function rootFrom(hash, index, size, path) {
    if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) {
      throw new NotShown("the entry does not stand in a log of that size");
    }
    let fn = index;
    let sn = size - 1;
    let root = hash;
    for (const next of path) {
      if (next.length !== 32 || sn === 0) throw new NotShown("the proof has too many hashes");
      if (fn % 2 === 1 || fn === sn) {
        root = await nodeHash(next, root);
        while (fn % 2 === 0 && fn !== 0) {
          fn = Math.floor(fn / 2);
          sn = Math.floor(sn / 2);
        }
      } else {
        root = await nodeHash(root, next);
      }
      fn = Math.floor(fn / 2);
      sn = Math.floor(sn / 2);
    }
    if (sn !== 0) throw new NotShown("the proof has too few hashes");
    return root;
  }

  /* A key of c2sp.org/signed-note: a log's (1) or a cosigner's (4), both Ed25519. Of other types nothing is checked here. */
  async function keyIn(said) {
    const parts = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(said);
    if (!parts) return null;
    const material = fromBase64(parts[3]);
    const id = (await sha256(utf8.encode(`${parts[1]}\n`), material)).slice(0, 4);
    if (toHex(id) !== parts[2]) throw new NotShown("a key does not have the id it says");
    const isChecked = (material[0] === 1 || material[0] === 4) && material.length === 33;
    return { name: parts[1], id, type: isChecked ? material[0] : 0, material: material.slice(1) };
  }

  /* Whom one believes: c2sp.org/tlog-policy, or the keys of logs alone, one a line. What cannot be read is refused: a line
     that was passed over might be the one that asks for more. */
  async function policyIn(text) {
    const policy = { logs: [], witnesses: new Map(), groups: new Map(), quorum: "" };
    const grouped = new Set();
    for (const [place, line] of text.split("\n").entries()) {
      const [keyword, ...words] = line.split(/[ \t\r]+/).filter((word) => word);
      if (!keyword || keyword.startsWith("#")) continue;
      const refused = () => new NotShown(`line ${place + 1} of the keys or policy cannot be read`);
      const isTaken = (name) => name === "none" || policy.witnesses.has(name) || policy.groups.has(name);
      if (keyword === "quorum") {
        if (policy.quorum || words.length !== 1 || (words[0] !== "none" && !isTaken(words[0]))) throw refused();
        policy.quorum = words[0];
      } else if (keyword === "group") {
        const [name, needed, ...members] = words;
        const threshold = needed === "any" ? 1 : needed === "all" ? members.length : number(needed || "");
        const isFit = members.every((each) => each !== "none" && isTaken(each) && !grouped.has(each)) && new Set(members).size === members.length;
        if (isTaken(name) || !isFit || threshold < 1 || threshold > members.length) throw refused();
        members.forEach((each) => grouped.add(each));
        policy.groups.set(name, { threshold, members });
      } else if (keyword === "witness") {
        const key = await keyIn(words[1] || "");
        if (!key || key.type === 1 || isTaken(words[0])) throw refused();
        if ([...policy.witnesses.values()].some((each) => equal(each.material, key.material))) throw refused();
        policy.witnesses.set(words[0], key);
      } else {
        const key = await keyIn(keyword === "log" ? words[0] || "" : keyword);
        if (!key) throw refused();
        policy.logs.push(key);
      }
    }
    if (!policy.quorum && policy.witnesses.size + policy.groups.size) throw new NotShown("the policy has no line quorum");
    return policy;
  }

  /* Whether the witnesses that have signed suffice: groups stand behind what they are made of. */
  function refuseUnmet(policy, signed) {
    const met = new Set([...policy.witnesses].filter(([, key]) => signed.has(key)).map(([name]) => name));
    for (const [name, group] of policy.groups) {
      if (group.members.filter((each) => met.has(each)).length >= group.threshold) met.add(name);
    }
    if (policy.quorum && policy.quorum !== "none" && !met.has(policy.quorum)) {
      throw new NotShown(`the quorum ${policy.quorum} of the policy is not met`);
    }
  }

  async function hasSigned(key, text, signature) {
    let imported;
    try {
      imported = await crypto.subtle.importKey("raw", key.material, { name: "Ed25519" }, false, ["verify"]);
    } catch {
      throw new CannotSign();
    }
    if (key.type === 1) return crypto.subtle.verify({ name: "Ed25519" }, imported, signature, utf8.encode(text));
    if (signature.length !== 72) return false;
    const moment = new DataView(signature.buffer, signature.byteOffset, 8).getBigUint64(0);
    const cosigned = utf8.encode(`cosignature/v1\ntime ${moment}\n${text}`);
    return crypto.subtle.verify({ name: "Ed25519" }, imported, signature.slice(8), cosigned);
  }

  async function checkpointOf(note, policy) {
    const end = note.lastIndexOf("\n\n");
    if (end < 0 || !note.endsWith("\n")) throw new NotShown("the checkpoint cannot be read");
    const text = note.slice(0, end + 1);
    const [origin, size, root] = text.split("\n");
    const logs = policy.logs.filter((key) => key.name === origin);
    if (!logs.length) throw new NotShown(`no key is given for the log ${origin}`);
    const known = [...logs, ...policy.witnesses.values()].filter((key) => key.type);
    const signed = new Set();
    for (const line of note.slice(end + 2, -1).split("\n")) {
      const parts = /^\u2014 (\S+) (\S+)$/.exec(line);
      if (!parts) throw new NotShown("a signature cannot be read");
      const data = fromBase64(parts[2]);
      for (const key of known) {
        if (parts[1] === key.name && equal(data.slice(0, 4), key.id)) {
          if (!(await hasSigned(key, text, data.slice(4)))) throw new NotShown(`the signature of ${key.name} does not hold`);
          signed.add(key);
        }
      }
    }
    if (!logs.some((key) => signed.has(key))) throw new NotShown("the checkpoint is not signed by the log");
    refuseUnmet(policy, signed);
    return { origin, size: number(size), root: fromBase64(root) };
  }

  async function shown(each, policy) {
    const head = each.proof.indexOf("\n\n");
    const lines = each.proof.slice(0, head).split("\n");
    if (head < 0 || lines.shift() !== "c2sp.org/tlog-proof@v1") throw new NotShown("the proof cannot be read");
    if (lines.length && lines[0].startsWith("extra ")) lines.shift();
    const index = number((lines.shift() || "").replace(/^index /, ""));
    const checkpoint = await checkpointOf(each.proof.slice(head + 2), policy);
    const root = await rootFrom(await leafHash(utf8.encode(each.entry)), index, checkpoint.size, lines.map(fromBase64));
    if (!equal(root, checkpoint.root)) throw new NotShown("the proof does not lead to what was signed");
    const leaf = JSON.parse(each.entry);
    for (const field of each.fields || []) {
      const name = utf8.encode(field.name);
      const salt = fromHex(field.salt);
      if (salt.length !== 32 || !name.length || name.length > 255) throw new NotShown("a field cannot be read");
      const told = await leafHash(salt, Uint8Array.of(name.length), name, utf8.encode(field.value));
      const found = await rootFrom(told, field.index, field.size, field.path.map(fromHex));
      if (toHex(found) !== leaf.commitment) throw new NotShown(`the field ${field.name} is not what the entry was bound to`);
    }
    return { ...checkpoint, index, leaf, fields: each.fields || [] };
  }

  /* What a receipt shows; an entry that is not shown says why. */
  async function verified(text, policy) {
    const receipt = JSON.parse(text);
    if (receipt.receipt !== "tidewaiter receipt v1" || !Array.isArray(receipt.entries) || !receipt.entries.length) {
      throw new NotShown("this is no receipt of a parcel");
    }
    const believed = await policyIn(policy);
    const results = [];
    for (const each of receipt.entries) {
      try {
        results.push(await shown(each, believed));
      } catch (error) {
        if (error instanceof CannotSign) throw error;
        results.push({ why: error instanceof NotShown ? error.message : "the entry cannot be read" });
      }
    }
    return results;
  }

  function told(kind, words) {
    const paragraph = document.createElement("p");
    paragraph.className = `note ${kind}`;
    paragraph.textContent = words;
    return paragraph;
  }

  function filled(words, values) {
    return words.replace(/\[(\w+)\]/g, (_, name) => values[name]);
  }

  async function check(form, targets) {
    const words = form.dataset;
    const put = (...parts) => targets.forEach((target) => target.replaceChildren(...parts.map((each) => each.cloneNode(true))));
    put(told("", words.working));
    let results;
    try {
      results = await verified(form.querySelector("#receipt").value, form.querySelector("#policy").value);
    } catch (error) {
      const refused = error instanceof CannotSign ? told("note-warning", words.noSignatures) : told("note-error", `${words.bad} ${error.message}`);
      if (!(error instanceof CannotSign)) refused.dataset.shown = "no";
      put(refused);
      return;
    }
    const bad = results.filter((each) => each.why);
    const verdict = bad.length ? told("note-error", `${words.bad} ${bad[0].why}`) : told("note-done", words.good);
    verdict.dataset.shown = bad.length ? "no" : "yes";
    const list = document.createElement("ol");
    for (const each of results) {
      const item = document.createElement("li");
      item.textContent = each.why
        ? each.why
        : filled(words.entry, {
            type: each.leaf.facts.state || each.leaf.type,
            index: each.index,
            log: each.origin,
            size: each.size,
            at: new Date(each.leaf.at * 1000).toISOString().slice(0, 16).replace("T", " "),
            fields: each.fields.filter((field) => field.value).map((field) => `${field.name}: ${field.value}`).join("; "),
          });
      list.append(item);
    }
    targets.forEach((target) => target.replaceChildren(verdict.cloneNode(true), ...(target.matches("[data-results]") ? [list] : [])));
  }

  const form = document.querySelector("form[data-check]");
  if (!form || !globalThis.crypto?.subtle) return;
  const results = document.querySelector("[data-results]");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    check(form, [results]);
  });
  const verdict = document.querySelector("[data-verdict]");
  if (verdict && form.querySelector("#receipt").value) check(form, [results, verdict]);
})();
