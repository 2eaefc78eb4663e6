#include "apps/common/page.h"

#include "apps/common/stack_table.h"
#include "apps/common/svg_chart.h"
#include "apps/common/version.h"
#include "kernels/common/error.h"

namespace engram::apps {
namespace {

constexpr Markup kPageStyle = R"(
:root{color-scheme:light dark;--back:#fff;--card:#f5f7f9;--ink:#1a1f24;--soft:#525c66;--rule:#dbe1e6;--warn:#8a4b00;--bad:#b3261e}
@media(prefers-color-scheme:dark){
:root{--back:#12161a;--card:#1b2127;--ink:#e6eaee;--soft:#a3aeb8;--rule:#343d46;--warn:#ffbf69;--bad:#ff8a80}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1280px;padding:1rem;background:var(--back);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
h1{font-size:1.6rem;line-height:1.25;margin:.3rem 0;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:2rem 0 .6rem}
h3{font-size:1rem;margin:0 0 .4rem;overflow-wrap:anywhere}
.soft,small{color:var(--soft)}
.warn{color:var(--warn)}
.no{color:var(--bad);font-weight:600}
.numbers td{font-variant-numeric:tabular-nums}
figure.large{margin-bottom:1rem;width:fit-content}
.charts{display:grid;gap:1rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,24rem),1fr))}
.images{display:flex;flex-wrap:wrap;gap:1rem}
.card,figure{background:var(--card);border-radius:8px;padding:.8rem;margin:0;min-width:0}
figure{max-width:100%}
img{display:block;max-width:100%;height:auto;image-rendering:pixelated}
figcaption{padding-top:.4rem;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%}
th,td{padding:.25rem .6rem .25rem 0;text-align:left;vertical-align:top;border-top:1px solid var(--rule)}
.facts th,.facts td{overflow-wrap:anywhere}
@media(max-width:40rem){th,td{overflow-wrap:anywhere}}
table+table,table+.charts,.charts+table,.pairs+.card{margin-top:1rem}
thead th{border-top:0;color:var(--soft);font-weight:normal}
th{font-weight:600}
.facts th{width:35%;font-weight:normal;color:var(--soft)}
.facts{max-width:56rem}
.scroll{overflow-x:auto;background:linear-gradient(90deg,var(--card) 30%,transparent) left/3rem 100% no-repeat local,
linear-gradient(270deg,var(--card) 30%,transparent) right/3rem 100% no-repeat local,
radial-gradient(farthest-side at 0 50%,#0004,transparent) left/1rem 100% no-repeat scroll,
radial-gradient(farthest-side at 100% 50%,#0004,transparent) right/1rem 100% no-repeat scroll,var(--card)}
@media print{
:root{color-scheme:light;--back:#fff;--card:#fff;--ink:#000;--soft:#333;--rule:#bbb;--warn:#8a4b00;--bad:#b3261e}
body{max-width:none;padding:0;font-size:10pt}
.card,figure{border:1px solid var(--rule);break-inside:avoid}
h2,h3,summary{break-after:avoid}tr{break-inside:avoid}
.charts{grid-template-columns:1fr 1fr}
.scroll{overflow:visible;background:none;break-inside:auto}
.scroll table{font-size:.7rem}.scroll th,.scroll td{padding-right:.4rem}
.legend{font-size:.7rem}
details::details-content{content-visibility:visible}}
)";

}  // namespace

Html page_head(const std::string& title, Markup more_style) {
  Html out;
  out.markup("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
  // Nothing of what the folder holds can run or load anything, even if it got past the escapes.
  out.markup("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; ");
  out.markup("style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n");
  out.markup("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
  out.markup("<meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n");
  out.element("title", title).markup("\n<style>").markup(kPageStyle).markup(chart_style());
  out.markup(stack_table_style()).markup(more_style);
  return out.markup("</style>\n</head>\n");
}

Html page_end() {
  Html out;
  out.markup("<footer><p class=\"soft\">").text(message("engram ", version())).markup("</p></footer>\n");
  return out.markup("</body>\n</html>\n");
}

}  // namespace engram::apps
