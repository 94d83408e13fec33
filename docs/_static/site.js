// Draws the figures of a page by the plotly.min.js that lies beside it, in the colours of the page, light or dark.
(() => {
  const places = [...document.querySelectorAll(".picture")];
  if (!places.length) return;
  const root = document.documentElement;
  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const themed = () => {
    const ink = colour("--pst-color-text-base"), line = colour("--pst-color-border");
    const axis = { color: ink, gridcolor: line, zerolinecolor: line, linecolor: line };
    return { ink, axis };
  };
  const layoutOf = (layout) => {
    const { ink, axis } = themed();
    const changed = { ...layout, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", autosize: true };
    delete changed.width;
    const narrow = innerWidth < 600; // a phone: the legend above, and no room lost beside the curves
    changed.margin = { l: 60, r: 15, t: 30, b: 50, ...(layout.margin || {}), ...(narrow ? { l: 48, r: 8 } : {}) };
    if (narrow) changed.legend = { ...(layout.legend || {}), orientation: "h", x: 0, y: 1.02, yanchor: "bottom" };
    changed.font = { ...(layout.font || {}), color: ink, family: "inherit" };
    for (const key of Object.keys({ xaxis: 0, yaxis: 0, ...layout }))
      if (/^[xy]axis\d*$/.test(key)) changed[key] = { ...(layout[key] || {}), ...axis };
    return changed;
  };
  const draw = () => {
    for (const place of places) {
      const figure = JSON.parse(place.querySelector("script").textContent);
      let target = place.querySelector(".drawn");
      if (!target) {
        target = document.createElement("div");
        target.className = "drawn";
        place.append(target);
      }
      Plotly.react(target, figure.data, layoutOf(figure.layout || {}), { responsive: true, displaylogo: false, displayModeBar: false });
    }
  };
  const script = document.createElement("script");
  script.src = (root.dataset.content_root || "./") + "_static/plotly.min.js";
  script.onload = () => {
    draw();
    new MutationObserver(draw).observe(root, { attributes: true, attributeFilter: ["data-theme"] });
  };
  document.head.append(script);
})();
