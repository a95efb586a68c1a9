// Theme, then every figure and table on the page.
function remembered(value) {
  try {
    if (value !== undefined) localStorage.setItem("seawall-theme", value);
    return localStorage.getItem("seawall-theme");
  } catch {
    return null; // a browser may refuse storage to a file opened from disk
  }
}

function startTheme() {
  const button = document.querySelector(".theme");
  const wanted = matchMedia("(prefers-color-scheme: dark)");
  let chosen = remembered();
  const show = () => {
    const dark = chosen ? chosen === "dark" : wanted.matches;
    document.documentElement.dataset.theme = chosen || "";
    button.textContent = dark ? "Light" : "Dark";
    button.setAttribute("aria-label", `Switch to the ${dark ? "light" : "dark"} theme`);
  };
  button.addEventListener("click", () => {
    const dark = chosen ? chosen === "dark" : wanted.matches;
    chosen = dark ? "light" : "dark";
    remembered(chosen);
    show();
  });
  wanted.addEventListener("change", show);
  show();
}

startTheme();
document.querySelector(".print").addEventListener("click", () => print());
const charts = JSON.parse(document.getElementById("charts").textContent);
for (const chart of charts) {
  (chart.kind === "replay" ? startReplay : startFigure)(document.getElementById(`figure-${chart.key}`), chart);
}
for (const node of document.querySelectorAll(".table")) startTable(node);
globalThis.seawall = { text, charts };
