"""The style of the page: light and dark, phone, screen and paper. Blue and orange are told apart by the colour-blind."""

STYLE = """
:root{--ink:#1b1f24;--soft:#5a6472;--rule:#d5dae1;--paper:#fff;--tile:#f4f6f9;--pos:#2a6fb0;--neg:#c8641b}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ee;--soft:#a3adba;--rule:#3a424d;--paper:#14171b;--tile:#1e232a;--pos:#6aaef0;
--neg:#f0a05a}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1120px;padding:20px;background:var(--paper);color:var(--ink);
font:14px/1.4 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
h1{font-size:22px;margin:0;overflow-wrap:anywhere}
header p{margin:2px 0 14px;color:var(--soft);overflow-wrap:anywhere}
h2{font-size:15px;margin:0 0 6px;overflow-wrap:anywhere}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(118px,1fr));gap:8px;margin:0 0 18px}
.figures div{background:var(--tile);border-radius:6px;padding:8px 10px}
.figures dt{font-size:12px;color:var(--soft)}
.figures dd{margin:0;font-size:19px;font-weight:600;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.figures dd.note{font-size:11px;font-weight:400;margin:0}
main{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:22px 26px;align-items:start}
section{min-width:0}
.wide{grid-column:1/-1}
@media (min-width:980px){#tail_risk,#realised{grid-row:span 2}}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:13px;font-variant-numeric:tabular-nums}
th,td{padding:2px 6px;text-align:right;white-space:nowrap;vertical-align:bottom}
th:first-child,td:first-child{padding-left:0}
th:first-child,.text{text-align:left}
td.text,tbody th{max-width:17em;overflow:hidden;text-overflow:ellipsis}
thead th{font-weight:600;color:var(--soft);border-bottom:1px solid var(--rule);white-space:normal}
tbody th,tfoot th{font-weight:400}
tbody tr:nth-child(even){background:var(--tile)}
tfoot th,tfoot td{border-top:1px solid var(--rule);font-weight:600}
tfoot tr+tr th,tfoot tr+tr td{border-top:0}
.note{color:var(--soft);font-size:12px;margin:5px 0 0}
.bar{width:60px;height:10px;margin-right:6px;vertical-align:-1px}
.pos{fill:var(--pos)}
.neg{fill:var(--neg)}
.axis{stroke:var(--soft);stroke-width:.7;fill:none}
.mark{stroke:var(--ink);stroke-width:1;stroke-dasharray:3 2;fill:none}
figure{margin:8px 0 0}
.chart{width:100%;max-width:480px;height:auto;display:block}
.chart text{font-size:9px;fill:var(--soft)}
.line{fill:none;stroke-width:1.6}
polyline.line0{stroke:var(--pos)}
polyline.line1{stroke:var(--neg);stroke-dasharray:5 2}
text.line0{fill:var(--pos)}
text.line1{fill:var(--neg)}
figcaption{color:var(--soft);font-size:12px}
footer{margin-top:22px;border-top:1px solid var(--rule);padding-top:10px;color:var(--soft);font-size:12px}
footer h2{font-size:13px}
footer ul{margin:0;padding-left:18px}
@media (max-width:520px){body{padding:12px;font-size:13px}.bar{width:34px}.minor{display:none}table{font-size:12px}
td.text,tbody th{max-width:11em}th,td{padding:2px 4px}}
@page{size:A4;margin:10mm}
@media print{:root{--ink:#000;--soft:#444;--rule:#bbb;--paper:#fff;--tile:#f4f6f9;--pos:#2a6fb0;--neg:#c8641b}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}
body{max-width:none;padding:0;font-size:8.5px;line-height:1.25}h1{font-size:14px}h2{font-size:9.5px;margin-bottom:2px;break-after:avoid}
table{font-size:7.4px}th,td{padding:.6px 3px}td.text,tbody th{max-width:15em}
.figures{grid-template-columns:repeat(auto-fit,minmax(70px,1fr));gap:5px;margin-bottom:9px}
.figures div{padding:4px 6px}.figures dd{font-size:12px}.figures dt,.figures dd.note,.note,figcaption,footer{font-size:6.8px}
header p{margin-bottom:7px}main{grid-template-columns:1fr 1fr;gap:7px 14px}section{break-inside:avoid}
#tail_risk,#realised{grid-row:span 2}.scroll{overflow:visible}
.bar{width:34px;height:6px}.chart{max-width:74mm}footer{margin-top:9px}footer h2{font-size:9px}}
"""
