document.body.textContent = "pm";
