// The console's script. Pages work without it; it keeps marked parts fresh, and listens to the keyboard.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  document.documentElement.classList.add("scripted");

  // A page goes on with its own space, whatever space another page of this browser has chosen since.
  const space = document.documentElement.dataset.space;
  const asking = (part) => ({ headers: { "x-fragment": part, ...(space && { "x-headrace-space": space }) }, cache: "no-store" });

  // ---- Fresh parts: <section id="rates" data-refresh="2"> asks the same address for its block `rates` every two seconds.
  let held = false;
  const due = new Map();

  // Changes only what differs, so that focus, selection, scroll and open details stay where they are.
  const morph = (old, fresh) => {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || (old.id || "") !== (fresh.id || "")) {
      old.replaceWith(fresh);
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
      return;
    }
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && !(old.nodeName === "DETAILS" && name === "open")) old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(old.nodeName)) return; // what somebody is typing is theirs
    children(old, fresh);
  };
  const children = (old, fresh) => {
    const told = (node) => node.nodeType !== Node.TEXT_NODE || node.nodeValue.trim() !== ""; // white space differs in fragments
    const now = [...old.childNodes].filter(told), then = [...fresh.childNodes].filter(told);
    then.forEach((node, i) => (now[i] ? morph(now[i], node) : old.append(node)));
    now.slice(then.length).forEach((node) => node.remove());
  };

  const stale = (text) => {
    const line = $("stale");
    line.hidden = !text;
    if (line.textContent !== text) line.textContent = text;
  };

  const refresh = async (part) => {
    const answer = await fetch(location.href, { ...asking(part.id), redirect: "error" });
    const text = await answer.text();
    if (!answer.ok) throw new Error(String(answer.status));
    if (held) return;
    const fresh = new DOMParser().parseFromString(`<body>${text}</body>`, "text/html").body;
    children(part, fresh);
  };

  const tick = async () => {
    if (!document.hidden && !held) {
      for (const part of document.querySelectorAll("[data-refresh]")) {
        const at = performance.now();
        if ((due.get(part.id) ?? at + 1000 * part.dataset.refresh) > at) {
          if (!due.has(part.id)) due.set(part.id, at + 1000 * part.dataset.refresh);
          continue;
        }
        due.set(part.id, Infinity);
        try {
          await refresh(part);
          stale("");
        } catch (error) {
          const why = error instanceof TypeError ? "the API does not answer" : `the API answered ${error.message}`;
          stale(`These figures stand still: ${why}. It is asked again every few seconds.`);
        }
        due.set(part.id, performance.now() + 1000 * part.dataset.refresh);
      }
    }
    setTimeout(tick, 250);
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden) due.forEach((_, id) => due.set(id, 0)); });
  setTimeout(tick, 250);

  const hold = $("hold");
  const toggle = () => {
    if (!hold) return;
    held = !held;
    hold.setAttribute("aria-pressed", String(held));
    $("hold-text").textContent = held ? "Held" : "Live";
  };
  hold?.addEventListener("click", toggle);

  const again = document.querySelector("[data-again]");
  if (again) setTimeout(() => location.reload(), 1000 * Math.max(2, again.dataset.again));

  // ---- Light, dark, as the system: at once, without a new page.
  const themes = [...document.querySelectorAll(".theme button")];
  const dress = (theme) => {
    document.documentElement.dataset.theme = theme;
    document.cookie = `headrace_theme=${theme}; path=/console; max-age=31536000; samesite=strict`;
    themes.forEach((one) => one.setAttribute("aria-pressed", String(one.value === theme)));
  };
  document.querySelector(".theme")?.addEventListener("submit", (event) => {
    if (!event.submitter?.value) return;
    event.preventDefault();
    dress(event.submitter.value);
  });

  // ---- Keys. They can be switched off, for those whose tools type single letters.
  const dialog = $("shortcuts"), box = $("shortcuts-on");
  const on = () => { try { return localStorage.getItem("shortcuts") !== "off"; } catch { return true; } };
  box.checked = on();
  box.addEventListener("change", () => { try { localStorage.setItem("shortcuts", box.checked ? "on" : "off"); } catch { /* kept for this page */ } });
  $("shortcuts-open").addEventListener("click", () => dialog.showModal());
  let went = -Infinity;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !box.checked) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    const key = event.key;
    if (performance.now() - went < 1500) {
      went = -Infinity;
      const link = document.querySelector(`nav a[data-key="${CSS.escape(key)}"]`);
      if (link) { event.preventDefault(); link.click(); }
      return;
    }
    if (key === "g") went = performance.now();
    else if (key === "/") {
      const field = document.querySelector("[data-search]");
      if (field) { event.preventDefault(); field.focus(); field.select(); }
    } else if (key === "p") toggle();
    else if (key === "t") {
      const at = themes.findIndex((one) => one.getAttribute("aria-pressed") === "true");
      dress(themes[(at + 1) % themes.length].value);
    } else if (key === "?") dialog.open ? dialog.close() : dialog.showModal();
  });

  // ---- A field that asks while one types: <form data-typing="results"> fetches its own address for that part.
  document.querySelectorAll("form[data-typing]").forEach((form) => {
    let waiting = 0, asked = 0;
    form.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(async () => {
        const address = `${form.getAttribute("action")}?${new URLSearchParams(new FormData(form))}`;
        const mine = ++asked;
        try {
          const answer = await fetch(address, asking(form.dataset.typing));
          const text = await answer.text();
          if (mine !== asked || !answer.ok) return;
          children($(form.dataset.typing), new DOMParser().parseFromString(`<body>${text}</body>`, "text/html").body);
          history.replaceState(null, "", address);
        } catch { /* the form can still be sent */ }
      }, 120);
    });
  });
})();
