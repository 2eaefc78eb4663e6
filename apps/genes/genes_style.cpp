#include "apps/genes/genes_style.h"

namespace engram::apps {

Markup genes_style() {
  return R"(
:root{--good:#1d7f4e;--pale:#9fb8cf}
@media(prefers-color-scheme:dark){:root{--good:#5fd18b;--pale:#4a6076}}
@media print{:root{--good:#1d7f4e;--pale:#9fb8cf}}
.lead{font-size:1.15rem;max-width:60rem;margin:.6rem 0}
.chips{display:flex;flex-wrap:wrap;gap:.4rem;padding:0;margin:.8rem 0;list-style:none}
.chips li{border:1.5px solid var(--s0);border-radius:999px;padding:.1rem .7rem;font-weight:600}
.chips li.weak{border-style:dashed;border-color:var(--rule);color:var(--soft);font-weight:400}
.facts-row{display:flex;flex-wrap:wrap;gap:.3rem 2rem;margin:.6rem 0;padding:0;list-style:none}
.facts-row b{font-size:1.25rem;font-variant-numeric:tabular-nums}
.forest-row{display:grid;grid-template-columns:1.6rem 6rem 9rem minmax(12rem,1fr) 12rem 6rem;column-gap:.6rem;
align-items:center}
.forest-row:nth-child(odd){background:color-mix(in srgb,var(--back) 60%,transparent)}
.forest-row:last-child{background:none}
.forest-head{color:var(--soft);font-size:.85rem}
.forest-plot{display:block;width:100%;height:auto}.forest-plot text{font-size:12px;fill:var(--soft)}
.forest-rank{color:var(--soft);text-align:right}.forest-name{font-weight:600;overflow-wrap:anywhere}
.forest-ratio,.forest-note,.forest-patients{font-variant-numeric:tabular-nums}
@media(max-width:48rem){
.forest-head{display:none}
.forest-row{grid-template-columns:1.6rem 1fr auto;grid-template-areas:"rank name ratio" ". patients note" "plot plot plot";
padding:.3rem 0}
.forest-rank{grid-area:rank}.forest-name{grid-area:name}.forest-ratio{grid-area:ratio}
.forest-patients{grid-area:patients}.forest-note{grid-area:note;text-align:right}.forest-plot{grid-area:plot}
.forest-patients,.forest-note{color:var(--soft);font-size:.85rem}
.forest-note::before,.forest-patients::before{content:attr(data-column) " "}}
.forest-interval{stroke:var(--s0);stroke-width:1.8}
.forest-naive{stroke:var(--s0);stroke-width:1;opacity:.55}
.forest-one{stroke:var(--soft);stroke-width:1.2;stroke-dasharray:4 3}
.forest-mark{fill:var(--s0);stroke:var(--s0);stroke-width:2}
.forest-mark.open{fill:var(--card)}
.km{fill:none;stroke-width:2.2;stroke-linejoin:round}
.km0{stroke:var(--s0)}.km1{stroke:var(--s0);stroke-dasharray:5 4;stroke-width:1.5}
.km2{stroke:var(--s1)}.km3{stroke:var(--s1);stroke-dasharray:5 4;stroke-width:1.5}
.dose .km0{stroke:var(--s7);stroke-dasharray:none;stroke-width:2}.dose .km1{stroke:var(--s5);stroke-dasharray:none;stroke-width:2}
.dose .km2{stroke:var(--s2);stroke-dasharray:none;stroke-width:2}.dose .km3{stroke:var(--s3);stroke-dasharray:none;stroke-width:2.4}
.band{stroke:none;opacity:.1}
.kb0,.kb1{fill:var(--s0)}.kb2,.kb3{fill:var(--s1)}
.dose .kb0{fill:var(--s7)}.dose .kb1{fill:var(--s5)}.dose .kb2{fill:var(--s2)}.dose .kb3{fill:var(--s3)}
.axis-title{text-anchor:middle}.up{transform:rotate(-90deg);transform-box:fill-box;transform-origin:center}
.risk{font-size:11px!important;text-anchor:middle}.risk-name{font-size:11px!important}
.card .legend{font-size:.82rem}.card .legend th{font-weight:400}.card .legend th:first-child{white-space:nowrap}
.kt0,.kt1{fill:var(--s0)!important}.kt2,.kt3{fill:var(--s1)!important}
.dose .kt0{fill:var(--s7)!important}.dose .kt1{fill:var(--s5)!important}
.dose .kt2{fill:var(--s2)!important}.dose .kt3{fill:var(--s3)!important}
.key .km{stroke-width:3}
.bar{fill:var(--pale)}.bar.strong{fill:var(--s0)}
.bar-text{font-size:12px;paint-order:stroke;stroke:var(--card);stroke-width:4px}
.error-bar{stroke:var(--ink);stroke-width:1.2}
.threshold{stroke:var(--warn);stroke-width:1.2;stroke-dasharray:4 3}
.dot{fill:var(--s0);stroke:var(--s0);stroke-width:1.6}.dot.open{fill:var(--card);stroke:var(--s1)}
.pairs{display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,30rem),1fr))}
.yes{color:var(--good);font-weight:600}
details{margin:.6rem 0}summary{cursor:pointer;color:var(--soft)}
)";
}

}  // namespace engram::apps
