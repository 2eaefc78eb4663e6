#include "apps/genes/comparison_report.h"

#include <algorithm>
#include <cstdio>

#include "apps/common/page.h"
#include "apps/common/stack_table.h"
#include "apps/genes/bar_chart.h"
#include "apps/genes/genes_style.h"
#include "apps/genes/selection_sections.h"
#include "apps/genes/trajectory_chart.h"
#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"

namespace engram::apps {
namespace {

constexpr int kCheckpoints = 60;

Html hits_chart(const std::string& scenario, const std::vector<SummaryRow>& rows) {
  std::vector<BarRow> bars;
  for (const SummaryRow& r : rows) {
    if (r.scenario != scenario || r.cohorts == 0) continue;
    bars.push_back({r.method, r.hits.mean, r.hits.standard_error, with_error(r.hits, 1),
                    r.method == "pipeline" || r.method == "pipeline-forward"});
  }
  std::stable_sort(bars.begin(), bars.end(), [](const BarRow& a, const BarRow& b) { return a.value > b.value; });
  return bar_chart("Hits among ten, scenario " + scenario, bars, 10);
}

double fitness_at(const std::vector<genes::TrajectoryPoint>& points, std::int64_t evaluations) {
  double fitness = 0;
  for (const genes::TrajectoryPoint& p : points)
    if (p.evaluations <= evaluations) fitness = p.fitness;
  return fitness;
}

/// Median over the cohorts of a search's best fitness, as a share of the best that any method found.
std::vector<genes::TrajectoryPoint> median_progress(const std::string& scenario, const std::string& method,
                                                    const std::vector<ComparisonCell>& cells) {
  std::vector<const CellEntry*> entries;
  std::vector<double> best;
  std::int64_t last = 0;
  for (const ComparisonCell& cell : cells) {
    if (cell.scenario != scenario) continue;
    double top = 0;
    for (const CellEntry& e : cell.entries)
      if (e.method.starts_with("wrapper-")) top = std::max(top, e.fitness);
    for (const CellEntry& e : cell.entries) {
      if (e.method != method || e.trajectory.empty() || top <= 0) continue;
      entries.push_back(&e);
      best.push_back(top);
      last = std::max(last, e.trajectory.back().evaluations);
    }
  }
  std::vector<genes::TrajectoryPoint> points;
  for (int k = 1; k <= kCheckpoints && !entries.empty(); ++k) {
    const std::int64_t at = last * k / kCheckpoints;
    std::vector<double> shares;
    for (std::size_t i = 0; i < entries.size(); ++i)
      shares.push_back(std::max(0.0, fitness_at(entries[i]->trajectory, at)) / best[i]);
    std::nth_element(shares.begin(), shares.begin() + std::ptrdiff_t(shares.size() / 2), shares.end());
    points.push_back({at, shares[shares.size() / 2]});
  }
  return points;
}

/// Empty where no search ran.
Html progress_card(const std::string& scenario, const std::vector<ComparisonCell>& cells) {
  const std::vector<std::string> searches = {"qbso-greedy", "qbso-improved", "qbso",      "bpso-q",
                                             "genetic",     "forward",       "annealing", "random-10"};
  std::vector<TrajectoryLine> lines;
  Html legend;
  legend.markup("<p>");
  for (std::size_t i = 0; i < searches.size(); ++i) {
    TrajectoryLine line{searches[i], median_progress(scenario, "wrapper-" + searches[i], cells), int(i)};
    if (line.points.empty()) continue;
    lines.push_back(line);
    legend.markup("<span style=\"white-space:nowrap\"><svg class=\"key\" viewBox=\"0 0 24 8\" aria-hidden=\"true\">");
    legend.markup("<path class=\"line s").text(std::to_string(i)).markup("\" d=\"M1 4h22\"/></svg>").text(searches[i]);
    legend.markup("</span> ");
  }
  if (lines.empty()) return {};
  Html out;
  out.markup("<section class=\"card\"><h3>Best fitness of the searches, as a share of the best known (median)</h3>");
  return out.html(trajectory_chart("Median best fitness, as a share of the best known", lines))
      .html(legend)
      .markup("</p></section>\n");
}

Html in_card(const StackTable& table) {
  Html out;
  return out.markup("<div class=\"card scroll\">").html(table.html()).markup("</div>\n");
}

Html table(const std::string& scenario, const std::vector<SummaryRow>& rows) {
  StackTable out({"method", "cohorts", "hits of 10", "precision", "recall", "F1", "average precision", "prognostic",
                  "decoys", "passes all checks", "F1 against pipeline", "Wilcoxon p", "seconds"});
  for (const SummaryRow& r : rows) {
    if (r.scenario != scenario) continue;
    out.row(r.method).cell(std::to_string(r.cohorts));
    if (r.cohorts == 0) {
      out.wide_cell("not applicable: too few deaths for the model");
      continue;
    }
    out.cell(with_error(r.hits, 2)).cell(with_error(r.precision, 3)).cell(with_error(r.recall, 3));
    out.cell(with_error(r.f1, 3)).cell(with_error(r.average_precision, 3)).cell(number_text(r.prognostic.mean, 3));
    out.cell(number_text(r.decoys.mean, 3)).cell(r.declared.mean < 0 ? "" : with_error(r.declared, 2));
    out.cell(number_text(r.f1_difference, 3)).cell(number_text(r.wilcoxon_p, 2)).cell(number_text(r.seconds.mean, 3));
  }
  return in_card(out);
}

Html use_table(const std::string& scenario, const std::vector<SummaryRow>& rows) {
  std::vector<std::string> columns = use_columns();
  columns.insert(columns.begin(), "method");
  StackTable out(columns);
  for (const SummaryRow& r : rows) {
    if (r.scenario != scenario || !measures_use(r)) continue;
    out.row(r.method);
    for (const std::string& cell : use_cells(r)) out.cell(cell);
  }
  return out.empty() ? Html() : Html().element("h3", "What the listed genes predict").html(in_card(out));
}

}  // namespace

std::filesystem::path write_comparison_report(const RunDir& run, const std::vector<ComparisonCell>& cells,
                                              const std::vector<SummaryRow>& rows, const std::string& key) {
  std::vector<std::string> scenarios;
  for (const SummaryRow& r : rows)
    if (std::ranges::find(scenarios, r.scenario) == scenarios.end()) scenarios.push_back(r.scenario);
  Html out;
  out.html(page_head("Methods of gene selection compared", genes_style())).markup("<body>\n<header>\n");
  out.markup("<h1>Methods of gene selection compared</h1>\n<p class=\"soft\">");
  out.text(message("Measured against ", key, ". Mean ± standard error over ", cells.size(),
                   " runs in all. Searches have the same filter, fitness and number of evaluations."));
  out.markup("</p>\n</header>\n<main>\n");
  for (const std::string& scenario : scenarios) {
    out.element("h2", scenario).markup("<div class=\"pairs\"><section class=\"card\"><h3>Hits among ten</h3>");
    out.html(hits_chart(scenario, rows)).markup("</section>\n").html(progress_card(scenario, cells));
    out.markup("</div>\n").html(table(scenario, rows));
    out.html(use_table(scenario, rows));
  }
  out.html(repeat_section(run, {"evaluation.csv", "evaluation.json", "evaluation.md"}))
      .markup("</main>\n")
      .html(page_end());
  const std::filesystem::path file = run / "report.html";
  io::write_file(file, out.str());
  return file;
}

}  // namespace engram::apps
