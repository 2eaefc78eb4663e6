#include "bench/engram_bench/bench_page.h"

#include <algorithm>

#include "apps/common/page.h"
#include "apps/common/svg_chart.h"
#include "bench/engram_bench/roofline_plot.h"
#include "kernels/common/error.h"

namespace engram::bench {
namespace {

using apps::Html;

const Row* row_named(const Results& results, const std::string& name) {
  const auto found = std::ranges::find(results.rows, name, &Row::name);
  return found == results.rows.end() ? nullptr : &*found;
}

/// Median seconds; 0 where the results have none.
double median_of(const Results& results, const std::string& name) {
  const Row* row = row_named(results, name);
  return row == nullptr ? 0 : quartiles(row->seconds).median;
}

void facts(Html& out, const Results& r) {
  out.markup("<p>").text(message(r.machine.processor, ", ", r.machine.device, ", ", r.conditions.threads,
                                 " threads, scale ", r.conditions.scale, ", ", r.build.compiler, ", commit ",
                                 r.build.commit, ", ", r.conditions.date));
  out.markup("</p>\n<p class=\"").markup(r.conditions.is_quiet() ? apps::Markup("soft") : apps::Markup("warn"));
  out.markup("\">").text(message(r.conditions.is_quiet() ? "The machine was quiet" : "The machine was not quiet",
                                 ": the timing thread lacked its core ",
                                 apps::number_text(100 * r.conditions.lost_share, 3),
                                 " % of the time, other programs used ",
                                 apps::number_text(100 * r.conditions.others_share, 3), " % of the processors."));
  out.markup("</p>\n");
}

void table(Html& out, const Results& r) {
  out.markup("<div class=\"scroll\"><table class=\"numbers\"><thead><tr><th>kernel<th>us<th>quartiles<th>GB/s");
  out.markup("<th>GFLOP/s<th>of a copy<th>of the roofline</tr></thead>\n");
  for (const Row& row : r.rows) {
    const Quartiles q = quartiles(row.seconds);
    if (q.median <= 0) continue;
    out.markup("<tr>").element("th", row.name).element("td", apps::number_text(1e6 * q.median));
    out.element("td", apps::number_text(1e6 * q.lower) + " to " + apps::number_text(1e6 * q.upper));
    out.element("td", apps::number_text(1e-9 * double(row.bytes()) / q.median, 3));
    out.element("td", apps::number_text(1e-9 * double(row.cost.flops) / q.median, 3));
    out.element("td", apps::number_text(row.copy_seconds / q.median, 3));
    out.element("td", apps::number_text(share_of_roofline(row, r.roofline), 3)).markup("</tr>\n");
  }
  out.markup("</table></div>\n");
}

std::vector<std::string> families(const Results& results) {
  std::vector<std::string> names;
  for (const Row& row : results.rows)
    if (std::ranges::find(names, row.family()) == names.end()) names.push_back(row.family());
  return names;
}

/// A chart a family: microseconds of each entry over the results.
void charts(Html& out, const std::vector<Results>& history) {
  out.markup("<h2>History</h2>\n<p class=\"soft\">Median microseconds over the commits, in order: ");
  for (const Results& r : history) out.text(r.build.commit + " ");
  out.markup("</p>\n<div class=\"charts\">\n");
  for (const std::string& family : families(history.back())) {
    std::vector<apps::ChartSeries> series;
    for (const Row& row : history.back().rows) {
      if (row.family() != family) continue;
      apps::ChartSeries line{row.name, {}};
      for (std::size_t i = 0; i < history.size(); ++i)
        if (const double seconds = median_of(history[i], row.name); seconds > 0)
          line.points.push_back({double(i), 1e6 * seconds});
      series.push_back(std::move(line));
    }
    out.markup("<figure>").element("h3", family).html(apps::svg_chart(family, series));
    out.html(apps::chart_legend(series)).markup("</figure>\n");
  }
  out.markup("</div>\n");
}

apps::Markup heat_class(double ratio) {
  if (ratio >= 1.3) return "cell slower";
  if (ratio >= 1.1) return "cell slow";
  if (ratio <= 1 / 1.3) return "cell faster";
  if (ratio <= 1 / 1.1) return "cell fast";
  return "cell";
}

void heat_map(Html& out, const std::vector<Results>& history) {
  out.markup("<h2>Slowdowns</h2>\n<p class=\"soft\">Time over that of the first commit; red is slower. Runs apart ");
  out.markup("differ by some percent by themselves.</p>\n<div class=\"scroll\"><table class=\"heat\"><thead><tr><th>");
  for (const Results& r : history) out.element("th", r.build.commit);
  out.markup("</tr></thead>\n");
  for (const Row& row : history.back().rows) {
    out.markup("<tr>").element("th", row.name);
    const double first = median_of(history.front(), row.name);
    for (const Results& r : history) {
      const double seconds = median_of(r, row.name), ratio = first > 0 ? seconds / first : 0;
      out.markup("<td class=\"").markup(ratio > 0 ? heat_class(ratio) : apps::Markup("cell")).markup("\">");
      out.text(ratio > 0 ? apps::number_text(ratio, 3) : "-").markup("</td>");
    }
    out.markup("</tr>\n");
  }
  out.markup("</table></div>\n");
}

}  // namespace

std::string bench_page(const std::vector<Results>& all) {
  const Results& last = all.back();
  std::vector<Results> history;
  for (const Results& r : all)
    if (r.machine == last.machine) history.push_back(r);
  Html out = apps::page_head("engram-bench", roofline_style());
  out.markup("<body>\n<h1>engram-bench</h1>\n");
  facts(out, last);
  if (history.size() != all.size())
    out.markup("<p class=\"warn\">")
        .text(message(all.size() - history.size(), " results of other machines are left out"))
        .markup("</p>\n");
  const Html plot = roofline_plot(last);
  if (!plot.empty()) out.markup("<h2>Roofline</h2>\n").html(plot);
  out.markup("<h2>Kernels</h2>\n");
  table(out, last);
  if (history.size() > 1) {
    charts(out, history);
    heat_map(out, history);
  }
  return out.html(apps::page_end()).str();
}

}  // namespace engram::bench
