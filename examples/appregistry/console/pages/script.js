// All pages work without this. It copies a secret, and keeps a form from being sent twice.
"use strict";

for (const button of document.querySelectorAll("button[data-copy]")) {
	if (!navigator.clipboard) continue;
	const text = document.getElementById(button.dataset.copy).textContent;
	button.hidden = false;
	button.addEventListener("click", async () => {
		try {
			await navigator.clipboard.writeText(text);
			button.textContent = "Copied";
		} catch {
			button.textContent = "Could not copy: select it instead";
		}
	});
}

for (const form of document.querySelectorAll("form[method=post]")) {
	form.addEventListener("submit", (event) => {
		if (form.dataset.sent) event.preventDefault();
		form.dataset.sent = "yes";
		setTimeout(() => delete form.dataset.sent, 5000); // whoever stopped it, or came back, may send it again
	});
}
