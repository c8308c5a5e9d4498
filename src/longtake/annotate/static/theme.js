// Light or dark: as the system has it, until the person chooses.

const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");

/** @type {(() => void)[]} */
const painters = [];

/** Call `paint` when the colours change: for what is drawn, not styled. */
export function onTheme(paint) {
  painters.push(paint);
}

function apply(theme) {
  root.style.colorScheme = theme ?? "";
  root.dataset.theme = theme ?? (system.matches ? "dark" : "light");
  for (const paint of painters) paint();
}

export function toggleTheme() {
  const theme = root.dataset.theme === "dark" ? "light" : "dark";
  localStorage.setItem("theme", theme);
  apply(theme);
}

system.addEventListener("change", () => apply(localStorage.getItem("theme")));
apply(localStorage.getItem("theme"));
