// The console works without this file. It adds: no polling in a hidden tab, a note when the server is silent, copying of
// hashes, and uploads with progress by drag and drop.
"use strict";
(() => {
  document.documentElement.classList.add("js");

  const lost = (is) => {
    const note = document.querySelector(".lost");
    if (note) note.hidden = !is;
  };
  document.body.addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden) event.preventDefault();
  });
  document.body.addEventListener("htmx:afterOnLoad", () => lost(false));
  for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
    document.body.addEventListener(name, () => lost(true));
  }

  document.body.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    navigator.clipboard.writeText(button.dataset.copy).then(() => {
      button.textContent = "copied";
    });
  });

  const send = (form, file) => {
    const progress = form.querySelector("progress");
    const outcome = form.querySelector("output");
    const body = new FormData();
    body.append("artifact", file, file.name);
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => {
      if (!event.lengthComputable) return;
      progress.value = Math.round((100 * event.loaded) / event.total);
      outcome.textContent = event.loaded < event.total ? `${progress.value} %` : "examining…";
    });
    request.addEventListener("load", () => {
      let answer = {};
      try {
        answer = JSON.parse(request.responseText);
      } catch {
        answer = { detail: `the answer ${request.status} is no JSON` };
      }
      if (answer.location) {
        location.assign(answer.location);
        return;
      }
      progress.hidden = true;
      outcome.textContent = answer.detail || `refused with ${request.status}`;
      outcome.classList.add("red");
    });
    request.addEventListener("error", () => {
      outcome.textContent = "the upload broke off; send it again";
      outcome.classList.add("red");
    });
    outcome.classList.remove("red");
    progress.hidden = false;
    progress.value = 0;
    outcome.textContent = file.name;
    request.send(body);
  };

  for (const form of document.querySelectorAll("[data-upload]")) {
    const drop = form.querySelector(".drop");
    const input = form.querySelector("input[type=file]");
    form.addEventListener("submit", (event) => {
      if (!input.files.length) return;
      event.preventDefault();
      send(form, input.files[0]);
    });
    for (const name of ["dragenter", "dragover"]) {
      drop.addEventListener(name, (event) => {
        event.preventDefault();
        drop.classList.add("over");
      });
    }
    drop.addEventListener("dragleave", () => drop.classList.remove("over"));
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      drop.classList.remove("over");
      if (event.dataTransfer.files.length) send(form, event.dataTransfer.files[0]);
    });
  }
})();
