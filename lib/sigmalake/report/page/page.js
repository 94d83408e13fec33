(function () {
  "use strict";
  var content = JSON.parse(document.getElementById("figures").textContent);
  var root = document.documentElement;
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  var printing = false;
  var drawn = [];

  function arrays(value) { // `{"$": n}` is array n
    if (Array.isArray(value)) return value.map(arrays);
    if (value === null || typeof value !== "object") return value;
    if (Object.keys(value).length === 1 && "$" in value) {
      var stored = content.arrays[value.$];
      return Array.isArray(stored) ? stored.slice() : Object.assign({}, stored);
    }
    var whole = {};
    Object.keys(value).forEach(function (key) { whole[key] = arrays(value[key]); });
    return whole;
  }

  function isDark() {
    var chosen = root.getAttribute("data-theme");
    return !printing && (chosen ? chosen === "dark" : dark.matches);
  }

  function template() { // as the figures of `model.plot` have it, in the font of the page
    var theme = content.themes[isDark() ? "dark" : "light"];
    return { layout: Object.assign({}, theme.layout, { font: Object.assign({}, theme.layout.font, {
      family: getComputedStyle(document.body).fontFamily }), modebar: { bgcolor: "rgba(0,0,0,0)", color: theme.layout.font.color } }) };
  }

  var CHARACTERS = /&(?:#\d+|\w+);|[^]/gu, NARROW = 15; // an entity is one character; of a label on a phone

  function shortened(label) { // as `shortened` of the figures
    var all = String(label).match(CHARACTERS) || [], head = Math.floor(2 * NARROW / 3);
    if (all.length <= NARROW) return label;
    return all.slice(0, head).join("") + "\u2026" + all.slice(head + 1 - NARROW).filter(function (one) { return one !== "\u2026"; }).join("");
  }

  function shortenLabels(layout) { // those of axes whose names are long: a phone has no room for them beside the plot
    Object.keys(layout).forEach(function (key) {
      if (/^[xy]axis/.test(key) && layout[key].ticktext) layout[key].ticktext = arrays(layout[key].ticktext).map(shortened);
    });
  }

  function figure(place) { // what is chosen
    var picture = content.pictures[place.getAttribute("data-picture")];
    var chosen = Array.prototype.map.call(place.parentNode.querySelectorAll("select"), function (menu) { return menu.value; });
    var found = arrays(picture.figures[chosen.join(",")]);
    if (found.missing) return found;
    found.layout.template = template();
    found.layout.autosize = true;
    return found;
  }

  function draw(place) {
    var found = figure(place), narrow = place.clientWidth < 560;
    if (drawn.indexOf(place) < 0) drawn.push(place);
    if (found.missing) {
      Plotly.purge(place);
      place.textContent = found.missing;
      place.setAttribute("aria-label", found.missing);
      return;
    }
    if (!place.classList.contains("js-plotly-plot")) place.textContent = "";
    if (narrow) {
      found.layout.font = Object.assign({}, found.layout.font, { size: 11 });
      found.layout.dragmode = false; // a finger scrolls the page
      shortenLabels(found.layout);
    }
    (found.layout.annotations || []).forEach(function (note) { // titles of the parts of a picture
      if (note.font && note.font.size > 13) note.font.size = narrow ? 11 : 13;
    });
    if (printing) found.layout.height = found.layout.height < 520 ? 0.75 * found.layout.height : Math.min(found.layout.height, found.layout.height > 1000 ? 940 : 700);
    if (found.layout.height) place.style.minHeight = found.layout.height + "px";
    place.setAttribute("aria-label", found.layout.meta.alt);
    place.parentNode.querySelector(".says").textContent = found.layout.meta.says;
    Plotly.react(place, found.data, found.layout, {
      responsive: true, displaylogo: false, showTips: false, modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"],
      displayModeBar: narrow ? false : "hover", scrollZoom: false
    });
  }

  var places = Array.prototype.slice.call(document.querySelectorAll(".plot[data-picture]"));
  places.forEach(function (place) {
    Array.prototype.forEach.call(place.parentNode.querySelectorAll("select"), function (menu) {
      menu.addEventListener("change", function () { draw(place); });
    });
  });

  function drawAll() { places.forEach(function (place) { if (drawn.indexOf(place) < 0) draw(place); }); root.setAttribute("data-drawn", "all"); }
  function redraw() { drawn.slice().forEach(draw); }
  function next() { // one at a time, so that the page answers meanwhile
    var waiting = places.filter(function (place) { return drawn.indexOf(place) < 0; });
    if (!waiting.length) { root.setAttribute("data-drawn", "all"); return; }
    draw(waiting[0]);
    window.setTimeout(next, 0);
  }

  var button = document.getElementById("theme");
  function label() { button.textContent = isDark() ? "Light colours" : "Dark colours"; }
  button.addEventListener("click", function () {
    root.setAttribute("data-theme", isDark() ? "light" : "dark");
    label();
    redraw();
  });
  dark.addEventListener("change", function () { if (!root.getAttribute("data-theme")) { label(); redraw(); } });
  window.addEventListener("beforeprint", function () {
    printing = true;
    places.forEach(function (place) { place.style.width = "686px"; }); // A4 and letter, less the margins
    drawAll();
    redraw();
  });
  window.addEventListener("afterprint", function () {
    printing = false;
    places.forEach(function (place) { place.style.width = ""; });
    redraw();
  });
  label();
  next();
})();
